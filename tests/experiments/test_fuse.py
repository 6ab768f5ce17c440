"""Tests of experiments.fuse on tiny maps."""

import json
import os
import pathlib
import shutil

import cv2
import keras
import numpy as np
import pytest
from absl import app

from dpde_tf.cli import fuse
from dpde_tf.files import depth_maps as depth_files
from dpde_tf.files.depth_formats import SUFFIXES
from dpde_tf.files.depth_maps import read_depth, write_depth
from dpde_tf.inference import refine
from tests.fixtures.program_flags import flags_of
from tests.fixtures.programs import run_program

# One map per stem, each of its own size: 0.1 m per pixel with one noisy pixel.
SIZES = {"a": (5, 6), "b": (7, 4)}


def clean_depth(size):
    return np.tile(2 + 0.1 * np.arange(size[1], dtype=np.float32), (size[0], 1))


def noisy_depth(size):
    depth = clean_depth(size)
    depth[2, 2] += 0.5
    return depth


@pytest.fixture
def folders(tmp_path):
    """The flags for a folder of depth and one of gradients."""
    for stem, size in SIZES.items():
        write_depth(tmp_path / "depth" / f"{stem}.npy", noisy_depth(size))
        gradients = np.zeros((*size, 2), np.float32)
        gradients[..., 0] = 0.1
        (tmp_path / "gradients").mkdir(exist_ok=True)
        np.save(tmp_path / "gradients" / f"{stem}.npy", gradients)
    names = ("depth", "gradients", "output")
    return {name: str(tmp_path / name) for name in names}


@pytest.fixture
def run():
    with flags_of(fuse) as run_main:
        yield run_main


def refined(folders, stem, suffix=".npy", **options):
    return read_depth(f"{folders['output']}/{stem}{suffix}", **options)


