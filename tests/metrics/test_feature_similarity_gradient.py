"""Tests of the gradient of FSIM."""

import itertools

import cv2
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.metrics import feature_similarity
from dpde_tf.metrics.feature_similarity import fsim
from tests.fixtures.similarity_maps import all_pairs, maps, value_and_gradient


def freeze_noise(monkeypatch, reference, distorted):
    """Holds the noise thresholds of a pair, which are constants in the gradient."""
    original, noise = feature_similarity._noise_threshold, []
    target = "dpde_tf.metrics.feature_similarity._noise_threshold"
    monkeypatch.setattr(target, lambda *p: noise.append(original(*p)) or noise[-1])
    fsim(reference, distorted)
    frozen = itertools.cycle(noise)
    monkeypatch.setattr(target, lambda *_: next(frozen))


def numerical_jacobian(reference, distorted, pixels, step):
    """Central differences of the FSIM of one pair at some pixels, in one batch."""
    height, width = distorted.shape[1:3]
    changes = step * tf.one_hot(pixels, height * width, dtype=distorted.dtype)
    changes = tf.reshape(changes, [-1, height, width, 1])
    reference = tf.repeat(reference, len(pixels), axis=0)
    up, down = (fsim(reference, distorted + c) for c in (changes, -changes))
    return (up - down) / (2 * step)


def test_fsim_gradient_equals_central_differences(rng, monkeypatch):
    pairs = [
        ("random", "depth"),
        ("depth", "random"),
        ("depth", "blurred"),
        ("depth", "slanted_edge"),
        ("edge", "noisy_edge"),
        ("constant", "random"),
        # A flat distorted map is at an even kink, so only the border has a derivative.
        ("constant", "constant"),
        ("depth", "zero"),
    ]
    reference, distorted = (maps(*names) for names in zip(*pairs, strict=True))
    _, gradient = value_and_gradient(reference, distorted)
    freeze_noise(monkeypatch, reference, distorted)
    for _ in range(3):
        step = rng.normal(size=distorted.shape)
        change = fsim(reference, distorted + 1e-5 * step)
        change -= fsim(reference, distorted - 1e-5 * step)
        along = np.sum(gradient * step, axis=(1, 2, 3))
        # Numbers near 1 are exact to 1e-15, and so their quotient by 2e-5 to 1e-10.
        np.testing.assert_allclose(along, change / 2e-5, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("first", ["constant", "edge", "zero", "depth"])
def test_fsim_jacobian_equals_central_differences_at_each_pixel(monkeypatch, first):
    # The distorted map has added noise; without noise, it is at a kink.
    reference = maps(first)[:, 3:35, 10:43]  # 32 x 33, with the edge and a disc
    noise = np.random.default_rng(2).normal(size=reference.shape)
    distorted = reference + noise
    _, gradient = value_and_gradient(reference, distorted)
    freeze_noise(monkeypatch, reference, distorted)
    pixels = np.arange(0, 32 * 33, 13)  # of all rows and columns
    jacobian = numerical_jacobian(reference, distorted, pixels, 1e-5)
    # Numbers near 1 are exact to 1e-15, and so their quotient by 2e-5 to 1e-10.
    gradient = tf.gather(tf.reshape(gradient, [-1]), pixels)
    assert np.abs(gradient).max() > 1e-5
    np.testing.assert_allclose(jacobian, gradient, rtol=1e-4, atol=1e-9)


@pytest.mark.data
@pytest.mark.parametrize("number", [0, 700, 1400])
def test_fsim_jacobian_on_real_depth(real_data, rng, monkeypatch, number):
    path = real_data / "nyu_240x320" / "depth" / f"{number:04d}.png"
    depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) / 1000.0 * 25.5  # 10 m is 255
    depth = cv2.resize(depth, (160, 120), interpolation=cv2.INTER_AREA)
    # Like the output of a network: blurred, with a smooth error and a little noise.
    error = cv2.GaussianBlur(rng.normal(0, 200, depth.shape), (0, 0), 10)
    predicted = cv2.GaussianBlur(depth, (0, 0), 2) + error
    predicted += rng.normal(0, 0.1, depth.shape)
    pair = [tf.constant(image[None, ..., None]) for image in (depth, predicted)]
    score, gradient = value_and_gradient(*pair)
    assert 0.5 < score[0] < 0.99
    single = value_and_gradient(*(tf.cast(image, "float32") for image in pair))
    np.testing.assert_allclose(single[0], score, rtol=1e-5)
    assert np.all(np.isfinite(single[1]))
    freeze_noise(monkeypatch, *pair)
    pixels = rng.choice(depth.size, 60, replace=False)
    jacobian = numerical_jacobian(*pair, pixels, 1e-5)
    gradient = tf.reshape(gradient, [-1])
    # The quotient is exact to 1e-10; gradients of single pixels are 1e-6 to 1e-5.
    np.testing.assert_allclose(
        jacobian, tf.gather(gradient, pixels), rtol=1e-4, atol=1e-9
    )


def test_fsim_gradient_at_an_edge_is_between_one_sided_ones(rng, monkeypatch):
    # Across the edge, some odd responses are 0 everywhere, at the kink of |.|.
    reference, distorted = maps("depth"), maps("edge")
    score, gradient = value_and_gradient(reference, distorted)
    freeze_noise(monkeypatch, reference, distorted)
    for _ in range(5):
        step = rng.normal(size=distorted.shape)
        forward = (fsim(reference, distorted + 1e-6 * step) - score)[0] / 1e-6
        backward = (score - fsim(reference, distorted - 1e-6 * step))[0] / 1e-6
        along = np.sum(gradient * step)
        assert min(forward, backward) <= along <= max(forward, backward)


def test_fsim_gradient_is_finite_in_float32():
    _, gradient = value_and_gradient(*all_pairs("float32"))
    _, exact = value_and_gradient(*all_pairs("float64"))
    assert np.all(np.isfinite(gradient))
    largest = np.abs(gradient).max(axis=(1, 2, 3))
    # At the kinks of an exact edge, rounding selects another subgradient.
    expected = np.abs(exact).max(axis=(1, 2, 3))
    np.testing.assert_allclose(largest, expected, rtol=0.2, atol=1e-6)
