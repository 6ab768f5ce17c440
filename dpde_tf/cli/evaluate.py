r"""Scores predicted depth of any network, under one or more protocols.

Example:
    dpde evaluate --predictions=runs/nyu/predictions/dpde \
        --records=data/records/nyu_depth_v2 --protocol=all --compare_key=depth

writes summary.json and per_image.csv to runs/nyu/scores/dpde, and run.json, which
records how they were made. No network is loaded. Files (NPZ, NPY, PFM, TIFF or 16-bit
PNG) are matched with records by name. Floating-point numbers are metres; integers, such
as those in PNG files, are multiplied by --depth_scale.
"""

import dataclasses
import pathlib
import sys

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_program
from dpde_tf.cli.result_record import result_folder, write_result_record
from dpde_tf.evaluation import protocols
from dpde_tf.evaluation.evaluate import Comparison, evaluate
from dpde_tf.evaluation.score_files import SUMMARY_FILE
from dpde_tf.evaluation.score_text import format_table
from dpde_tf.files.depth_units import check_scale_has_integers
from dpde_tf.files.predictions import PredictionFolder
from dpde_tf.metrics.similarity import RANGES

FLAGS = flags.FLAGS
_PROGRAM = "experiments.evaluate"


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("predictions", None, "Folder of depth files.", required=True)
    define_path("records", None, "Folder of the record set.", required=True)
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_list(
        "keys", None, "Arrays to score, such as depth,fused. All depths if not given."
    )
    flags.DEFINE_list(
        "protocol",
        ["paper"],
        "One or more of: all (every protocol for this data set and split); "
        + "; ".join(f"{p.name}: {p.description}" for p in protocols.PROTOCOLS.values()),
    )
    flags.DEFINE_float("depth_scale", None, "Metres per stored integer, as in PNG.")
    flags.DEFINE_bool(
        "allow_partial", False, "Leave out records and files without a counterpart."
    )
    define_path("compare_with", None, "Folder of other predictions of the same images.")
    flags.DEFINE_string(
        "compare_key",
        None,
        "Array to compare with, in --compare_with if given, else in --predictions.",
    )
    flags.DEFINE_enum(
        "similarity_range",
        "robust",
        RANGES,
        "Depth that SSIM and GSM show as 255: the 98th percentile of the true depths "
        "of each image, the largest of each image, or the largest of the split.",
    )
    flags.DEFINE_integer("seed", 0, "Seed of the bootstrap.")
    define_path(
        "output",
        None,
        "Folder for summary.json and per_image.csv. By default scores/NAME beside "
        "predictions/NAME, or PREDICTIONS_scores.",
    )


def default_output(predictions: pathlib.Path) -> pathlib.Path:
    """Returns `scores/NAME` beside `predictions/NAME`, else `PREDICTIONS_scores`."""
    predictions = predictions.absolute()
    if predictions.parent.name == "predictions":
        return predictions.parent.with_name("scores") / predictions.name
    return predictions.with_name(predictions.name + "_scores")


@flags_only
def main() -> None:
    """Scores what the flags name, and prints the main scores."""
    predictions = PredictionFolder.open(
        FLAGS.predictions, depth_scale=FLAGS.depth_scale
    )
    other = FLAGS.compare_with and PredictionFolder.open(
        FLAGS.compare_with, depth_scale=FLAGS.depth_scale, option="compare_with"
    )
    files = [*predictions.files.values(), *(other.files.values() if other else ())]
    check_scale_has_integers(files, FLAGS.depth_scale, flag="depth_scale")
    output = pathlib.Path(FLAGS.output or default_output(predictions.directory))
    with result_folder(_PROGRAM, output):
        summary = evaluate(
            predictions,
            FLAGS.records,
            split=FLAGS.split,
            keys=FLAGS.keys,
            protocols=FLAGS.protocol,
            output=output,
            comparison=Comparison(other or None, FLAGS.compare_key),
            allow_partial=FLAGS.allow_partial,
            similarity_range=FLAGS.similarity_range,
            seed=FLAGS.seed,
        )
        chosen = {
            name: dataclasses.asdict(protocols.find_protocol(name))
            for name in summary["protocols"]
        }
        write_result_record(output, _PROGRAM, {"protocols": chosen})
    print(format_table(summary))
    print(f"Written: {output / SUMMARY_FILE}")


def run() -> None:
    """Runs the program with the arguments of the command line."""
    run_program(sys.modules[__name__], main, _define_flags, program=_PROGRAM)


if __name__ == "__main__":
    run()
