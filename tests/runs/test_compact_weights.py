"""Compact weights: rounding, files, refusals."""

import keras
import numpy as np
import pytest

from dpde_tf.files.checksums import FILE_NAME, write_checksums
from dpde_tf.runs.compact_weights import (
    has_compact_weights,
    quantize,
    read_compact_weights,
    write_compact_weights,
)


def _network(width: int = 64) -> keras.Model:
    """Kernels of int8, int16 and float32, biases and batch normalisation."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, name="small")(image)
    x = keras.layers.Conv2D(72, 3, name="middle")(x)
    x = keras.layers.Conv2D(width, 3, name="large")(x)
    x = keras.layers.BatchNormalization(name="bn")(x)
    return keras.Model(image, x)


def _randomize(network: keras.Model, seed: int) -> None:
    generator = np.random.default_rng(seed)
    for variable in network.weights:
        variable.assign(generator.normal(size=variable.shape).astype(np.float32))


def test_quantize_whole_multiples_of_the_scale_exactly():
    # By hand: the largest of each channel is 127 steps, all others whole steps.
    kernel = np.array([[127.0, 0.5 * 127], [-3.0, 0.5 * 20], [0.0, -0.5]], np.float32)
    codes, scale = quantize(kernel)
    np.testing.assert_array_equal(codes, [[127, 127], [-3, 20], [0, -1]])
    np.testing.assert_allclose(scale, [1.0, 0.5], rtol=1e-6)


def test_quantization_error_is_at_most_half_a_step():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 50, 4)).astype(np.float32)
    kernel *= np.float32([1.0, 10.0, 1e-3, 1e3])
    codes, scale = quantize(kernel)
    error = np.square(codes * scale - kernel).mean(axis=(0, 1, 2))
    # Rounding to the steps of the largest weight has a variance of step^2 / 12.
    step = np.abs(kernel).max(axis=(0, 1, 2)) / 127
    assert np.all(error <= 1.1 * step**2 / 12)
    assert codes.dtype == np.int8


def test_quantize_clips_an_outlier_only_where_that_pays():
    channel = np.append(np.random.default_rng(1).normal(size=100_000), 6.0)
    codes, scale = quantize(channel.astype(np.float32)[:, None])
    assert codes.max() == 127
    assert scale[0] < 6.0 / 127


def test_quantize_to_int16_is_256_times_as_fine():
    kernel = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    codes, scale = quantize(kernel, "int16")
    assert codes.dtype == np.int16
    step = np.abs(kernel).max(axis=0) / 32767
    # Half a step, and rounding of float32.
    assert np.all(np.abs(codes * scale - kernel) <= 0.51 * step + 1e-7)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_quantize_channel_of_zeros(dtype):
    codes, scale = quantize(np.zeros((5, 2), np.float32), dtype)
    assert not codes.any()
    assert np.isfinite(scale).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="weights must be finite"):
        quantize(np.float32([[1.0, value], [2.0, 3.0]]))


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1e25])
def test_extreme_weights_have_a_scale(size):
    kernel = np.float32([[size, 1.0], [0.0, -1.0]])
    (codes, scale), again = quantize(kernel), quantize(kernel)
    assert np.isfinite(scale).all()
    assert (scale > 0).all()
    np.testing.assert_array_equal(codes, again[0])
    np.testing.assert_array_equal(scale, again[1])
    np.testing.assert_allclose(codes * scale, kernel, rtol=0.01, atol=1e-37)


def test_written_weights_are_loaded_into_an_equal_network(tmp_path):
    network, other = _network(), _network()
    _randomize(network, 0)
    _randomize(other, 1)
    write_compact_weights(network, tmp_path)
    read_compact_weights(tmp_path).assign_to(other)
    for written, read in zip(network.weights, other.weights, strict=True):
        written, read = np.asarray(written.value), np.asarray(read.value)
        if written.ndim == 4 and written.size >= 4096:
            dtype = "int8" if written.size >= 40_000 else "int16"
            codes, scale = quantize(written, dtype)
            np.testing.assert_array_equal(read, codes.astype(np.float32) * scale)
        else:
            np.testing.assert_array_equal(read, written)


def test_the_same_weights_give_the_same_bytes(tmp_path):
    network = _network()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_compact_weights(network, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == [FILE_NAME, "compact-1.npz"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (
            tmp_path / "b" / name
        ).read_bytes()


def test_pieces_are_no_larger_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("dpde_tf.runs.compact_weights._PIECE_BYTES", 3000)
    network, other = _network(), _network()
    _randomize(network, 0)
    write_compact_weights(network, tmp_path)
    # The float32 small kernel; the int16 one, over the limit; its scale and bias; the
    # int8 one, over the limit; all the rest.
    assert len(list(tmp_path.glob("*.npz"))) == 5
    read_compact_weights(tmp_path).assign_to(other)
    np.testing.assert_array_equal(
        other.get_layer("bn").get_weights(), network.get_layer("bn").get_weights()
    )


def test_has_compact_weights(tmp_path):
    assert not has_compact_weights(tmp_path / "none")
    write_compact_weights(_network(), tmp_path)
    assert has_compact_weights(tmp_path)


def test_a_flipped_byte_is_refused(tmp_path):
    write_compact_weights(_network(), tmp_path)
    path = tmp_path / "compact-1.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"compact-1.npz does not have the SHA-256"):
        read_compact_weights(tmp_path).assign_to(_network())


def test_a_missing_file_is_refused(tmp_path):
    write_compact_weights(_network(), tmp_path)
    (tmp_path / "compact-1.npz").unlink()
    with pytest.raises(ValueError, match=r"are damaged: .* does not list the files"):
        read_compact_weights(tmp_path).assign_to(_network())


def test_another_network_is_refused_by_the_name_of_a_weight(tmp_path):
    write_compact_weights(_network(), tmp_path)
    with pytest.raises(ValueError, match=r"of another network: .*bn/beta \[32\]"):
        read_compact_weights(tmp_path).assign_to(_network(width=32))


def test_a_file_that_is_no_npz_is_refused_despite_its_checksum(tmp_path):
    write_compact_weights(_network(), tmp_path)
    (tmp_path / "compact-1.npz").write_bytes(b"no archive")
    (tmp_path / FILE_NAME).unlink()
    write_checksums(tmp_path)
    with pytest.raises(ValueError, match=r"are damaged: .*compact-1"):
        read_compact_weights(tmp_path).assign_to(_network())
