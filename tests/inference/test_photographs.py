"""Tests of the predictions for photographs."""

import base64
import json
import re
import shutil

import cv2
import numpy as np
import pytest
from absl import app

from dpde_tf.cli import predict
from dpde_tf.files import depth_maps as depth_files
from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.predictions import read_prediction
from dpde_tf.inference.photograph_batches import predict_photographs
from dpde_tf.inference.photograph_cameras import CameraOptions
from dpde_tf.inference.photographs import (
    prediction_picture,
)
from tests.fixtures.exif import exif_block, write_exif_photograph
from tests.fixtures.prediction_program import BrightnessPredictor


def predict_photograph(predictor, path, output, **options):
    """Predicts one photograph; returns the file of its colours."""
    failures = predict_photographs(
        predictor, [path], output, done=lambda *_: None, **options
    )
    if failures:
        raise ValueError(failures[path])
    return output / f"{path.stem}_prediction.png"


@pytest.fixture
def photograph(tmp_path):
    image = np.full([40, 90, 3], 51, np.uint8)
    image[:, 45:] = 204
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), image)
    return path


def test_predict_photograph_is_at_its_own_size_and_scale(photograph, tmp_path):
    predictor = BrightnessPredictor()
    picture = predict_photograph(
        predictor, photograph, tmp_path / "out", training_size=(60, 60)
    )
    # 3600 pixels of aspect 9:4.
    assert predictor.shapes[-1] == (1, 40, 90, 3)
    assert picture == tmp_path / "out" / "photo_prediction.png"
    depth = read_depth(tmp_path / "out" / "photo_depth.png", depth_scale=0.001)
    assert depth.shape == (40, 90)
    # 51 / 255 and 204 / 255 of 10 m.
    assert depth[20, 10] == pytest.approx(2.0, abs=1e-3)
    assert depth[20, 80] == pytest.approx(8.0, abs=1e-3)
    assert set(read_prediction(tmp_path / "out" / "photo.npz")) == {"depth"}
    assert not (tmp_path / "out" / "photo_fused.png").exists()


def test_networks_see_a_photograph_at_the_scale_of_their_training(tmp_path):
    path, predictor = tmp_path / "large.png", BrightnessPredictor()
    cv2.imwrite(str(path), np.full([80, 180, 3], 51, np.uint8))
    predict_photograph(predictor, path, tmp_path / "out", training_size=(60, 60))
    assert predictor.shapes == [(1, 40, 90, 3)]
    depth = read_depth(tmp_path / "out" / "large_depth.png", depth_scale=0.001)
    assert depth.shape == (80, 180)


def test_prediction_picture_has_one_column_per_map():
    image = np.zeros([30, 40, 3], np.uint8)
    depth = np.linspace(1, 5, 1200, dtype=np.float32).reshape(30, 40)
    zero = np.zeros_like(depth)
    two = prediction_picture(image, {"depth": depth})
    maps = {"depth": depth, "gradient_x": zero, "gradient_y": zero, "fused": depth}
    four = prediction_picture(image, maps)
    assert two.dtype == np.uint8
    assert four.shape[1] - two.shape[1] >= 80


def test_predict_photograph_writes_a_page_in_three_dimensions(photograph, tmp_path):
    output = tmp_path / "out"
    options = {"training_size": (60, 60), "camera": CameraOptions(focal=90.0)}
    predictor = BrightnessPredictor()
    predict_photograph(predictor, photograph, output, export=["html"], **options)
    page = (output / "photo.html").read_text()
    assert '"name": "depth"' in page
    predict_photograph(predictor, photograph, tmp_path / "flat", **options)
    assert not (tmp_path / "flat" / "photo.html").exists()


def test_predict_photograph_checks_the_focal_length_before_it_predicts(
    photograph, tmp_path
):
    with pytest.raises(ValueError, match=r"`focal` must be in pixels, between 18 "):
        predict_photograph(
            None,
            photograph,
            tmp_path / "out",
            training_size=(60, 60),
            camera=CameraOptions(focal=0.001),
        )
    assert not (tmp_path / "out").exists()


