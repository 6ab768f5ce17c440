r"""Writes a data set whose images show the true depth edges and nothing else.

    python -m experiments.ablations.edge_images \
        --records=data/records/nyu_depth_v2 --output=data/nyu_edges
    python -m data_prep.rgbd_folder --images=data/nyu_edges/images \
        --depths=data/nyu_edges/depths --train_list=data/nyu_edges/train.txt \
        --test_list=data/nyu_edges/test.txt --output=data/records/nyu_edges

A guided network that is trained and tested on these records shows how sharp its depth
could be if it did not have to find the edges of depth in photographs. The images show
where edges are, and only roughly how high: where the Sobel response exceeds 0.25 m, as
at a step of 6 cm, they are red, above 0.5 m also green, and Canny's edges of Koch et
al. also blue.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.data.coarse_depth import fill_holes
from dpde_tf.data.manifest import read_manifest
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.atomic import partial_folder, readable_write_errors
from dpde_tf.files.folders import repeated
from dpde_tf.metrics.edge_detection import canny_edges, sobel_magnitude
from dpde_tf.visualization.colours import write_image

FLAGS = flags.FLAGS
_RESPONSES = (0.25, 0.5)  # Metres.


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("records", None, "Folder of the record set.", required=True)
    define_path("output", None, "Folder of images, depths and lists.", required=True)
    flags.DEFINE_string("split", None, "Split to write. Default: all.")


def edge_image(depth: np.ndarray) -> np.ndarray:
    """Returns a picture of the edges of a depth map.

    Args:
        depth: Metres, float32 `[H, W]`; 0 = no measurement, which is filled.

    Returns:
        RGB, uint8 `[H, W, 3]`, 0 or 255 in each channel.
    """
    filled = fill_holes(tf.constant(depth)[..., tf.newaxis]).numpy()[..., 0]
    filled = filled.astype(np.float64)
    magnitude = sobel_magnitude(filled)
    edges = [*(magnitude > response for response in _RESPONSES), canny_edges(filled)]
    return np.uint8(255) * np.stack(edges, axis=-1)


def write_edge_images(
    records: pathlib.Path, output: pathlib.Path, split: str | None = None
) -> None:
    """Writes the pictures, the depths and the lists of the splits.

    Args:
        records: Folder of the record set.
        output: New folder, with `images/*.png`, `depths/*.npy` in metres, and a list
            `*.txt` for each split.
        split: The split to write; None for all.

    Raises:
        FileExistsError: If `output` exists.
        FileNotFoundError: If `records` is not a record set.
        ValueError: If two splits have a record of the same name.
        OSError: If a file cannot be written.
    """
    manifest = read_manifest(records)
    splits = {split: manifest.split(split)} if split else manifest.splits
    names = [name for split in splits.values() for name in split.names]
    if twice := repeated(names):
        raise ValueError(
            f"{records} has {twice[0]!r} in two splits, possibly with different depth, "
            "and one folder cannot hold both. Choose one with --split."
        )
    if output.exists():
        raise FileExistsError(
            f"{output} must not exist yet. Remove it, or name another --output."
        )
    with readable_write_errors(output), partial_folder(output) as temporary:
        (temporary / "depths").mkdir()
        for title, split in splits.items():
            bar = keras.utils.Progbar(len(split.names), unit_name="image")
            for name, _, depth in read_split(records, title):
                write_image(temporary / "images" / f"{name}.png", edge_image(depth))
                np.save(temporary / "depths" / f"{name}.npy", depth)
                bar.add(1)
            lines = "".join(f"{name}\n" for name in split.names)
            (temporary / f"{title}.txt").write_text(lines, encoding="utf-8")
        temporary.rename(output)


@flags_only
def main() -> None:
    """Runs the program; reports bad input in one line."""
    output = pathlib.Path(FLAGS.output)
    write_edge_images(pathlib.Path(FLAGS.records), output, FLAGS.split)
    print(f"Written: {output}")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
