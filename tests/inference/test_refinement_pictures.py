"""Tests of dpde_tf.inference.refinement_pictures."""

import numpy as np

from dpde_tf.inference.refinement_pictures import refinement_picture
from dpde_tf.visualization.colours import colorize_depth

# Of the montage: the strip of titles, and the gap between pictures.
_TITLES, _GAP = 20, 4


def test_refinement_picture_magnifies_the_strongest_edge():
    before = np.full((40, 60), 2.0, np.float32)
    after = before.copy()
    after[28:33, 40:48] = 4.0
    picture = refinement_picture(before, after)
    assert picture.shape == (_TITLES + 2 * 40 + _GAP, 2 * 60 + _GAP, 3)
    detail = picture[_TITLES + 40 + _GAP :, 60 + _GAP :]
    far = colorize_depth(np.full((1, 1), 4.0), min_depth=2.0, max_depth=4.0)[0, 0]
    # All 5 x 8 far pixels are in the window, each as 4 x 4.
    assert np.all(detail == far, axis=-1).sum() == 5 * 8 * 16
    # Both have the same colours, so the map before is all near.
    near = colorize_depth(np.full((1, 1), 2.0), min_depth=2.0, max_depth=4.0)[0, 0]
    assert np.all(picture[_TITLES : _TITLES + 40, :60] == near)


def test_refinement_picture_shows_holes_in_black():
    before = np.full((8, 8), 2.0, np.float32)
    before[0, 0] = np.nan
    picture = refinement_picture(before, np.nan_to_num(before, nan=3.0))
    assert not picture[_TITLES, 0].any()
    assert np.all(picture[_TITLES, 1:8].any(axis=-1))


def test_refinement_picture_of_nothing_and_of_small_maps():
    nothing = np.full((3, 2), np.nan, np.float32)
    assert refinement_picture(nothing, nothing).dtype == np.uint8
    one = np.ones((1, 1), np.float32)
    assert refinement_picture(one, one).dtype == np.uint8