def test_predict_photograph_warns_of_what_a_png_cannot_hold(
    photograph, tmp_path, monkeypatch
):
    texts = []
    monkeypatch.setattr(
        depth_files.logging, "warning", lambda text, *v: texts.append(text % v)
    )
    predictor = BrightnessPredictor()
    predictor.predict = lambda image: {"depth": 90 * (image[..., 0] / np.float32(255))}
    predict_photograph(predictor, photograph, tmp_path / "out", training_size=(60, 60))
    (text,) = texts  # The right half, 45 columns of 40 pixels, is at 72 m.
    assert "photo_depth.png: 1800 pixels over 65.535 m" in text and "NPY" in text
    assert read_prediction(tmp_path / "out" / "photo.npz")["depth"].max() > 70


def test_predict_photograph_detects_12_bits_in_16(photograph, tmp_path):
    options = {"training_size": (60, 60)}
    depths = []
    for white, bits in ((255, None), (4095, None), (4095, 14)):
        pixels = np.full([40, 90, 3], 51 * (white + 1) // 256, np.uint16)
        pixels[:, 45:] = white
        cv2.imwrite(str(photograph), pixels.astype(np.uint8 if white == 255 else "u2"))
        predict_photograph(
            BrightnessPredictor(), photograph, tmp_path, image_bits=bits, **options
        )
        depths.append(read_prediction(tmp_path / "photo.npz")["depth"])
    np.testing.assert_array_equal(depths[0], depths[1])
    assert depths[0][0, 0] == pytest.approx(2.0)
    # A quarter of 51, and of 256.
    assert depths[2][0, 0] == pytest.approx(12 / 255 * 10)
    assert depths[2][0, -1] == pytest.approx(63 / 255 * 10)


def test_predict_continues_after_a_broken_photograph(
    photograph, tmp_path, run_predict, capsys
):
    folder, output = tmp_path / "photographs", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "c.png"):
        (folder / name).write_bytes(photograph.read_bytes())
    (folder / "b.png").write_bytes(photograph.read_bytes()[:60])
    (folder / "._a.png").write_text("of a Mac")
    (folder / "notes.txt").write_text("no image")
    with pytest.raises(SystemExit) as caught:
        run_predict(images=folder, output=output)
    # `sys.exit(text)` prints the text to stderr and gives exit code 1.
    title, line = caught.value.code.splitlines()
    assert title == "Error: could not be predicted:"
    path = folder / "b.png"
    assert line.startswith(f"  {path}: must be a complete image")
    printed = capsys.readouterr()
    pictures = [output / f"{stem}_prediction.png" for stem in "ac"]
    lines = printed.out.splitlines()
    assert [line.split(": ")[0] for line in lines] == list(map(str, pictures))
    # NYU's camera, whose focal length is 0.937 times the root of the number of pixels.
    assert all("camera of 77.4 degrees across the width (assumed)" in x for x in lines)
    assert all(picture.is_file() for picture in pictures)
    title, line = printed.err.splitlines()
    assert title == "Skipped:"
    path = folder / "notes.txt"
    assert line.startswith(f"  {path}: not an image, whose suffixes are")


def test_commands_with_other_photographs_and_options_share_a_folder(
    photograph, tmp_path, run_predict
):
    other = photograph.with_name("other.png")
    cv2.imwrite(str(other), 255 - cv2.imread(str(photograph)))
    for _ in range(2):  # A repeated command replaces its own files.
        run_predict(photograph, output=tmp_path / "out", fov_x=60)
        run_predict(other, output=tmp_path / "out")
    origins = json.loads((tmp_path / "out" / "run.json").read_text())["config"][
        "origins"
    ]
    stems = {name.split(".")[0].split("_")[0] for name in origins["files"]}
    assert stems == {"photo", "other"}
    assert len(origins["options"]) == 2
    # What differs is that of the command that made the file, not of the last one.
    with pytest.raises(SystemExit, match=r"3 of these files.*\(fov_x None there, 60"):
        run_predict(other, output=tmp_path / "out", fov_x=60)
    with pytest.raises(SystemExit, match=r"\(fov_x 60.0 there, 70"):
        run_predict(photograph, output=tmp_path / "out", fov_x=70)
    # The same photograph elsewhere, and another one of its name.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(other, elsewhere / "other.png")
    run_predict(elsewhere / "other.png", output=tmp_path / "out")
    shutil.copyfile(photograph, elsewhere / "other.png")
    with pytest.raises(SystemExit, match=r"3 of .*other.npz.*\(of another photograph"):
        run_predict(elsewhere / "other.png", output=tmp_path / "out")
    run_predict(elsewhere / "other.png", output=tmp_path / "out", overwrite=True)