def test_fuse_refines_each_file_at_its_own_size(folders, run, tmp_path):
    run("--pictures", **folders)
    for stem, size in SIZES.items():
        depth = refined(folders, stem)
        assert depth.shape == size
        # Half a metre of noise has become less than a centimetre.
        np.testing.assert_allclose(depth, clean_depth(size), atol=0.01)
        assert cv2.imread(f"{folders['output']}/pictures/{stem}.png") is not None
    record = json.loads((tmp_path / "output" / "run.json").read_text())
    assert record["program"] == "experiments.fuse"
    assert record["flags"] == folders | {"pictures": True}
    assert record["config"]["FusionConfig"]["omega"] == 10.0
    assert record["config"]["gradients"] == folders["gradients"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_fuse_writes_the_format_of_the_input(folders, run, tmp_path, suffix):
    write_depth(tmp_path / "other" / f"a{suffix}", noisy_depth(SIZES["a"]))
    png = {"depth_scale": 0.001} if suffix == ".png" else {}
    run(**folders | {"depth": tmp_path / "other"}, **png)
    depth = refined(folders, "a", suffix, **png)
    np.testing.assert_allclose(depth, clean_depth(SIZES["a"]), atol=0.01)


def test_fuse_writes_the_requested_format(folders, run):
    run(format="png", omega=1e-6, **folders)
    # Nearly without the gradients: the depth as it was, in millimetres.
    depth = refined(folders, "a", ".png", depth_scale=0.001)
    np.testing.assert_allclose(depth, noisy_depth(SIZES["a"]), atol=0.001)


def test_fuse_scales_only_integers(folders, run, tmp_path):
    write_depth(tmp_path / "mixed" / "a.png", noisy_depth(SIZES["a"]))
    write_depth(tmp_path / "mixed" / "b.npz", noisy_depth(SIZES["b"]))
    run(depth_scale=0.001, **folders | {"depth": tmp_path / "mixed"})
    for stem, suffix in (("a", ".png"), ("b", ".npz")):
        depth = refined(folders, stem, suffix, depth_scale=0.001)
        np.testing.assert_allclose(depth, clean_depth(SIZES[stem]), atol=0.01)


def test_fuse_refuses_an_unneeded_scale(folders, run, tmp_path):
    with pytest.raises(SystemExit, match=r"--depth_scale=0.001 is for integers; .*npy"):
        run(depth_scale=0.001, **folders)
    reference = {"align": "median", "reference": folders["depth"]}
    with pytest.raises(SystemExit, match=r"--reference_scale=0.001 is for integers"):
        run(reference_scale=0.001, **reference, **folders)
    # It is the unit of what is written.
    run(depth_scale=0.002, format="png", omega=1e-6, **folders)
    stored = cv2.imread(f"{folders['output']}/a.png", cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(stored, noisy_depth(SIZES["a"]) / 0.002, atol=1)


def test_fuse_names_integers_without_a_scale(folders, run, tmp_path):
    np.save(tmp_path / "depth" / "b.npy", np.full(SIZES["b"], 2000, np.int32))
    with pytest.raises(SystemExit) as caught:
        run(**folders)
    (line,) = caught.value.code.splitlines()[1:]
    assert "b.npy: holds int32 integers" in line and "--depth_scale" in line
    # All files are integers, so nothing is started.
    np.save(tmp_path / "depth" / "a.npy", np.full(SIZES["a"], 2000, np.int32))
    with pytest.raises(SystemExit, match=r"a.npy holds integers.*--depth_scale, 0.001"):
        run(**folders | {"output": tmp_path / "new"})
    with pytest.raises(SystemExit, match=r"a.npy holds integers.*--reference_scale, 0"):
        run(align="median", reference=folders["depth"], **folders)
    assert not (tmp_path / "new").exists()


def test_fuse_ignores_invalid_values(folders, run, tmp_path):
    for stem, size in SIZES.items():
        stored = np.rint(clean_depth(size) * 1000).astype(np.uint16)
        stored[2, 2], stored[0, 1] = 65535, 30000
        (tmp_path / "png").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "png" / f"{stem}.png"), stored)
    flags = {"depth_scale": 0.001, "invalid_value": 65535, "max_depth": 10}
    run(**flags, **folders | {"depth": tmp_path / "png"})
    for stem, size in SIZES.items():
        depth = refined(folders, stem, ".png", depth_scale=0.001)
        np.testing.assert_allclose(depth, clean_depth(size), atol=0.01)
    config = json.loads((tmp_path / "output" / "run.json").read_text())["config"]
    assert (config["invalid_value"], config["max_depth"]) == ([65535], 10)


def test_fuse_ignores_invalid_values_of_the_reference(folders, run, tmp_path):
    for stem, size in SIZES.items():
        write_depth(tmp_path / "relative" / f"{stem}.npy", clean_depth(size) / 4)
        reference = clean_depth(size)
        reference[:, 2:] = 77.0
        reference[:, 1] = 50.0
        write_depth(tmp_path / "reference" / f"{stem}.npy", reference)
    run(
        align="median",
        reference=tmp_path / "reference",
        reference_invalid_value=77,
        reference_max_depth=49,
        **folders | {"depth": tmp_path / "relative"},
    )
    for stem, size in SIZES.items():
        np.testing.assert_allclose(refined(folders, stem), clean_depth(size), atol=0.01)


def test_fuse_warns_of_what_a_png_cannot_hold(folders, run, tmp_path, monkeypatch):
    texts = []
    monkeypatch.setattr(
        depth_files.logging, "warning", lambda text, *v: texts.append(text % v)
    )
    far = 64 + clean_depth(SIZES["a"])  # 66.0 to 66.5 m.
    write_depth(tmp_path / "far" / "a.npy", far)
    run(format="png", **folders | {"depth": tmp_path / "far"})
    (text,) = (text for text in texts if "a.png" in text)
    assert "30 pixels over 65.535 m" in text and "NPY" in text


@pytest.mark.slow
def test_missing_flags_end_the_program_with_one_line():
    result = run_program("experiments.fuse", check=False, depth="d", output="o")
    assert result.returncode == 1 and not result.stdout
    assert result.stderr == "Error: Give either --gradients or --images.\n"


