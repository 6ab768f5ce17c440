"""Converts Middlebury stereo to a record set of 35 scenes at 380 x 430, for testing.

Raw layout, one folder a scene, named `Aloe` or `2006_Aloe`:

| year | scenes | image      | disparity   | what is stored                         |
|------|--------|------------|-------------|----------------------------------------|
| 2001 | 6      | `im2.ppm`  | `disp2.pgm` | 8 x disparity                          |
| 2003 | 2      | `im2.png`  | `disp2.png` | 4 x disparity of the quarter size      |
| 2005 | 6      | `view1.png`| `disp1.png` | disparity in pixels of the full size,  |
| 2006 | 21     |            |             | whatever the size (third, half, full)  |

Stored values have 8 bits. 0 means unknown and becomes 0, "no measurement", in the
records. `dmin.txt` (2005, 2006) holds the disparity that was cropped away, in full-size
pixels.

The record set has two splits with the same images and different depths:

- `calibrated`, the scenes of 2005 and 2006: Z = 3740 px * 0.160 m / (stored + dmin),
  the calibration that the data set publishes; metres.
- `simple`, all scenes: Z = constant / stored, the "simple division" of the paper.
  Without calibration its scale is arbitrary and differs between scenes.

The paper does not specify the following, so these are our choices: there are two
splits; the constant of `simple` is 598.4 = 3740 px * 0.160 m; `simple` ignores dmin;
nothing is interpolated across unknown pixels. As in the paper, disparity is resized
first and then converted to depth. Its values are not multiplied by the change of width,
since they are in pixels of the full size. If a folder of 2006 has no dmin.txt, dmin is
estimated from the width to which the image was cropped; the depth is then accurate to
about 1 %. The manifest lists the dmin of each scene and its origin.

    python -m data_prep.middlebury --raw=data/raw/middlebury \\
        --output=data/records/middlebury

Data: Scharstein, Szeliski (2002; 2003), Scharstein, Pal (2007), Hirschmueller,
Scharstein (2007), https://vision.middlebury.edu/stereo/data/
"""

import pathlib
from collections.abc import Mapping

import cv2
import numpy as np
from absl import flags, logging

from data_prep.conversion import converter_flags
from data_prep.conversion.middlebury_scenes import (
    CALIBRATED_YEARS,
    FILES,
    SCENES,
    find_scenes,
    read_dmin,
)
from data_prep.conversion.pair_encoding import Pair
from data_prep.conversion.raw_files import check_split_size
from data_prep.conversion.record_sets import DEFAULT_OPTIONS, Options, write_record_set
from dpde_tf.data.manifest import Manifest
from dpde_tf.files.images import read_image, read_pixels
from dpde_tf.files.resizing import resize_depth

IMAGE_SIZE = (380, 430)
FOCAL_TIMES_BASELINE = 3740 * 0.160  # full-size pixels * metres


def depth_from_disparity(
    disparity: np.ndarray, *, constant: float, offset: float
) -> np.ndarray:
    """Returns constant / (disparity + offset).

    Args:
        disparity: Pixels, `[H, W]`; 0 = unknown.
        constant: Metres * pixels, positive.
        offset: Pixels, not negative.

    Returns:
        Metres, float32 `[H, W]`; 0 = unknown.

    Raises:
        ValueError: If `constant` or `offset` is out of range.

    Source: Xu & Liu (2021), Sect. 4.1 ("simple division", without its constant).
    """
    if constant <= 0 or offset < 0:
        raise ValueError(
            "`constant` (--simple_constant) must be positive and `offset` (dmin) not "
            f"negative. Received: {constant} and {offset}."
        )
    known = disparity > 0
    disparity = np.where(known, disparity.astype(np.float64) + offset, 1.0)
    return np.where(known, constant / disparity, 0.0).astype(np.float32)