def test_changed_photograph_leaves_no_3d_files_of_the_former_one(
    photograph, tmp_path, run_predict
):
    output = tmp_path / "out"
    run_predict(photograph, output=output, export="html")
    cv2.imwrite(str(photograph), 255 - cv2.imread(str(photograph)))
    with pytest.raises(SystemExit, match=r"4 of these files.*another photograph"):
        run_predict(photograph, output=output)
    run_predict(photograph, output=output, overwrite=True)
    assert not (output / "photo.html").exists()
    (output / "photo.html").write_text("mine")  # No command has written this one.
    run_predict(photograph, output=output, overwrite=True)
    assert (output / "photo.html").read_text() == "mine"
    with pytest.raises(
        SystemExit, match=r"1 of these.*no command is recorded for them"
    ):
        run_predict(photograph, output=output, export="html")


def test_predict_does_not_replace_what_it_was_given(photograph, tmp_path, run_predict):
    run_predict(photograph, output=tmp_path / "out")
    maps = tmp_path / "out" / "photo.npz"
    with pytest.raises(SystemExit, match=r"photo.npz would be replaced by its result"):
        run_predict(maps, output=tmp_path / "out", overwrite=True)
    assert maps.is_file()


def test_failed_command_keeps_the_record_of_the_others(
    photograph, tmp_path, run_predict
):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    run_predict(photograph, output=tmp_path / "out")
    with pytest.raises(SystemExit, match="could not be predicted"):
        run_predict(broken, output=tmp_path / "out")
    run_predict(photograph, output=tmp_path / "out")


def test_predict_names_the_page_too(photograph, tmp_path, run_predict, capsys):
    run_predict(images=photograph, output=tmp_path / "out", export="html")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{tmp_path / 'out/photo_prediction.png'}, photo.html: ")


def test_predict_succeeds_with_all_photographs(
    photograph, tmp_path, run_predict, capsys
):
    run_predict(images=photograph, output=tmp_path / "out", image_bits=12)
    assert capsys.readouterr().err == ""
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    camera = {"fov_x": None, "focal": None, "exif": True}
    data = {"image_bits": 12, "every": 1}
    assert record["config"]["data"] == data | camera
    assert "photo.npz" in record["config"]["origins"]["files"]
    assert set(record["flags"]) == {"images", "output", "image_bits"}
    run_predict(photograph, output=tmp_path / "other")
    record = json.loads((tmp_path / "other" / "run.json").read_text())
    other = {"images": [str(photograph)], "output": str(tmp_path / "other")}
    assert record["flags"] == other


def test_predict_scales_depth_to_the_camera(photograph, tmp_path, run_predict, capsys):
    run_predict(images=photograph, output=tmp_path / "known")
    run_predict(images=photograph, output=tmp_path / "given", fov_x=60)
    lines = capsys.readouterr().out.splitlines()
    factor = float(lines[1].partition("(fov_x), depth x ")[2])
    one, other = (
        read_prediction(tmp_path / name / "photo.npz")["depth"]
        for name in ("known", "given")
    )
    np.testing.assert_allclose(other, one * factor, rtol=1e-3)
    # 90 columns in 3600 pixels, seen by NYU's camera and by one of 60 degrees.
    known = np.sqrt(518.85790 * 519.46961 / (480 * 640)) * np.sqrt(3600)
    given = 45 / np.tan(np.radians(30))
    assert factor == pytest.approx(given / known, abs=1e-3)


