"""Converts NYU Depth v2 (labeled pairs) to 795 + 654 records at 240 x 320.

Raw layout, in one folder:

    nyu_depth_v2_labeled.mat   MATLAB 7.3 = HDF5, 2.97 GB; read pair by pair
    splits.mat                 the official split

h5py shows the axes of the first in reverse order:

| variable    | shape            | type    | content                                   |
|-------------|------------------|---------|-------------------------------------------|
| `images`    | (1449, 3, W, H)  | uint8   | RGB, H x W = 480 x 640                    |
| `depths`    | (1449, W, H)     | float32 | metres, holes filled in by the authors    |
| `trainNdxs` | 795 indices      |         | in splits.mat, counted from 1             |
| `testNdxs`  | 654 indices      |         | in splits.mat, counted from 1             |

A record is named by its index in the .mat, from 0, with four digits: `0007`. At
240 x 320 image and depth are both the mean of 2 x 2 pixels.

    python -m data_prep.nyu_depth_v2 --raw=data/raw/nyu_depth_v2 \\
        --output=data/records/nyu_depth_v2

Data: Silberman, Hoiem, Kohli, Fergus (2012), Indoor Segmentation and Support
Inference from RGBD Images, https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html
"""

import pathlib

import h5py
import numpy as np

from data_prep.conversion import converter_flags
from data_prep.conversion.mat_files import read_variable
from data_prep.conversion.pair_encoding import Pair
from data_prep.conversion.raw_files import check_split_size, require_file
from data_prep.conversion.record_sets import DEFAULT_OPTIONS, Options, write_record_set
from dpde_tf.data.manifest import Manifest
from dpde_tf.files.depth_maps import measured_depth
from dpde_tf.files.hdf5 import DAMAGED, check_stored_in_file, open_to_read

LABELED_FILE = "nyu_depth_v2_labeled.mat"
SPLITS_FILE = "splits.mat"
SPLIT_VARIABLES = {"train": "trainNdxs", "test": "testNdxs"}
SPLIT_SIZES = {"train": 795, "test": 654}
IMAGE_SIZE = (240, 320)
_REMEDY = (
    "Fetch it with `python -m data_prep.download --dataset=nyu --raw=DIR`, or give its "
    "folder with --raw."
)
# A cache lets chunks that span several pairs be decompressed only once. Each variable
# has a cache of this size, which exists as long as its h5py.Dataset.
_CHUNK_CACHE = {"rdcc_nbytes": 64 * 2**20, "rdcc_nslots": 100_003}


def _open(path: pathlib.Path) -> h5py.File:
    """Opens the labeled .mat and checks its content."""
    try:
        file = open_to_read(path, **_CHUNK_CACHE)
    except OSError as error:
        raise ValueError(
            f"{path} must be a whole HDF5 file (MATLAB 7.3); it cannot be opened "
            f"({error}). Fetch it again."
        ) from error
    try:
        _check_variables(file, path)
    except DAMAGED as error:
        file.close()
        raise ValueError(f"{path} is damaged ({error}). Fetch it again.") from error
    except ValueError:
        file.close()
        raise
    return file


def _check_variables(file: h5py.File, path: pathlib.Path) -> None:
    """Raises a ValueError unless images and depths have the expected layout."""
    there = {k: file[k] for k in ("images", "depths") if k in file}
    found = {
        name: (item.shape, str(item.dtype))
        for name, item in there.items()
        if isinstance(item, h5py.Dataset)
    }
    images, image_type = found.get("images", ((), ""))
    depths, depth_type = found.get("depths", ((), ""))
    if (
        len(images) != 4
        or images[1] != 3
        or depths != (images[0], *images[2:])
        or (image_type, depth_type[:5]) != ("uint8", "float")
        or 0 in images
    ):
        raise ValueError(
            f"{path} must hold `images` (N, 3, W, H), uint8, and `depths` (N, W, H), "
            f"float, as h5py shows them; it holds {found}. Fetch it again."
        )
    for name, item in there.items():
        check_stored_in_file(item, path, name)


def read_splits(path: str | pathlib.Path) -> dict[str, list[int]]:
    """Returns the indices of the official splits, counted from 0.

    Args:
        path: `splits.mat`.

    Returns:
        `train` and `test` to their indices in the labeled .mat, in the file's order.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it cannot be read, or an index is in both splits or below 1.
    """
    found = {
        split: read_variable(path, variable).ravel()
        for split, variable in SPLIT_VARIABLES.items()
    }
    numbers = np.concatenate(list(found.values()))
    whole = np.isfinite(numbers) & (numbers == np.rint(numbers))
    repeated = len(numbers) - len(np.unique(numbers))
    if (
        not all(map(len, found.values()))
        or repeated
        or not (whole & (numbers > 0)).all()
    ):
        raise ValueError(
            f"{path} must hold whole numbers from 1, each in one split only and "
            f"once; {repeated} come again. Fetch it again."
        )
    return {k: (v.astype(np.int64) - 1).tolist() for k, v in found.items()}


def _pair(images: h5py.Dataset, depths: h5py.Dataset, index: int) -> Pair:
    """Returns the pair with a given index."""
    origin = f"{images.file.filename}, pair {index} from 0"

    def load() -> tuple[np.ndarray, np.ndarray]:
        try:
            image, depth = images[index], depths[index]
        except DAMAGED as error:
            raise ValueError(
                f"{origin} must be readable; the file is damaged ({error}). Fetch it "
                "again."
            ) from error
        return (
            np.ascontiguousarray(image.transpose(2, 1, 0)),
            measured_depth(np.ascontiguousarray(depth.T)),
        )

    return Pair(f"{index:04d}", origin, load)


def convert(
    raw: str | pathlib.Path,
    output: str | pathlib.Path,
    *,
    image_size: tuple[int, int] | None = IMAGE_SIZE,
    options: Options = DEFAULT_OPTIONS,
) -> Manifest:
    """Converts the labeled .mat to a record set and returns its manifest.

    Args:
        raw: Folder of the two .mat files.
        output: Folder of the record set.
        image_size: (height, width) of the records; None keeps the original size.
        options: Options that all converters share.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: If a raw file is missing.
        ValueError: If a raw file is damaged or a split does not have its official size.
    """
    labeled = require_file(pathlib.Path(raw) / LABELED_FILE, _REMEDY)
    splits_file = require_file(pathlib.Path(raw) / SPLITS_FILE, _REMEDY)
    splits = {}
    with _open(labeled) as file:
        images, depths = file["images"], file["depths"]
        for split, indices in read_splits(splits_file).items():
            there = [index for index in indices if index < len(images)]
            check_split_size(
                split,
                len(there),
                SPLIT_SIZES[split],
                f"{labeled} with {SPLITS_FILE}",
                allow_partial=options.allow_partial,
            )
            splits[split] = [_pair(images, depths, index) for index in there]
        return write_record_set(
            output,
            dataset="nyu_depth_v2",
            splits=splits,
            image_size=image_size,
            raw_files={LABELED_FILE: [labeled], SPLITS_FILE: [splits_file]},
            options=options,
        )


if __name__ == "__main__":
    converter_flags.define_official_flags(image_size="240,320")
    converter_flags.run_official(convert)
