"""Refuses maps that lie on their side."""

Size = tuple[int, int]

# Largest relative difference of two aspects that count as the same.
_SAME_ASPECT = 0.05


def check_orientation(
    size: Size, depth_size: Size, *, of: str = "image", to_turn: str = "depth map"
) -> None:
    """Refuses an upright image with a depth map that lies on its side, or vice versa.

    Networks whose programs ignore the EXIF orientation of a photograph give such maps.
    Other differences of the aspect are allowed, since many networks predict squares.

    Args:
        size: (height, width) of the image, or of the ground truth.
        depth_size: (height, width) of the depth map.
        of: What has the first size, for the message.
        to_turn: What has the second size.

    Raises:
        ValueError: If the first has the aspect of the other, turned.
    """
    aspect, other = (height / width for height, width in (size, depth_size))
    opposite = (aspect - 1) * (other - 1) < -(_SAME_ASPECT**2)
    if opposite and abs(aspect * other - 1) < _SAME_ASPECT:
        raise ValueError(
            f"The {of} is {size[0]}x{size[1]} and the {to_turn} "
            f"{depth_size[0]}x{depth_size[1]}: one of them lies on its side. Turn the "
            f"{to_turn} by 90 degrees; images are turned as their EXIF says."
        )