def test_fuse_names_bad_files_and_refines_the_others(folders, run, tmp_path):
    (tmp_path / "depth" / "cut.npy").write_bytes(b"\x93NUMPY")
    write_depth(tmp_path / "depth" / "lonely.npy", np.ones((2, 2)))
    write_depth(tmp_path / "depth" / "other.npy", np.ones((2, 2)))
    np.save(tmp_path / "gradients" / "other.npy", np.ones((2, 3, 2)))
    write_depth(tmp_path / "depth" / "void.npy", np.zeros((2, 2)))
    np.save(tmp_path / "gradients" / "void.npy", np.ones((2, 2, 2)))
    with pytest.raises(SystemExit) as caught:
        run(**folders)
    # `sys.exit(text)` prints the text to stderr and gives exit code 1.
    message, *lines = caught.value.code.splitlines()
    assert message == "Error: could not be refined:"
    reasons = {line.split(".npy: ")[0].rsplit("/", 1)[1]: line for line in lines}
    assert set(reasons) == {"cut", "lonely", "other", "void"}
    assert "not a complete NPY file" in reasons["cut"]
    assert "no file of gradients of the same stem, 'lonely'" in reasons["lonely"]
    assert "gradients of (2, 3)" in reasons["other"]
    assert "no depth at all" in reasons["void"]
    written = {path.name for path in (tmp_path / "output").iterdir()}
    assert written == {"a.npy", "b.npy", "run.json"}


def test_fuse_resumes_and_overwrites_on_request(folders, run, tmp_path):
    run(**folders)
    kept, lost = (tmp_path / "output" / f"{stem}.npy" for stem in SIZES)
    write_depth(kept, np.ones((1, 1)))  # To be told from a new one.
    lost.unlink()
    run(**folders)
    assert read_depth(kept).shape == (1, 1)
    assert read_depth(lost).shape == SIZES["b"]
    with pytest.raises(SystemExit, match=r"holds 2 of these files from other options"):
        run(omega=5.0, **folders)
    assert read_depth(kept).shape == (1, 1)
    run("--overwrite", omega=5.0, **folders)
    assert read_depth(kept).shape == SIZES["a"]


def test_fuse_keeps_the_unit_of_relative_depth(folders, run, tmp_path):
    for stem, size in SIZES.items():
        values = 5 * noisy_depth(size) - 12
        write_depth(tmp_path / "relative" / f"{stem}.npy", values)
    run(align="scale_gradients", **folders | {"depth": tmp_path / "relative"})
    fused = np.load(tmp_path / "output" / "a.npy")
    assert fused.min() < 0
    # The outlier adds to the total variation, so the factor is 5 * (2.5 + 2) / 2.5.
    slope = np.diff(fused, axis=1).mean()
    assert slope == pytest.approx(5 * 0.1 * 4.5 / 2.5, rel=0.3)


def test_fuse_writes_no_relative_depth_as_png(folders, run, tmp_path):
    """Neither on request nor because the input is PNG."""
    options = folders | {"align": "scale_gradients"}
    with pytest.raises(SystemExit, match=r"no unit, which PNG need.*--format=npy"):
        run(**options, format="png")
    for stem, size in SIZES.items():
        write_depth(tmp_path / "relative" / f"{stem}.png", noisy_depth(size))
    with pytest.raises(SystemExit, match=r"no unit, which PNG need.*--format=npy"):
        run(**options | {"depth": tmp_path / "relative"})
    run(**options | {"depth": tmp_path / "relative"}, format="npy")
    assert np.load(tmp_path / "output" / "a.npy").dtype == np.float32


