"""Converts custom RGB-D folders to a record set.

Raw layout: a folder of images (AVIF, BMP, GIF, JPEG, PNG, PPM, TIFF or WebP) and a
folder of depth maps (16-bit PNG, TIFF, NPY, NPZ or PFM) with the same stems, such as
`0007.jpg` and `0007.png`. A list is a text file with one stem or file name per line.
Empty lines and lines that begin with `#` are skipped. If such a line is also the stem
of a file, the list is refused; write `./#1` for the pair `#1`. The stem becomes the
name of the record.

Floating-point depth is in metres; integers are multiplied by --depth_scale. Values that
are 0, negative, not finite, given by --invalid_value or beyond --max_depth mean "no
measurement". The image and the depth map of a pair must have the same size, or with
--image_size the same aspect ratio.

    python -m data_prep.rgbd_folder --images=rgb --depths=depth --depth_scale=0.001 \\
        --train_list=train.txt --test_list=test.txt --image_size=240,320 \\
        --output=data/records/mine
"""

import functools
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags

from data_prep.conversion import converter_flags
from data_prep.conversion.pair_encoding import Pair
from data_prep.conversion.pair_lists import read_list
from data_prep.conversion.record_sets import DEFAULT_OPTIONS, Options, write_record_set
from data_prep.conversion.split_writing import SplitWriter, write_with_threads
from dpde_tf.cli.image_bits_flag import define_image_bits
from dpde_tf.cli.path_flags import define_path
from dpde_tf.data.manifest import Manifest
from dpde_tf.files.depth_formats import find_depth_files, other_format_note
from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.depth_units import (
    check_integers_have_scale,
    check_scale_has_integers,
)
from dpde_tf.files.folders import files_by_stem
from dpde_tf.files.images import IMAGE_SUFFIXES, read_image

FLAGS = flags.FLAGS
# Tolerance for equal aspect ratios, such as 1296x968 and 640x480 pixels.
_SAME_ASPECT = 0.01


