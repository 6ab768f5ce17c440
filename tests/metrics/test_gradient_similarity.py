"""Tests of GSM."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from tests.fixtures.gradient_similarity import KERNELS, gsm

# Differences of two weighted sides, in four directions; typed again, row by row.
SIDES = [
    "0 1 0 -1 0  0 3 0 -3 0  0 8 0 -8 0  0 3 0 -3 0  0 1 0 -1 0",
    "0 0 0 0 0  1 3 8 3 1  0 0 0 0 0  -1 -3 -8 -3 -1  0 0 0 0 0",
    "0 0 1 0 0  0 8 3 0 0  1 3 0 -3 -1  0 0 -3 -8 0  0 0 -1 0 0",
    "0 0 1 0 0  0 0 3 8 0  -1 -3 0 3 1  0 -8 -3 0 0  0 0 -1 0 0",
]


def gsm_by_formula(first, second):
    """GSM of two [H, W] images in 0..255, block by block, as in the article."""
    kernels = [np.array(s.split(), float).reshape(5, 5) for s in SIDES]
    g, h = (
        np.max([abs(scipy.signal.correlate2d(x, k, "valid")) for k in kernels], 0) / 25
        for x in (first, second)
    )
    values = []
    for row, column in np.ndindex(g.shape):
        a, b = g[row, column], h[row, column]
        similarity = 1.0
        if max(a, b) > 0:
            ratio = 1 - abs(a - b) / max(a, b)
            masking = 200 / max(a, b)
            similarity = (2 * ratio + masking) / (1 + ratio**2 + masking)
        difference = first[row + 2, column + 2] - second[row + 2, column + 2]
        weight = 0.1 * similarity
        luminance = 1 - (difference / 255) ** 2
        values.append((1 - weight) * similarity + weight * luminance)
    return np.mean(values)


def pair(rng, size):
    first = rng.uniform(0, 200, size)
    return first[None, ..., None], (first + rng.normal(0, 30, size))[None, ..., None]


def test_gsm_of_one_block_by_hand():
    # A step of 100 between the third and the fourth column. The vertical kernel sums
    # -100 * (1 + 3 + 8 + 3 + 1) = -1600, the diagonals 12 and the horizontal 0 times
    # 100, so the gradient is 1600 / 25 = 64; that of a constant image is 0. Hence
    # R = 1 and K = 200 / 64 = 3.125: g = 3.125 / 4.125. The centres are 0 and 51, a
    # fifth of 255: e = 0.96.
    step = np.zeros([1, 5, 5, 1])
    step[:, :, 3:] = 100.0
    g = 3.125 / 4.125
    expected = (1 - 0.1 * g) * g + 0.1 * g * 0.96
    assert gsm(step, np.full_like(step, 51.0)).numpy() == pytest.approx([expected])


def test_kernels_are_differences_of_sides_of_weight_16():
    for kernel, typed in zip(KERNELS, SIDES, strict=True):
        assert kernel.sum() == 0
        assert kernel[kernel > 0].sum() == 16
        values = np.array(typed.split(), int).reshape(5, 5)
        assert np.array_equal(abs(kernel), abs(values))


@pytest.mark.parametrize("size", [(5, 5), (6, 9), (33, 20)])
def test_gsm_equals_the_formula_in_scipy(rng, size):
    first, second = pair(rng, size)
    expected = gsm_by_formula(first[0, ..., 0], second[0, ..., 0])
    assert gsm(first, second).numpy() == pytest.approx([expected], rel=1e-12)
    assert expected < 0.995


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_gsm_detects_edges_in_all_directions(direction):
    rows, columns = np.mgrid[:21, :21] - 10
    edge = 255.0 * (direction[0] * rows + direction[1] * columns > 0)
    edge = edge[None, ..., None]
    assert gsm(edge, np.zeros_like(edge)).numpy()[0] < 0.95


def test_gsm_of_an_image_with_itself_is_1(rng):
    first, second = pair(rng, (16, 17))
    flat = np.full_like(first, 77.0)
    for image in (first, flat, np.zeros_like(first)):
        assert gsm(image, image).numpy() == pytest.approx([1.0], abs=1e-12)
    np.testing.assert_allclose(gsm(first, second), gsm(second, first), rtol=1e-12)


def test_gsm_of_flat_images_is_that_of_their_luminance():
    # g = 1, so 0.9 + 0.1 e with e = 0 between black and white.
    black, white = np.zeros([1, 8, 8, 1]), np.full([1, 8, 8, 1], 255.0)
    assert gsm(black, white).numpy() == pytest.approx([0.9])


def test_gsm_falls_with_the_noise(rng):
    first = rng.uniform(0, 200, [1, 32, 32, 1])
    noise = rng.normal(size=first.shape)
    scores = [gsm(first, first + s * noise).numpy()[0] for s in (0, 5, 10, 20, 40)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 5


def test_gsm_max_value_is_the_unit_of_the_images(rng):
    first, second = pair(rng, (16, 20))
    in_metres = gsm(first / 25.5, second / 25.5, max_value=10.0)
    np.testing.assert_allclose(in_metres, gsm(first, second), rtol=1e-12)


def test_gsm_of_a_batch_equals_its_images_also_compiled(rng):
    pairs = [pair(rng, (20, 23)) for _ in range(3)]
    first, second = (np.concatenate(images) for images in zip(*pairs, strict=True))
    single = [gsm(*one).numpy()[0] for one in pairs]
    batch = gsm(tf.constant(first, tf.float32), tf.constant(second, tf.float32))
    assert batch.dtype == tf.float64
    np.testing.assert_allclose(batch, single, rtol=1e-6)  # float32 images
    compiled = tf.function(gsm, jit_compile=True)(first, second)
    np.testing.assert_allclose(compiled, single, rtol=1e-9)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((1, 12, 12, 1), (1, 12, 13, 1), r"same shape.*12, 12.*12, 13"),
        ((1, 12, 12, 3), (1, 12, 12, 3), r"grey.*12, 12, 3"),
        ((1, 12, 4, 1), (1, 12, 4, 1), "at least 5x5 pixels.*12, 4"),
    ],
)
def test_gsm_rejects_other_shapes(first, second, message):
    with pytest.raises(ValueError, match=message):
        gsm(tf.zeros(first), tf.zeros(second))


def test_gsm_rejects_a_max_value_that_is_not_positive():
    image = tf.zeros([1, 12, 12, 1])
    with pytest.raises(ValueError, match=r"positive. Received: 0"):
        gsm(image, image, max_value=0.0)
