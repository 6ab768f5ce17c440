r"""Writes the picture of the README: predictions of the shipped networks.

    python -m experiments.example_picture --records=data/records/nyu_depth_v2 \
        --output=experiments/results/examples.jpg

takes every 131st of the 654 test records, so that nobody chooses the images, and shows
each with its true depth, the depth of the depth network and the fused depth.

--detail shows the window of each image with the greatest variation of the true depth,
four times as large. --other_depth adds the depth of another network, from a folder of
depth files with the names of the records, before and after its refinement:

    python -m experiments.example_picture --records=data/records/nyu_depth_v2 --detail \
        --other_depth=other/depth --depth_scale=0.001 --output=details.jpg

--predictions=TITLE=DIR,... shows stored predictions of the records instead.
"""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from absl import app, flags

from dpde_tf import DepthEstimator, refine_depth
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_labelled_path_list, define_path
from dpde_tf.cli.program import run_main
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.data.manifest import read_manifest
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.depth_formats import find_depth_files
from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.folders import normalized, partner
from dpde_tf.files.resizing import resize_with_holes
from dpde_tf.reporting.examples import Example, detail_of
from dpde_tf.reporting.figures.columns import Column
from dpde_tf.reporting.figures.overview import overview_figure
from dpde_tf.visualization.colours import encode_jpeg
from experiments.figure_examples import parse_predictions, read_examples

FLAGS = flags.FLAGS
_COLUMNS = (
    Column("depth network", "dpde", "depth"),
    Column("fused", "dpde", "fused"),
)
_OTHER_COLUMNS = (
    Column("another network", "other", "depth"),
    Column("refined", "other", "fused"),
)
_JPEG_QUALITY = 70


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("records", None, "Folder of a record set.", required=True)
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_integer(
        "every", 131, "Show every n-th record, from the first on.", lower_bound=1
    )
    flags.DEFINE_bool("detail", False, "Show a detail of each image, enlarged.")
    define_labelled_path_list(
        "predictions",
        "TITLE=DIR of predictions to show instead; of each the fused depth, if there "
        "is one.",
        required=False,
    )
    define_path("other_depth", None, "Folder of another network's depth.")
    flags.DEFINE_float("depth_scale", None, "Metres per integer of --other_depth.")
    define_path("output", "examples.jpg", "JPEG file to write.")


def _other_maps(
    files: Mapping[str, pathlib.Path], name: str, image: np.ndarray
) -> dict[str, np.ndarray]:
    """The depth of another network at the size of the image, and refined."""
    path = partner(files, normalized(name), "depth file")
    depth = read_depth(path, depth_scale=FLAGS.depth_scale)
    known = np.where(depth > 0, depth, np.float32(np.nan))
    enlarged = resize_with_holes(known, image.shape[:2])
    return {"depth": enlarged, "fused": refine_depth(depth, image)}


def _stored(names: Sequence[str]) -> tuple[list[Column], list[Example]]:
    """The columns and examples of --predictions."""
    check_unset("other_depth", needs="to be without --predictions")
    folders = parse_predictions(FLAGS.predictions)
    examples = read_examples(
        pathlib.Path(FLAGS.records), folders, split=FLAGS.split, names=names
    )
    arrays = examples[0].predictions
    keys = {title: "fused" if "fused" in arrays[title] else "depth" for title in arrays}
    return [Column(title, title, key) for title, key in keys.items()], examples


def _predicted(names: Sequence[str]) -> tuple[list[Column], list[Example]]:
    """The columns and examples of the networks in the package."""
    estimator = DepthEstimator.from_preset("nyu")
    columns, files, examples = [*_COLUMNS], {}, []
    if FLAGS.other_depth:
        columns += _OTHER_COLUMNS
        files = find_depth_files(FLAGS.other_depth, remedy="Give --other_depth.")
    for name, image, truth in read_split(FLAGS.records, FLAGS.split, names=names):
        maps = estimator.predict(image)
        arrays = {"dpde": {"depth": maps.depth, "fused": maps.fused}}
        if FLAGS.other_depth:
            arrays["other"] = _other_maps(files, name, image)
        examples.append(Example(name, image, truth, arrays))
    return columns, examples


@flags_only
def main() -> None:
    """Runs the program; reports bad input in one line."""
    if not FLAGS.other_depth:
        check_unset("depth_scale", needs="--other_depth")
    output = pathlib.Path(FLAGS.output)
    if output.suffix.lower() not in (".jpg", ".jpeg"):
        raise app.UsageError(f"--output must be a .jpg file. Received: {output}.")
    names = read_manifest(FLAGS.records).split(FLAGS.split).names[:: FLAGS.every]
    read = _stored if FLAGS.predictions else _predicted
    columns, examples = read(names)
    if FLAGS.detail:
        examples = map(detail_of, examples)
    data = encode_jpeg(overview_figure(list(examples), columns), quality=_JPEG_QUALITY)
    with atomic_write(output) as path:
        path.write_bytes(data)
    print(f"Written: {output}, of the records {', '.join(names)}")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