def test_fuse_takes_an_array_of_npz_references(folders, run, tmp_path):
    for stem, size in SIZES.items():
        write_depth(tmp_path / "relative" / f"{stem}.npy", noisy_depth(size) / 2)
        arrays = {"low": clean_depth(size), "high": 3 * clean_depth(size)}
        (tmp_path / "reference").mkdir(exist_ok=True)
        np.savez(tmp_path / "reference" / f"{stem}.npz", **arrays)
    options = folders | {"depth": tmp_path / "relative", "align": "median"}
    options |= {"reference": tmp_path / "reference"}
    with pytest.raises(SystemExit, match=r"has no array 'depth'.*`reference_key`"):
        run(**options)
    run(**options, reference_key="high")
    fused = np.load(tmp_path / "output" / "a.npy")
    assert np.median(fused) == pytest.approx(
        3 * np.median(clean_depth(SIZES["a"])), 0.1
    )


def test_fuse_aligns_relative_depth_with_a_sparse_reference(folders, run, tmp_path):
    for stem, size in SIZES.items():
        write_depth(tmp_path / "disparity" / f"{stem}.pfm", 3 / noisy_depth(size) - 1)
        sparse = np.where(np.eye(*size, k=1) > 0, clean_depth(size), 0)
        write_depth(tmp_path / "reference" / f"{stem}.png", sparse)
    run(
        align="least_squares_disparity",
        reference=tmp_path / "reference",
        reference_scale=0.001,
        **folders | {"depth": tmp_path / "disparity"},
    )
    np.testing.assert_allclose(
        refined(folders, "a", ".pfm"), clean_depth(SIZES["a"]), atol=0.01
    )


def test_fuse_predicts_gradients_from_images(
    folders, run, tmp_path, monkeypatch, capsys
):
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(2, 1, use_bias=False)(image))
    network.layers[1].set_weights([np.float32([[[[0.05, 0], [0, 0], [0, 0]]]])])
    monkeypatch.setattr(refine, "load_gradient_network", lambda run: network)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "weights.weights.h5").write_bytes(b"")
    record = {"config": {"data": {"image_size": [16, 16]}}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    (tmp_path / "rgb").mkdir()
    for stem, size in SIZES.items():
        # The network sees 32x32 pixels, the least that it can, so that 0.1 m a pixel of
        # the depth are 0.1 * width / 32 to it.
        red = round(255 * 0.1 * size[1] / 32 / 0.05)
        # In 12 bits, of files of 16.
        rgb = np.full((16, 16, 3), (0, 0, red * 16), np.uint16)
        cv2.imwrite(str(tmp_path / "rgb" / f"{stem}.png"), rgb)
    (tmp_path / "rgb" / "c.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "rgb" / "._a.png").write_bytes(b"of a Mac")
    del folders["gradients"]
    run(
        gradient_run=tmp_path / "run",
        images=tmp_path / "rgb",
        image_bits=12,
        output_size="depth",
        precision="float32",
        **folders,
    )
    for stem, size in SIZES.items():
        np.testing.assert_allclose(refined(folders, stem), clean_depth(size), atol=0.01)
    config = json.loads((tmp_path / "output" / "run.json").read_text())["config"]
    assert len(config["weights_sha256"]) == 64
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith(
            f"  {tmp_path / 'rgb' / 'c.heic'}: a HEIC image, which is not supported."
        )
    )


def test_fuse_does_not_take_depth_of_other_options_in_another_format(folders, run):
    run(omega=5.0, format="npy", **folders)
    with pytest.raises(SystemExit, match="2 of these files from other options"):
        run(omega=10.0, format="png", **folders)
    run(omega=5.0, format="png", **folders)  # The same options, in both formats.
    assert refined(folders, "a").shape == SIZES["a"]
    own = pathlib.Path(folders["output"], "a.tiff")  # Converted by the user.
    own.write_bytes(b"mine")
    run("--overwrite", omega=10.0, format="npy", **folders)
    assert not list(pathlib.Path(folders["output"]).glob("*.png"))
    assert own.read_bytes() == b"mine"


def test_fuse_remembers_formats_that_it_wrote_before(folders, run):
    for suffix in ("npy", "png"):
        run(omega=5.0, format=suffix, **folders)
    run("--overwrite", omega=10.0, format="png", **folders)
    # Otherwise the next command would take it for its own.
    assert not list(pathlib.Path(folders["output"]).glob("*.npy"))
    run(omega=10.0, format="npy", **folders)
    assert refined(folders, "a").shape == SIZES["a"]


def test_fuse_continues_a_run_of_an_older_version(folders, run, tmp_path, monkeypatch):
    run(format="npy", **folders)
    record = tmp_path / "output" / "run.json"
    fields = json.loads(record.read_text())
    # Folders as they were typed, and one configuration for all files.
    del fields["config"]["origins"]
    fields["config"] |= {name: name for name in ("depth", "gradients")}
    record.write_text(json.dumps(fields))
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "output" / "a.npy").stat().st_mtime_ns
    run(format="npy", **folders)
    assert (tmp_path / "output" / "a.npy").stat().st_mtime_ns == before
    record.write_text(json.dumps(fields))
    run("--overwrite", omega=5.0, format="png", **folders)
    assert not list((tmp_path / "output").glob("*.npy"))


