"""Anybody's folders of images and depth maps -> a record set.

Raw layout: a folder of images (BMP, JPEG, PNG, PPM, TIFF or WebP) and a folder of
depth maps (16-bit PNG, NPY, NPZ or PFM) of the same stems, `0007.jpg` with
`0007.png`. A list is a text file with one stem or one file name a line; empty lines
and lines that begin with `#` are skipped. The stem is the name of the record.

Depth is stored value times --depth_scale, in metres; 0, negative and non-finite
values are "no measurement". Image and depth map of a pair must have one size.

    python -m data_prep.rgbd_folder --images=rgb --depths=depth --depth_scale=0.001 \\
        --train_list=train.txt --test_list=test.txt --image_size=240,320 \\
        --output=data/records/mine
"""

import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import flags

from data_prep import converter_flags
from data_prep.conversion import DEFAULT_OPTIONS, Options, write_record_set
from data_prep.pair_encoding import Pair
from data_prep.path_flags import define_path
from data_prep.raw_files import read_text, require_file
from data_prep.split_writing import SplitWriter, write_with_threads
from dpde_tf.data.depth_files import SUFFIXES, read_depth
from dpde_tf.data.folders import files_by_stem
from dpde_tf.data.image_files import IMAGE_SUFFIXES, read_image
from dpde_tf.data.manifest import Manifest

FLAGS = flags.FLAGS


def read_list(path: str | pathlib.Path) -> list[str]:
    """Returns the stems that a list file names, in its order.

    Args:
        path: Text file with one stem or one file name a line; empty lines and
            lines that begin with `#` are skipped.

    Returns:
        Stems; only suffixes of images and depth maps are taken off, so that a dot
        inside a stem stays.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8 text, or names nothing.
    """
    path = require_file(pathlib.Path(path), "Give --train_list or --test_list.")
    lines = (line.strip() for line in read_text(path).splitlines())
    names = [pathlib.PurePath(line) for line in lines if line and line[0] != "#"]
    if not names:
        raise ValueError(f"{path} must name a pair at least; it names none.")
    suffixes = (*IMAGE_SUFFIXES, *SUFFIXES)
    return [n.stem if n.suffix.lower() in suffixes else n.name for n in names]


def _load(
    image: pathlib.Path, depth: pathlib.Path, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns image and depth of two files."""
    loaded = read_image(image), read_depth(depth, depth_scale=scale)
    if loaded[0].shape[:2] != loaded[1].shape:
        raise ValueError(
            f"Image and depth map of a pair must have one size: {image} has "
            f"{loaded[0].shape[:2]}, {depth} has {loaded[1].shape}. Resize one of "
            "them, or remove the pair from its list."
        )
    return loaded


def _pair(stem: str, image: pathlib.Path, depth: pathlib.Path, scale: float) -> Pair:
    """Returns the pair of two files, which can be pickled."""
    return Pair(stem, str(depth), functools.partial(_load, image, depth, scale))


def _pairs(
    list_file: str | pathlib.Path,
    images: Mapping[str, pathlib.Path],
    depths: Mapping[str, pathlib.Path],
    depth_scale: float,
) -> list[Pair]:
    """Returns the pairs that a list names."""
    pairs = []
    for stem in read_list(list_file):
        for kind, files in (("image", images), ("depth map", depths)):
            if stem not in files:
                raise FileNotFoundError(
                    f"{list_file} names {stem!r}, of which there is no {kind}. Add the "
                    "file to its folder, or remove the line."
                )
        pairs.append(_pair(stem, images[stem], depths[stem], depth_scale))
    return pairs


def convert(
    images: str | pathlib.Path,
    depths: str | pathlib.Path,
    output: str | pathlib.Path,
    *,
    depth_scale: float,
    train_list: str | pathlib.Path | None = None,
    test_list: str | pathlib.Path | None = None,
    image_size: tuple[int, int] | None = None,
    options: Options = DEFAULT_OPTIONS,
    write_split: SplitWriter = write_with_threads,
) -> Manifest:
    """Converts two folders to a record set, and returns its manifest.

    Args:
        images: Folder of images.
        depths: Folder of depth maps with the same stems.
        output: Folder of the record set.
        depth_scale: Metres per stored unit.
        train_list: Text file that names the pairs of the split `train`.
        test_list: The same for `test`; one of the two must be given.
        image_size: (height, width) of the records; None keeps that of the files.
        options: Common options.
        write_split: See `write_record_set`.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: If a folder, a list or a partner is missing.
        ValueError: If no list is given, a pair is in both, or a file breaks a rule.
    """
    lists = {"train": train_list, "test": test_list}
    lists = {split: path for split, path in lists.items() if path}
    if not lists:
        raise ValueError("--train_list or --test_list must be given; neither is.")
    image_files = files_by_stem(images, IMAGE_SUFFIXES, remedy="Give --images.")
    depth_files = files_by_stem(depths, SUFFIXES, remedy="Give --depths.")
    splits = {
        split: _pairs(path, image_files, depth_files, depth_scale)
        for split, path in lists.items()
    }
    names = {split: {pair.name for pair in pairs} for split, pairs in splits.items()}
    both = sorted(set.intersection(*names.values())) if len(names) == 2 else []
    if both:
        raise ValueError(
            f"{train_list} and {test_list} must have no pair in common; both name "
            f"{', '.join(both[:5])}. Remove it from one of them."
        )
    used = [name for split in names.values() for name in split]
    return write_record_set(
        output,
        dataset=pathlib.Path(output).name,
        splits=splits,
        image_size=image_size,
        raw_files={
            "images": [image_files[name] for name in used],
            "depths": [depth_files[name] for name in used],
        },
        settings={"depth_scale": depth_scale},
        options=options,
        write_split=write_split,
    )


def define_flags() -> None:
    """Defines the flags of the program, before `app.run`."""
    converter_flags.define_common_flags(image_size=None)
    flags.adopt_module_key_flags(converter_flags)
    define_path("images", None, "Folder of the images.")
    define_path("depths", None, "Folder of the depth maps.")
    flags.DEFINE_float("depth_scale", None, "Metres per unit, 0.001 for millimetres.")
    define_path("train_list", None, "Text file with the pairs of the training.")
    define_path("test_list", None, "Text file with the pairs of the test.")


def run(more: Callable[[], dict[str, Any]] = dict) -> None:
    """Converts what the flags name.

    Args:
        more: Called when the flags are known; gives further arguments of `convert`.

    Raises:
        SystemExit: With code 1 and one line if the input is bad.
    """
    converter_flags.run(
        lambda image_size, options: convert(
            FLAGS.images,
            FLAGS.depths,
            FLAGS.output,
            depth_scale=FLAGS.depth_scale,
            train_list=FLAGS.train_list,
            test_list=FLAGS.test_list,
            image_size=image_size,
            options=options,
            **more(),
        ),
        required=("images", "depths", "depth_scale"),
    )


if __name__ == "__main__":
    define_flags()
    run()
