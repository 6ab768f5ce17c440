import numpy as np
import pytest

from dpde_tf.files import predictions as prediction_files
from dpde_tf.files.depth_maps import write_depth
from dpde_tf.files.predictions import PredictionFolder
from tests.fixtures.scored_sets import write_predictions


@pytest.fixture
def predictions(tmp_path):
    return write_predictions(tmp_path / "predictions" / "dpde")


def test_read_prediction_returns_float32_of_the_chosen_keys(predictions):
    arrays = prediction_files.read_prediction(predictions / "a.npz", ["fused"])
    assert list(arrays) == ["fused"]
    assert arrays["fused"].dtype == np.float32
    assert arrays["fused"].shape == (2, 3)


def test_read_prediction_names_missing_and_present_keys(predictions):
    with pytest.raises(
        ValueError, match=r"a\.npz has no array mean; it has: depth, fus"
    ):
        prediction_files.read_prediction(predictions / "a.npz", ["depth", "mean"])
    with pytest.raises(FileNotFoundError, match=r"`dpde predict`"):
        prediction_files.read_prediction(predictions / "z.npz")


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "npy"])
def test_read_prediction_rejects_a_damaged_file(tmp_path, rng, damage):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, depth=rng.random((30, 40)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    if damage == "npy":
        np.save(tmp_path / "a.npy", np.ones((2, 2)))
    path.write_bytes(
        {
            "empty": lambda: b"",
            "text": lambda: b"depth",
            "cut": lambda: path.read_bytes()[:-100],
            "flipped": lambda: bytes(content),
            "npy": lambda: (tmp_path / "a.npy").read_bytes(),
        }[damage]()
    )
    with pytest.raises(ValueError, match=r"a\.npz is not a readable .npz file"):
        prediction_files.read_prediction(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 3, 2)), r"one number per pixel, \[H, W\]"),
        (np.ones((2, 3), bool), r"one number per pixel, \[H, W\]"),
        (np.ones((2, 3), np.uint16), "holds uint16 integers.* `depth_scale`"),
    ],
)
def test_read_prediction_rejects_other_shapes_and_types(tmp_path, array, message):
    np.savez(tmp_path / "a", depth=array)
    with pytest.raises(ValueError, match=rf"'depth' in .*a.npz .*{message}"):
        prediction_files.read_prediction(tmp_path / "a.npz")


def test_read_prediction_drops_axes_of_batch_and_channel(tmp_path):
    depth = np.float32([[1, 2, 3]])
    np.savez(tmp_path / "a", depth=depth[np.newaxis], fused=depth[..., np.newaxis])
    for array in prediction_files.read_prediction(tmp_path / "a.npz").values():
        np.testing.assert_array_equal(array, depth)


def test_common_names_counts_missing_and_extra_files(predictions):
    folder = PredictionFolder.open(predictions)
    assert folder.common_names(["c", "a", "b"]) == ["c", "a", "b"]
    names = ["a", "b", "c", "d", "e", "f", "g"]
    with pytest.raises(
        FileNotFoundError, match=r"lacks 4 of 7 predictions: d, e, f and 1 more"
    ):
        folder.common_names(names)
    with pytest.raises(ValueError, match=r"has 2 predictions without a record.*: b, c"):
        folder.common_names(["a"])


def test_common_names_with_allow_partial_are_the_common_ones(predictions):
    folder = PredictionFolder.open(predictions)
    assert folder.common_names(["d", "b"], allow_partial=True) == ["b"]
    with pytest.raises(ValueError, match=r"has 3 predictions without a record"):
        folder.common_names(["d"], allow_partial=True)