def test_predict_uses_the_exif_of_a_photograph(tmp_path, run_predict, capsys):
    block = exif_block(50, (40, 90))
    path = write_exif_photograph(tmp_path / "photo.jpg", (40, 90), block)
    run_predict(images=path, output=tmp_path / "out")
    run_predict(images=path, output=tmp_path / "other", exif="false")
    first, second = capsys.readouterr().out.splitlines()
    # 90 columns at 50 mm of a diagonal of 43.27 mm for 98.5 pixels.
    assert "camera of 43.1 degrees across the width (EXIF)" in first
    assert "(assumed)" in second


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fov_x": 190}, r"Error: --fov_x must be .* Received: 190"),
        ({"fov_x": 60, "focal": 80}, "Error: Give either --fov_x or --focal"),
    ],
)
def test_predict_refuses_impossible_cameras(
    photograph, tmp_path, run_predict, values, message
):
    with pytest.raises(SystemExit, match=message):
        run_predict(images=photograph, output=tmp_path / "out", **values)
    assert not (tmp_path / "out").exists()


def test_3d_files_omit_uncertain_depth(photograph, tmp_path):
    predictor = BrightnessPredictor()
    depth = np.full([1, 40, 90], 2.0, np.float32)
    doubt = np.linspace(0.0, 1.0, 90, dtype=np.float32) * np.ones_like(depth)
    predictor.predict = lambda _: {"depth": depth, "uncertainty": doubt}
    options = {"training_size": (60, 60), "export": ["html"]}
    shares = []
    for limit in (None, 0.5):
        output = tmp_path / str(limit)
        predict_photograph(
            predictor, photograph, output, max_uncertainty=limit, **options
        )
        page = (output / "photo.html").read_text(encoding="utf-8")
        encoded = re.search(r'"depth": "([^"]+)"', page)[1]
        shown = np.frombuffer(base64.b64decode(encoded), "<f4")
        shares.append(np.mean(shown > 0))
    assert shares == [1.0, 0.5]
    with pytest.raises(
        ValueError, match=r"`max_uncertainty`, -1 m, somewhere\. Received: 0"
    ):
        predict_photograph(
            predictor, photograph, tmp_path / "no", max_uncertainty=-1.0, **options
        )
    assert not (tmp_path / "no").exists()
    predictor.predict = lambda _: {"depth": depth}
    with pytest.raises(ValueError, match=r"Received: none\. A context network gives"):
        predict_photograph(
            predictor, photograph, tmp_path, max_uncertainty=0.5, **options
        )


def test_overwriting_leaves_nothing_of_former_networks(
    photograph, tmp_path, run_predict
):
    output = tmp_path / "out"
    run_predict(images=photograph, output=output, export="html")
    (output / "photo_fused.png").write_text("of a former gradient network")
    (output / "other.html").write_text("of another photograph")
    run_predict(images=photograph, output=output, fov_x=60, overwrite=True)
    left = {path.name for path in output.glob("photo*")}
    assert left == {"photo.npz", "photo_depth.png", "photo_prediction.png"}
    assert (output / "other.html").is_file()


def test_page_of_somebody_else_is_left_alone(photograph, tmp_path, run_predict):
    page = tmp_path / "out" / "photo.html"
    page.parent.mkdir()
    page.write_text("mine")
    run_predict(images=photograph, output=page.parent, overwrite=True)
    assert page.read_text() == "mine"


def test_page_of_somebody_else_is_not_replaced_unasked(
    photograph, tmp_path, run_predict
):
    page = tmp_path / "out" / "photo.html"
    page.parent.mkdir()
    page.write_text("mine")
    with pytest.raises(SystemExit, match=r"holds 1 of these.*photo\.html"):
        run_predict(images=photograph, output=page.parent, export="html")
    assert page.read_text() == "mine"


