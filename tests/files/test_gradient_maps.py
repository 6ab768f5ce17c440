"""Tests of dpde_tf.files.gradient_maps."""

import numpy as np
import pytest

from dpde_tf.files.gradient_maps import read_gradients


def test_read_gradients_of_npz_and_npy_are_equal(tmp_path, rng):
    x, y = rng.normal(size=(2, 3, 4))
    np.savez(tmp_path / "g.npz", depth=x, gradient_y=y, gradient_x=x)
    np.save(tmp_path / "g.npy", np.stack([x, y], axis=-1))
    for name in ("g.npz", "g.npy"):
        read = read_gradients(tmp_path / name)
        assert read[0].dtype == read[1].dtype == np.float32
        np.testing.assert_array_equal(read, np.float32([x, y]))


def test_read_gradients_are_nan_where_unknown(tmp_path):
    np.save(tmp_path / "g.npy", np.array([[[np.inf, -2.0]], [[0.0, np.nan]]]))
    gradient_x, gradient_y = read_gradients(tmp_path / "g.npy")
    np.testing.assert_array_equal(gradient_x, [[np.nan], [0]])
    np.testing.assert_array_equal(gradient_y, [[-2], [np.nan]])


@pytest.mark.parametrize(
    "array", [np.ones((2, 3)), np.ones((2, 3, 3)), np.ones((2, 3, 2), int), np.ones(())]
)
def test_read_gradients_rejects_other_arrays(tmp_path, array):
    np.save(tmp_path / "g.npy", array)
    with pytest.raises(ValueError, match=r"g.npy must hold floating-point gradient_x"):
        read_gradients(tmp_path / "g.npy")


def test_read_gradients_error_lists_the_arrays_of_an_npz(tmp_path):
    np.savez(tmp_path / "g.npz", gradient_x=np.ones((2, 3)), dy=np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"It holds: .*'dy': \(2, 3\)"):
        read_gradients(tmp_path / "g.npz")
    np.savez(tmp_path / "g.npz", gradient_x=np.ones((2, 3)), gradient_y=np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"'gradient_y': \(3, 2\)"):
        read_gradients(tmp_path / "g.npz")
    with pytest.raises(FileNotFoundError, match=r"none.npz does not exist"):
        read_gradients(tmp_path / "none.npz")


def test_read_gradients_drops_axes_of_batch_and_channel(tmp_path):
    x = np.float32([[1, 2, 3]])
    for shape in ((1, 1, 3), (1, 3, 1)):
        maps = {"gradient_x": x.reshape(shape), "gradient_y": -x.reshape(shape)}
        np.savez(tmp_path / "g.npz", **maps)
        np.testing.assert_array_equal(read_gradients(tmp_path / "g.npz"), [x, -x])
    np.save(tmp_path / "g.npy", np.stack([x, -x], axis=-1)[np.newaxis])
    np.testing.assert_array_equal(read_gradients(tmp_path / "g.npy"), [x, -x])