def test_fuse_tells_files_of_several_commands_apart(folders, run, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, stem in ((first, "a"), (second, "b")):
        folder.mkdir()
        shutil.copy2(tmp_path / "depth" / f"{stem}.npy", folder)
    for folder in (first, second, first):  # The last one keeps its own result.
        run(**folders | {"depth": folder})
    # Another map of this name, older than the result of the first.
    shutil.copy2(first / "a.npy", second / "a.npy")
    with pytest.raises(SystemExit, match=r"holds 1 of these files from other options"):
        run(**folders | {"depth": second})


def test_fuse_tells_folders_of_the_same_name_apart(folders, run, tmp_path, monkeypatch):
    here = {"depth": "depth", "gradients": "gradients", "output": folders["output"]}
    monkeypatch.chdir(tmp_path)
    run(**here)
    scene = tmp_path / "scene"
    scene.mkdir()
    for name in ("depth", "gradients"):
        shutil.copytree(tmp_path / name, scene / name)
    monkeypatch.chdir(scene)
    with pytest.raises(SystemExit, match="2 of these files from other options or inp"):
        run(**here)


def test_fuse_refines_a_newer_depth_map_again(folders, run, tmp_path):
    run(**folders)
    newer = clean_depth(SIZES["a"]) + 1.0
    write_depth(tmp_path / "depth" / "a.npy", newer)
    later = (tmp_path / "output" / "a.npy").stat().st_mtime + 10
    os.utime(tmp_path / "depth" / "a.npy", (later, later))
    run(**folders)
    np.testing.assert_allclose(refined(folders, "a"), newer, atol=0.01)


def test_fuse_refines_with_newer_gradients_again(folders, run, tmp_path):
    run(**folders)
    before = refined(folders, "a"), refined(folders, "b")
    path = tmp_path / "gradients" / "a.npy"
    np.save(path, 2.0 * np.load(path))
    later = (tmp_path / "output" / "a.npy").stat().st_mtime + 10
    os.utime(path, (later, later))
    run(**folders)
    assert np.abs(refined(folders, "a") - before[0]).max() > 0.05
    np.testing.assert_array_equal(refined(folders, "b"), before[1])


def test_fuse_redraws_the_picture_of_newer_depth(folders, run, tmp_path):
    run("--pictures", **folders)
    picture = tmp_path / "output" / "pictures" / "a.png"
    before = picture.read_bytes()
    write_depth(tmp_path / "depth" / "a.npy", clean_depth(SIZES["a"]).T[::-1].T + 1.0)
    later = picture.stat().st_mtime + 10
    os.utime(tmp_path / "depth" / "a.npy", (later, later))
    run(**folders)
    os.utime(tmp_path / "output" / "a.npy", (later + 10, later + 10))
    run("--pictures", **folders)
    assert picture.read_bytes() != before


def test_refused_fuse_keeps_former_depth(folders, run, tmp_path):
    run(**folders)
    before = refined(folders, "a")
    record = (tmp_path / "output" / "run.json").read_text()
    with pytest.raises(SystemExit, match="--omega must be finite and > 0"):
        run("--overwrite", omega=0.0, **folders)
    np.testing.assert_array_equal(refined(folders, "a"), before)
    assert (tmp_path / "output" / "run.json").read_text() == record


def test_pictures_of_somebody_else_are_not_replaced_unasked(folders, run, tmp_path):
    picture = tmp_path / "output" / "pictures" / "a.png"
    picture.parent.mkdir(parents=True)
    picture.write_text("mine")
    with pytest.raises(SystemExit, match="holds 1 of these files"):
        run("--pictures", **folders)
    assert picture.read_text() == "mine"


def test_fuse_does_not_write_over_its_pictures(folders, run):
    images = f"{folders['output']}/pictures"
    with pytest.raises(app.UsageError, match="is a folder of inputs"):
        run(**folders | {"gradients": "", "images": images})


def test_fuse_adds_pictures_to_existing_depth_and_replaces_them(folders, run):
    run(**folders)
    picture = pathlib.Path(folders["output"], "pictures", "a.png")
    assert not picture.exists()
    run("--pictures", **folders)
    assert picture.is_file()
    run("--overwrite", omega=5.0, **folders)
    assert not picture.exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gradients": ""}, "either --gradients or --images"),
        ({"images": "x"}, "either --gradients or --images"),
        ({"gradient_run": "x"}, "--gradient_run needs --images"),
        ({"sharpening": 2.0}, "--sharpening needs --images"),
        ({"output_size": "depth"}, "--output_size needs --images"),
        ({"precision": "auto"}, "--precision needs --images"),
        ({"align": "median"}, "--reference and --align=median"),
        ({"reference": "x"}, "--reference and --align=median"),
        ({"align": "scale_gradients", "depth_scale": 2}, "--depth_scale needs depth"),
        ({"align": "scale_gradients", "max_depth": 2}, "--max_depth needs depth"),
        ({"reference_scale": 2}, "--reference_scale needs --reference"),
        ({"invalid_value": "nan"}, "--invalid_value must be finite"),
        ({"reference_invalid_value": 2}, "--reference_invalid_value needs --ref"),
    ],
)
def test_fuse_refuses_flags_that_do_not_go_together(folders, run, values, message):
    with pytest.raises(app.UsageError, match=message):
        run(**folders | values)


