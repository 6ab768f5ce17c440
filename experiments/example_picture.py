r"""Writes the picture of the README: predictions of the shipped networks.

    python -m experiments.example_picture --records=data/records/nyu_depth_v2 \
        --output=experiments/results/examples.jpg

takes every 131st of the 654 test records, so that nobody chooses the images, and shows
each with its true depth, the depth of the depth network and the fused depth.
"""

import pathlib
from collections.abc import Sequence

import cv2
from absl import app, flags

from dpde_tf import DepthEstimator
from dpde_tf.cli.errors import readable_errors
from dpde_tf.cli.path_flags import define_path
from dpde_tf.data.manifest import read_manifest
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.atomic import atomic_write
from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.figures.columns import Column
from dpde_tf.reporting.figures.overview import overview_figure

FLAGS = flags.FLAGS
_COLUMNS = (
    Column("depth network", "dpde", "depth"),
    Column("fused", "dpde", "fused"),
)
_JPEG_QUALITY = 70


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("records", None, "Folder of a record set.", required=True)
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_integer(
        "every", 131, "Show every n-th record, from the first on.", lower_bound=1
    )
    define_path("output", "examples.jpg", "JPEG file to write.")


def main(argv: Sequence[str]) -> None:
    """Runs the program; reports bad input in one line."""
    if len(argv) > 1:
        raise app.UsageError(f"Not a flag: {argv[1]}.")
    output = pathlib.Path(FLAGS.output)
    if output.suffix.lower() not in (".jpg", ".jpeg"):
        raise app.UsageError(f"--output must be a .jpg file. Received: {output}.")
    with readable_errors():
        names = read_manifest(FLAGS.records).split(FLAGS.split).names[:: FLAGS.every]
        estimator = DepthEstimator.from_preset("nyu")
        examples = []
        for name, image, truth in read_split(FLAGS.records, FLAGS.split, names=names):
            maps = estimator.predict(image)
            arrays = {"depth": maps.depth, "fused": maps.fused}
            examples.append(Example(name, image, truth, {"dpde": arrays}))
        picture = cv2.cvtColor(overview_figure(examples, _COLUMNS), cv2.COLOR_RGB2BGR)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, data = cv2.imencode(".jpg", picture, quality)
        with atomic_write(output) as path:
            path.write_bytes(data.tobytes())
    print(f"Written: {output}, of the records {', '.join(names)}")


if __name__ == "__main__":
    _define_flags()
    app.run(main)