def test_prediction_folder_rejects_unreadable_files(predictions, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`dpde predict`"):
        PredictionFolder.open(predictions / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"holds no depth file \(\.png"):
        PredictionFolder.open(tmp_path / "empty")
    write_depth(tmp_path / "png" / "a.png", np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"a\.png .*`depth_scale`, 0\.001"):
        PredictionFolder.open(tmp_path / "png")


@pytest.mark.parametrize("suffix", [".npy", ".pfm", ".npz", ".png"])
def test_prediction_folder_reads_depth_of_any_format(tmp_path, rng, suffix):
    depth = rng.uniform(1, 9, (4, 6)).astype(np.float32)
    scale = 0.001 if suffix == ".png" else None
    write_depth(tmp_path / f"a{suffix}", depth)
    folder = PredictionFolder.open(tmp_path, depth_scale=scale)
    assert folder.depth_keys() == ["depth"]
    read = folder.read("a", ["depth"])["depth"]
    # A PNG holds whole millimetres.
    np.testing.assert_allclose(read, depth, atol=0.00051 if scale else 0)


def test_prediction_folder_scales_only_integers(tmp_path):
    np.savez(tmp_path / "metres", depth=np.float32([[1.5, -2.0]]))
    np.savez(tmp_path / "units", depth=np.int32([[1500, -2000]]))
    np.save(tmp_path / "unit_npy", np.int32([[1500, -2000]]))
    write_depth(tmp_path / "png.png", np.array([[1.5, 2.0]]))
    folder = PredictionFolder.open(tmp_path, depth_scale=0.001)
    for name in ("metres", "units", "unit_npy", "png"):
        read = folder.read(name, ["depth"])["depth"]
        assert read.dtype == np.float32
        np.testing.assert_array_equal(np.abs(read), [[1.5, 2]])
        assert (read[0, 1] < 0) == (name != "png")
    (tmp_path / "png.png").unlink()
    folder = PredictionFolder.open(tmp_path)  # The first file is in metres.
    for name, found in (("units", r"'depth' in .*units.npz"), ("unit_npy", "unit_npy")):
        with pytest.raises(ValueError, match=rf"{found}.* int32 integers.*`depth_sc"):
            folder.read(name, ["depth"])


def test_prediction_folder_matches_other_unicode_forms(tmp_path):
    composed, decomposed = "k\u00fcche", "ku\u0308che"
    np.save(tmp_path / f"{decomposed}.npy", np.float32([[2.0]]))
    folder = PredictionFolder.open(tmp_path)
    for name in (composed, decomposed):
        assert folder.common_names([name]) == [name]
        assert folder.read(name, ["depth"])["depth"] == 2


def test_prediction_path_is_that_of_the_existing_file(tmp_path):
    composed, decomposed = "k\u00fcche", "ku\u0308che"
    paths = {name: tmp_path / f"{name}.npz" for name in (composed, decomposed)}
    for name, path in paths.items():
        assert prediction_files.prediction_path(tmp_path, name) == path
    paths[decomposed].touch()
    for name in paths:
        assert prediction_files.prediction_path(tmp_path, name) == paths[decomposed]
    paths[composed].touch()
    for name, path in paths.items():
        assert prediction_files.prediction_path(tmp_path, name) == path


def test_prediction_folder_keeps_nan(tmp_path):
    np.save(tmp_path / "a", np.float32([[1000.0, -2.0, np.nan]]))
    folder = PredictionFolder.open(tmp_path)
    read = folder.read("a", ["depth"])["depth"]
    np.testing.assert_array_equal(read, [[1000.0, -2.0, np.nan]])
    with pytest.raises(ValueError, match=r"a\.npy holds one map.*keys: fused"):
        folder.read("a", ["fused"])


def test_depth_keys_exclude_what_is_no_map(tmp_path):
    depth, image = np.ones((1, 2, 3), np.float32), np.zeros((2, 3, 3), np.uint8)
    np.savez(tmp_path / "a.npz", depth=depth, image=image, focal=np.float32(500))
    assert PredictionFolder.open(tmp_path).depth_keys() == ["depth"]
    np.savez(tmp_path / "a.npz", image=image)
    assert PredictionFolder.open(tmp_path).depth_keys() == ["depth"]


def test_depth_keys_exclude_masks_and_matrices(tmp_path):
    depth = np.ones((5, 4), np.float32)
    others = {"mask": depth > 0, "K": np.eye(3), "small": np.ones((2, 2))}
    np.savez(tmp_path / "a.npz", **others, depth=depth, fused=depth)
    assert PredictionFolder.open(tmp_path).depth_keys() == ["depth", "fused"]


def test_depth_keys_exclude_gradients(predictions):
    assert PredictionFolder.open(predictions).depth_keys() == ["depth", "fused"]


def test_read_prediction_returns_optional_arrays_if_present(tmp_path):
    path = tmp_path / "a.npz"
    one = np.ones((2, 3), np.float32)
    prediction_files.write_prediction(
        path, {"depth": one, "fused": 2 * one, "other": one}
    )
    arrays = prediction_files.read_prediction(
        path, ["depth"], optional=["context_depth", "fused"]
    )
    assert list(arrays) == ["depth", "fused"]