def test_fuse_refuses_unsuitable_folders(folders, run, tmp_path):
    with pytest.raises(app.UsageError, match=r"is a folder of inputs"):
        run(**folders | {"output": folders["gradients"]})
    with pytest.raises(
        SystemExit, match=r"^Error: .*none does not exist. Check --depth"
    ):
        run(**folders | {"depth": tmp_path / "none"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match=r"^Error: .*empty holds no depth file"):
        run(**folders | {"depth": tmp_path / "empty"})
    write_depth(tmp_path / "png" / "a.png", np.ones((2, 2)))
    with pytest.raises(SystemExit, match=r"^Error: .*png holds int.*--depth_scale"):
        run(**folders | {"depth": tmp_path / "png"})
    with pytest.raises(SystemExit, match=r"^Error: .*png holds int.*--reference_scale"):
        run(align="median", reference=tmp_path / "png", **folders)
    assert not (tmp_path / "output").exists()


@pytest.mark.slow
def test_fuse_as_a_program(folders, tmp_path):
    finished = run_program("experiments.fuse", **folders)
    assert "2 of 2 depth maps are in" in finished.stdout
    (tmp_path / "depth" / "cut.npy").write_bytes(b"")
    finished = run_program("experiments.fuse", check=False, **folders)
    assert finished.returncode == 1
    assert "cut.npy: is not a complete NPY file" in finished.stderr
    assert "Traceback" not in finished.stderr
