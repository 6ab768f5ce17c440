"""Tests of data_prep.conversion.pair_encoding."""

import numpy as np
import pytest

from data_prep.conversion.pair_encoding import Pair, encode_pair


@pytest.mark.parametrize("factor, median", [(1000, "5000"), (0.01, "0.05")])
def test_encode_pair_refuses_another_unit(factor, median):
    depth = np.full((2, 2), 5 * factor, np.float32)
    pair = Pair("a", "room.png", lambda: (np.zeros((2, 2, 3), np.uint8), depth))
    with pytest.raises(ValueError, match=rf"room.png .*{median}.*--depth_scale"):
        encode_pair(pair, None)


def test_encode_pair_refuses_a_depth_without_measurement():
    image, depth = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32)
    pair = Pair("a", "a.png", lambda: (image, depth))
    with pytest.raises(ValueError, match=r"a.png .*it has none"):
        encode_pair(pair, None)
    depth[0, 0] = (
        3  # Not among the four in the middle, of which a single pixel is made.
    )
    with pytest.raises(ValueError, match=r"a.png .*too sparse"):
        encode_pair(pair, (1, 1))
    assert encode_pair(pair, (4, 4)).num_measured == 1
    depth[::2, ::2] = 3  # One of four is enough.
    assert encode_pair(pair, (2, 2)).num_measured == 4


def test_encode_pair_sums_the_measured_depths():
    depth = np.float32([[1, 0], [2, 6]])  # hand: 9 over three pixels
    encoded = encode_pair(
        Pair("a", "a", lambda: (np.zeros((2, 2, 3), np.uint8), depth)), None
    )
    found = (
        encoded.num_measured,
        encoded.depth_sum,
        encoded.depth_min,
        encoded.depth_max,
    )
    assert found == (3, 9, 1, 6)
    assert encoded.image_size == (2, 2)


def test_encode_pair_without_a_size_needs_equal_sizes():
    pair = Pair(
        "a", "a", lambda: (np.zeros((4, 4, 3), np.uint8), np.ones((2, 2), np.float32))
    )
    with pytest.raises(ValueError, match="as its image"):
        encode_pair(pair, None)
