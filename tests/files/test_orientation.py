"""Tests of the check for maps that lie on their side."""

import pytest

from dpde_tf.files.orientation import check_orientation


@pytest.mark.parametrize(
    ("image", "depth"),
    [
        ((640, 480), (240, 320)),
        ((480, 640), (64, 48)),
        ((640, 480), (228, 304)),
        ((640, 480), (235, 320)),  # 2 % off.
    ],
)
def test_depth_that_lies_on_its_side_is_refused(image, depth):
    with pytest.raises(ValueError, match=f"image is {image[0]}x{image[1]} and the dep"):
        check_orientation(image, depth)


@pytest.mark.parametrize(
    ("image", "depth"),
    [
        ((640, 480), (320, 240)),
        ((640, 480), (256, 256)),
        ((480, 480), (240, 320)),
        ((640, 480), (180, 320)),  # 4:3 and 16:9: neither is the other, turned.
        ((100, 97), (97, 100)),  # Nearly square.
    ],
)
def test_other_aspects_are_accepted(image, depth):
    check_orientation(image, depth)