def _pair(
    scene: str,
    folder: pathlib.Path,
    image_size: tuple[int, int] | None,
    *,
    constant: float,
    offset: float,
) -> Pair:
    """Returns the pair of a scene, with depth at the size of the records."""
    view, stored = (folder / name for name in FILES[SCENES[scene]])

    def load() -> tuple[np.ndarray, np.ndarray]:
        image = read_image(view)
        disparity = read_pixels(stored, flags=cv2.IMREAD_UNCHANGED)
        if disparity.dtype != np.uint8 or disparity.shape != image.shape[:2]:
            raise ValueError(
                f"{stored} must hold 8-bit disparities in the size of {view.name}, "
                f"{image.shape[:2]}; it holds {disparity.dtype} {disparity.shape}. "
                "Take both from one archive."
            )
        size = image_size or disparity.shape
        disparity = resize_depth(disparity[..., np.newaxis], size).numpy()[..., 0]
        depth = depth_from_disparity(disparity, constant=constant, offset=offset)
        return image, depth

    return Pair(scene, str(stored), load)


def _read_offsets(
    scenes: Mapping[str, pathlib.Path],
) -> dict[str, tuple[float, str]]:
    """Returns dmin and its origin of the calibrated scenes; logs the estimates."""
    offsets = {
        scene: read_dmin(folder, scene)
        for scene, folder in scenes.items()
        if SCENES[scene] in CALIBRATED_YEARS
    }
    estimated = [
        scene for scene, (_, origin) in offsets.items() if origin == "estimated"
    ]
    if estimated:
        logging.info(
            "No dmin.txt for %s: estimates (about 1 %% of depth).", ", ".join(estimated)
        )
    return offsets


def _raw_files(scenes: Mapping[str, pathlib.Path]) -> dict[str, list[pathlib.Path]]:
    """Returns the files that are read for each scene."""
    raw_files = {}
    for scene, folder in scenes.items():
        paths = [folder / name for name in (*FILES[SCENES[scene]], "dmin.txt")]
        raw_files[folder.name] = [path for path in paths if path.exists()]
    return raw_files


def convert(
    raw: str | pathlib.Path,
    output: str | pathlib.Path,
    *,
    image_size: tuple[int, int] | None = IMAGE_SIZE,
    simple_constant: float = FOCAL_TIMES_BASELINE,
    options: Options = DEFAULT_OPTIONS,
) -> Manifest:
    """Converts the scenes to a record set and returns its manifest.

    Args:
        raw: Parent folder of the scenes.
        output: Folder of the record set.
        image_size: (height, width) of the records; None keeps the original size.
        simple_constant: Constant of the split `simple`, metres * pixels.
        options: Options that all converters share.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: If a folder or a file of a scene is missing.
        ValueError: If a file is damaged or scenes are missing.
    """
    scenes = find_scenes(raw)
    missing = [scene for scene in SCENES if scene not in scenes]
    origin = f"{raw} (without {', '.join(missing)})" if missing else str(raw)
    partial = {"allow_partial": options.allow_partial}
    check_split_size("simple", len(scenes), len(SCENES), origin, **partial)
    offsets = _read_offsets(scenes)
    calibrated = [
        _pair(
            scene,
            scenes[scene],
            image_size,
            constant=FOCAL_TIMES_BASELINE,
            offset=dmin,
        )
        for scene, (dmin, _) in offsets.items()
    ]
    simple = [
        _pair(scene, folder, image_size, constant=simple_constant, offset=0.0)
        for scene, folder in scenes.items()
    ]
    splits = {"calibrated": calibrated, "simple": simple}
    return write_record_set(
        output,
        dataset="middlebury",
        splits={split: pairs for split, pairs in splits.items() if pairs},
        image_size=image_size,
        raw_files=_raw_files(scenes),
        settings={
            "simple_constant": simple_constant,
            "focal_times_baseline": FOCAL_TIMES_BASELINE,
            "dmin": {scene: list(offset) for scene, offset in offsets.items()},
        },
        options=options,
    )


def _define_flags() -> None:
    """Defines the flags of this program."""
    converter_flags.define_official_flags(image_size="380,430")
    flags.DEFINE_float(
        "simple_constant", FOCAL_TIMES_BASELINE, "Metres * pixels of the split simple."
    )


if __name__ == "__main__":
    _define_flags()
    converter_flags.run_official(convert, "simple_constant")