def _load(
    image: pathlib.Path,
    depth: pathlib.Path,
    image_bits: int | None,
    read: Callable[[pathlib.Path], np.ndarray],
    resized: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns image and depth of two files after a check of their sizes."""
    loaded = read_image(image, bits=image_bits), read(depth)
    size, depth_size = loaded[0].shape[:2], loaded[1].shape
    found = f"{image} has {size}, {depth} has {depth_size}"
    aspects = size[0] * depth_size[1], size[1] * depth_size[0]
    if not math.isclose(*aspects, rel_tol=_SAME_ASPECT):
        raise ValueError(
            "Image and depth map of a pair must show the same, in one aspect ratio: "
            f"{found}. Crop one of them, or remove the pair from its list."
        )
    if size != depth_size and not resized:
        raise ValueError(
            f"Image and depth map of a pair must have one size: {found}. Give "
            "--image_size, to which both are resized, or remove the pair from its list."
        )
    return loaded


def _listed_stems(
    list_file: str | pathlib.Path,
    images: Mapping[str, pathlib.Path],
    depths: Mapping[str, pathlib.Path],
    folder: str | pathlib.Path,
) -> list[str]:
    """Returns the stems in a list; each must have an image and a depth map."""
    stems = read_list(list_file, known={*images, *depths})
    for stem in stems:
        for kind, files in (("image", images), ("depth map", depths)):
            if stem not in files:
                note = other_format_note(folder, stem) if files is depths else ""
                raise FileNotFoundError(
                    f"{list_file} names {stem!r}, of which there is no {kind}. Add the "
                    f"file to its folder, or remove the line.{note}"
                )
    return stems


def convert(
    images: str | pathlib.Path,
    depths: str | pathlib.Path,
    output: str | pathlib.Path,
    *,
    depth_scale: float | None = None,
    invalid_values: Sequence[float] = (),
    max_depth: float | None = None,
    train_list: str | pathlib.Path | None = None,
    test_list: str | pathlib.Path | None = None,
    image_size: tuple[int, int] | None = None,
    image_bits: int | None = None,
    options: Options = DEFAULT_OPTIONS,
    write_split: SplitWriter = write_with_threads,
) -> Manifest:
    """Converts two folders to a record set and returns its manifest.

    Args:
        images: Folder of images.
        depths: Folder of depth maps with the same stems.
        output: Folder of the record set.
        depth_scale: Metres per stored integer; floating-point numbers are metres.
        invalid_values: Stored numbers that mean "no measurement".
        max_depth: Metres; larger depths count as no measurement.
        train_list: Text file with the names of the pairs in the split `train`.
        test_list: The same for `test`; one of the two must be given.
        image_size: (height, width) of the records; None keeps that of the files.
        image_bits: Significant bits of images with 16 bits per channel; see
            `read_image`.
        options: Options that all converters share.
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
    depth_files = find_depth_files(depths, remedy="Give --depths.")
    names = {
        split: _listed_stems(path, image_files, depth_files, depths)
        for split, path in lists.items()
    }
    train, test = (set(names.get(split, ())) for split in ("train", "test"))
    both = sorted(train & test)
    if both:
        raise ValueError(
            f"{train_list} and {test_list} must have no pair in common; both name "
            f"{', '.join(both[:5])}. Remove it from one of them."
        )
    used = [name for split in names.values() for name in split]
    used_depths = [depth_files[name] for name in used]
    check_integers_have_scale(used_depths, depth_scale, flag="depth_scale")
    check_scale_has_integers(used_depths, depth_scale, flag="depth_scale")
    meaning = {
        "depth_scale": depth_scale,
        "invalid_values": list(invalid_values),
        "max_depth": max_depth,
    }
    read, resized = functools.partial(read_depth, **meaning), image_size is not None

    def pair(name: str) -> Pair:
        """Returns the pair with a given name; it can be pickled."""
        image, depth = image_files[name], depth_files[name]
        load = functools.partial(_load, image, depth, image_bits, read, resized)
        return Pair(name, str(depth), load)

    return write_record_set(
        output,
        dataset=pathlib.Path(output).name,
        splits={split: [*map(pair, stems)] for split, stems in names.items()},
        image_size=image_size,
        raw_files={
            "images": [image_files[name] for name in used],
            "depths": used_depths,
        },
        settings=meaning | {"image_bits": image_bits},
        options=options,
        write_split=write_split,
    )


def define_flags() -> None:
    """Defines the flags of the program, before `app.run`."""
    converter_flags.define_common_flags(image_size=None)
    define_path("images", None, "Folder of the images.")
    define_path("depths", None, "Folder of the depth maps.")
    flags.DEFINE_float(
        "depth_scale", None, "Metres per stored integer, 0.001 for millimetres."
    )
    flags.DEFINE_multi_float(
        "invalid_value",
        [],
        "Stored number that means no measurement, such as 65535; may be repeated.",
    )
    flags.DEFINE_float(
        "max_depth",
        None,
        "Metres; larger depths count as no measurement.",
        lower_bound=0.0,
    )
    define_path("train_list", None, "Text file with the pairs of the training.")
    define_path("test_list", None, "Text file with the pairs of the test.")
    define_image_bits()


def run(more: Callable[[], dict[str, Any]] = dict) -> None:
    """Converts the folders given by the flags.

    Args:
        more: Function that returns further arguments of `convert`, called after
            parsing.

    Raises:
        SystemExit: With code 1 and one line if the input is bad.
    """
    converter_flags.run(
        lambda image_size, options: convert(
            FLAGS.images,
            FLAGS.depths,
            FLAGS.output,
            depth_scale=FLAGS.depth_scale,
            invalid_values=FLAGS.invalid_value,
            max_depth=FLAGS.max_depth,
            train_list=FLAGS.train_list,
            test_list=FLAGS.test_list,
            image_size=image_size,
            image_bits=FLAGS.image_bits,
            options=options,
            **more(),
        ),
        required=("images", "depths"),
    )


if __name__ == "__main__":
    define_flags()
    run()