def test_overwriting_leaves_no_3d_files_of_a_former_picture(
    photograph, tmp_path, run_predict
):
    output = tmp_path / "out"
    run_predict(images=photograph, output=output, export="html,ply")
    assert (output / "photo_depth.ply").is_file()
    run_predict(images=photograph, output=output, export="html", overwrite=True)
    assert [
        p.suffix for p in output.glob("photo*") if p.suffix in (".html", ".ply")
    ] == [".html"]


def test_refused_command_changes_no_record(photograph, tmp_path, run_predict):
    output = tmp_path / "out"
    run_predict(images=photograph, output=output)
    before = (output / "run.json").read_text()
    with pytest.raises(SystemExit, match="Give either --fov_x or --focal"):
        run_predict(images=photograph, output=output, fov_x=60, focal=80)
    assert (output / "run.json").read_text() == before


def test_refused_command_leaves_no_folder(tmp_path, run_predict):
    with pytest.raises(SystemExit, match=r"no\.png"):
        run_predict(tmp_path / "no.png", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_home_is_named_in_one_line(tmp_path, run_predict):
    with pytest.raises(SystemExit, match=r"^Error: .*~nobody_of_that_name"):
        run_predict("~nobody_of_that_name/a.jpg", output=tmp_path / "out")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"images": "a.png", "split": "train"}, "--split needs --records"),
        ({"images": "a.png", "held_out": True}, "--held_out needs --records"),
        ({"images": "a.png", "batch_size": 2}, "--batch_size needs --records"),
        ({"images": "a.png", "max_uncertainty": 1}, "--max_uncertainty needs --export"),
        ({"images": "a.png", "distribution": "multi_worker"}, "needs --records"),
        ({"images": "a.png", "depth_run": ""}, "--depth_run is empty"),
        ({"images": "a.png", "guided_run": "g"}, "needs the --depth_run"),
        ({"images": "a.png", "gradient_run": "g"}, "needs the --depth_run"),
        ({"images": "a.png", "at_training_size": False}, "--noat_training_size needs"),
        ({}, "Give either photographs, as in .*, or --records"),
        ({"records": "r", "export": "ply"}, "--export needs photographs"),
        ({"records": "r", "exif": False}, "--exif needs photographs"),
        ({"records": "r", "fov_x": 60}, "--fov_x needs photographs"),
    ],
)
def test_flags_without_effect_are_refused(run_predict, tmp_path, values, message):
    with pytest.raises(app.UsageError, match=message):
        run_predict(output=tmp_path / "out", **values)


@pytest.mark.parametrize("of_record", [True, False])
def test_images_of_the_command_line_replace_those_of_a_record(
    photograph, tmp_path, run_predict, monkeypatch, of_record
):
    other = photograph.with_name("other.png")
    shutil.copyfile(photograph, other)
    monkeypatch.setattr(predict, "is_of_record", lambda name: of_record)
    run_predict(photograph, images=other, output=tmp_path / "out")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    images = [photograph] if of_record else [other, photograph]
    assert record["flags"]["images"] == list(map(str, images))


@pytest.mark.parametrize("given", ["records", "images"])
def test_kind_of_input_on_the_command_line_replaces_that_of_a_record(
    photograph, tmp_path, run_predict, monkeypatch, given
):
    other = {"records": "images", "images": "records"}[given]
    # `--config` brings the other one.
    monkeypatch.setattr(predict, "is_of_record", lambda name: name == other)
    paths = {"records": tmp_path / "records", "images": photograph}
    if given == "images":
        run_predict(**paths, output=tmp_path / "out")
        record = json.loads((tmp_path / "out" / "run.json").read_text())
        assert record["flags"]["images"] == [str(photograph)]
    else:
        with pytest.raises(SystemExit, match=r"records.*does not exist"):
            run_predict(**paths, output=tmp_path / "out")


def test_options_of_a_record_that_do_nothing_are_ignored(
    photograph, tmp_path, run_predict, monkeypatch
):
    monkeypatch.setattr("dpde_tf.cli.unset_flags.is_of_record", lambda name: True)
    options = {"every": 2, "max_uncertainty": 0.3}
    run_predict(photograph, output=tmp_path / "out", **options)
    assert (tmp_path / "out" / "run.json").is_file()
