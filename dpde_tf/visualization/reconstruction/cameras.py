"""Camera models: the viewing ray of each pixel."""

import dataclasses

import numpy as np

# Focal length divided by the longer side of the image: from 136 degrees, wider than any
# lens without distortion, to 0.6 degrees.
_PLAUSIBLE_FOCAL = (0.2, 100.0)


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera; pixel centres have integer coordinates from 0.

    Attributes:
        size: (height, width) of the image for which the other values hold.
        focal_x: Focal length along the width, pixels.
        focal_y: Focal length along the height, pixels.
        center_x: Column of the optical axis.
        center_y: Row of the optical axis.
        depth_along_ray: Whether depth is the distance of the point from the camera
            instead of its component along the optical axis.
    """

    size: tuple[int, int]
    focal_x: float
    focal_y: float
    center_x: float
    center_y: float
    depth_along_ray: bool = False

    def resized(self, size: tuple[int, int]) -> "Camera":
        """Returns the camera for the same image at another size.

        Args:
            size: (height, width).

        Returns:
            The scaled camera; its pixels may no longer be square.
        """
        scale_y, scale_x = (new / old for new, old in zip(size, self.size, strict=True))
        return dataclasses.replace(
            self,
            size=tuple(size),
            focal_x=self.focal_x * scale_x,
            focal_y=self.focal_y * scale_y,
            center_x=(self.center_x + 0.5) * scale_x - 0.5,
            center_y=(self.center_y + 0.5) * scale_y - 0.5,
        )

    def rays(self) -> np.ndarray:
        """Returns the viewing rays, scaled to one metre of depth.

        Returns:
            Metres to the right, down and ahead, `[H, W, 3]`.
        """
        rows, columns = np.indices(self.size, dtype=np.float64)
        right = (columns - self.center_x) / self.focal_x
        down = (rows - self.center_y) / self.focal_y
        rays = np.stack([right, down, np.ones_like(right)], axis=-1)
        if self.depth_along_ray:
            rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        return rays


CAMERAS = {
    # camera_params.m of the official toolbox, of the RGB camera.
    "nyu_depth_v2": Camera((480, 640), 518.85790, 519.46961, 325.58245, 253.73617),
    # Constants of the authors' code, for the upright image. Depth is the distance that
    # the laser measures: the fourth number of Position3DGrid is the length of the other
    # three, within 0.3 %.
    "make3d": Camera((2272, 1704), 2400.2092, 2407.3313, 833.7210, 1110.7122, True),
    # 3740 px is published, the centre is not. All full-size images of 2005 and 2006
    # have 1110 rows and 1239 to 1395 columns, 1308 on average: widths are accurate to 7
    # %.
    "middlebury": Camera((1110, 1308), 3740.0, 3740.0, 653.5, 554.5),
}


def find_camera(
    dataset: str, size: tuple[int, int], *, focal: float | None = None
) -> Camera:
    """Returns the camera for images of a data set.

    Args:
        dataset: Key of `CAMERAS`; other data sets need a focal length.
        size: (height, width) of the image.
        focal: Focal length in pixels at that size, if known. Pixels are then square,
            the optical axis is in the middle and depth is measured along it.

    Returns:
        The camera at that size.

    Raises:
        ValueError: If neither camera nor focal length is known, or the focal length is
            not plausible.
    """
    if focal is None and dataset not in CAMERAS:
        raise ValueError(
            f"The camera of {dataset!r} is not known (known: {', '.join(CAMERAS)}). "
            "Give its focal length in pixels of the records as `focal`."
        )
    if focal is None:
        return CAMERAS[dataset].resized(size)
    return photograph_camera(size, focal=focal)


def plausible_focal(size: tuple[int, int]) -> tuple[float, float]:
    """Returns the smallest and the largest focal length that a photograph may have.

    Args:
        size: (height, width) of the photograph.

    Returns:
        Focal lengths in pixels.
    """
    low, high = _PLAUSIBLE_FOCAL
    return low * max(size), high * max(size)


def photograph_camera(size: tuple[int, int], *, focal: float | None = None) -> Camera:
    """Returns a camera with square pixels and a centred optical axis.

    Args:
        size: (height, width) of the photograph.
        focal: Focal length in pixels of the photograph; None = the angle of NYU's
            camera across the longer side, 63 degrees, which is close to that of most
            phones.

    Returns:
        The camera.

    Raises:
        ValueError: If the focal length is not plausible for that size.
    """
    if focal is None:
        nyu = CAMERAS["nyu_depth_v2"]
        focal = nyu.focal_x / nyu.size[1] * max(size)
    low, high = plausible_focal(size)
    if not low <= focal <= high:
        raise ValueError(
            f"`focal` must be in pixels, between {low:.6g} and {high:.6g} "
            f"for an image of {size[0]}x{size[1]}. Received: {focal:g}. To convert "
            "millimetres, multiply by the longer side in pixels and divide by that of "
            "the sensor (36 mm for the equivalent focal length)."
        )
    height, width = size
    return Camera(tuple(size), focal, focal, (width - 1) / 2, (height - 1) / 2)
