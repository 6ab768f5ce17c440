"""Converts Make3D to a record set of 400 + 134 pairs at 460 x 345.

Raw layout:

    Train400Img/img-<stem>.jpg                   Test134/img-<stem>.jpg
    Train400Depth/depth_sph_corr-<stem>.mat      Gridlaserdata/depth_sph_corr-<stem>.mat

Images have 2272 rows and 1704 columns. The variable `Position3DGrid` of a .mat is a 55
x 305 x 4 grid over the same view; its last channel is the laser's distance in metres,
up to about 81, where the laser saw nothing nearer. That value is kept; metrics leave
out depths beyond 70 m. The name of a pair is its stem.

Images are downsampled by area. The depth grid is interpolated bilinearly to the same
size, more than eightfold along the height, which blurs edges in that direction.

    python -m data_prep.make3d --raw=data/raw/make3d --output=data/records/make3d

Data: Saxena, Sun, Ng (2009), Make3D: Learning 3D Scene Structure from a Single
Still Image, http://make3d.cs.cornell.edu/data.html
"""

import pathlib

import numpy as np
from absl import logging

from data_prep.conversion import converter_flags
from data_prep.conversion.mat_files import read_variable
from data_prep.conversion.pair_encoding import Pair
from data_prep.conversion.raw_files import check_split_size, require_folder
from data_prep.conversion.record_sets import DEFAULT_OPTIONS, Options, write_record_set
from dpde_tf.data.manifest import Manifest
from dpde_tf.files.depth_maps import measured_depth
from dpde_tf.files.folders import normalized
from dpde_tf.files.images import read_image

FOLDERS = {
    "train": ("Train400Img", "Train400Depth"),
    "test": ("Test134", "Gridlaserdata"),
}
SPLIT_SIZES = {"train": 400, "test": 134}
IMAGE_SIZE = (460, 345)
GRID_SHAPE = (55, 305, 4)
_IMAGE_PREFIX, _DEPTH_PREFIX = "img-", "depth_sph_corr-"
_REMEDY = (
    "Fetch it with `python -m data_prep.download --dataset=make3d --raw=DIR`, give the "
    "folder above it with --raw, or convert what is there with --allow_partial."
)


def read_depth_grid(path: str | pathlib.Path) -> np.ndarray:
    """Returns the depth of one .mat file.

    Args:
        path: `depth_sph_corr-*.mat`.

    Returns:
        Metres, float32 `[55, 305]`; 0 = no measurement.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it cannot be read or holds another array.
    """
    grid = read_variable(path, "Position3DGrid")
    if grid.shape != GRID_SHAPE:
        raise ValueError(
            f"`Position3DGrid` of {path} must have the shape {GRID_SHAPE}; it has "
            f"{grid.shape}. Unpack the file again."
        )
    return measured_depth(grid[..., 3])


def _by_stem(
    folder: pathlib.Path, prefix: str, suffix: str, *, allow_partial: bool
) -> dict[str, pathlib.Path]:
    """Returns the files of a folder by their name without the prefix."""
    if folder.exists() or not allow_partial:
        require_folder(folder, _REMEDY)
    paths = sorted(folder.glob(f"{prefix}*{suffix}"))
    return {normalized(path.name[len(prefix) : -len(suffix)]): path for path in paths}


def _pair(stem: str, image: pathlib.Path, depth: pathlib.Path) -> Pair:
    return Pair(stem, str(depth), lambda: (read_image(image), read_depth_grid(depth)))


def _find_pairs(
    raw: pathlib.Path, split: str, *, allow_partial: bool
) -> list[tuple[str, pathlib.Path, pathlib.Path]]:
    """Returns (stem, image file, depth file) of a split, in the order of the stems."""
    image_folder, depth_folder = (raw / name for name in FOLDERS[split])
    images = _by_stem(image_folder, _IMAGE_PREFIX, ".jpg", allow_partial=allow_partial)
    depths = _by_stem(depth_folder, _DEPTH_PREFIX, ".mat", allow_partial=allow_partial)
    lonely = sorted(images.keys() ^ depths.keys())
    if lonely:
        message = (
            f"Each {_IMAGE_PREFIX}*.jpg of {image_folder} must have its "
            f"{_DEPTH_PREFIX}*.mat in {depth_folder}; {len(lonely)} have no partner: "
            f"{', '.join(lonely[:5])}."
        )
        if not allow_partial:
            raise FileNotFoundError(
                f"{message} Remove the incomplete folder and fetch it again with "
                "`python -m data_prep.download --dataset=make3d --raw=DIR`, or convert "
                "what is there with --allow_partial."
            )
        logging.warning("%s They are left out.", message)
    stems = sorted(images.keys() & depths.keys())
    return [(stem, images[stem], depths[stem]) for stem in stems]


def convert(
    raw: str | pathlib.Path,
    output: str | pathlib.Path,
    *,
    image_size: tuple[int, int] | None = IMAGE_SIZE,
    options: Options = DEFAULT_OPTIONS,
) -> Manifest:
    """Converts the official folders to a record set and returns its manifest.

    Args:
        raw: Parent folder of the four official folders.
        output: Folder of the record set.
        image_size: (height, width) of the records; None keeps the original size.
        options: Options that all converters share; with `allow_partial` a whole split
            may be missing.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: If a folder or a partner is missing.
        ValueError: If a file is damaged or a split does not have its official size.
    """
    raw = require_folder(pathlib.Path(raw), _REMEDY)
    partial = options.allow_partial
    found = {split: _find_pairs(raw, split, allow_partial=partial) for split in FOLDERS}
    splits, raw_files = {}, {}
    for split, triples in found.items():
        if partial and not triples:
            logging.warning("There is no pair of the split %r; it is left out.", split)
            continue
        folders = [raw / name for name in FOLDERS[split]]
        origin = " and ".join(map(str, folders))
        size = SPLIT_SIZES[split]
        check_split_size(split, len(triples), size, origin, allow_partial=partial)
        splits[split] = [_pair(*triple) for triple in triples]
        raw_files[FOLDERS[split][0]] = [image for _, image, _ in triples]
        raw_files[FOLDERS[split][1]] = [depth for _, _, depth in triples]
    return write_record_set(
        output,
        dataset="make3d",
        splits=splits,
        image_size=image_size,
        raw_files=raw_files,
        options=options,
    )


if __name__ == "__main__":
    converter_flags.define_official_flags(image_size="460,345")
    converter_flags.run_official(convert)
