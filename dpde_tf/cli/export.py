r"""Exports networks, or the whole method, to SavedModel, TFLite or ONNX.

    dpde export --format=tflite --output=dpde.tflite --check
    dpde export --format=onnx --network=depth --output=depth.onnx

The whole method (--network=method) takes an RGB image in [0, 1], [1, H, W, 3], and
returns `depth` and `fused` in metres, [1, H, W]. The image may have any size, or the
size given by --image_size, which ONNX needs. The file resizes the image as
`DepthEstimator` does, applies the networks and fuses their outputs; it needs no code of
this library. A single network takes images at the size at which it should see them. The
guided network has a second input, `coarse_depth`, [1, H, W, 1].

--int8 stores the weights of convolutions in 8 bits (TFLite, ONNX). --check runs the
file in its own runtime (TensorFlow, LiteRT, ONNX Runtime) on records or on synthetic
images, and prints how much the results differ from those of this library. If a float
file differs by more than 1e-4 m, the exit code is 1.

Formats other than SavedModel need `pip install 'dpde_tf[export]'`.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

import numpy as np
from absl import flags

from dpde_tf.cli import config_flags, network_flags
from dpde_tf.cli.config_flags import (
    config_from_flags,
    define_config_flags,
    parse_size,
)
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.network_flags import (
    check_network_flags,
    check_network_options,
    define_network_flags,
    network_runs,
)
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_program
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.config import FusionConfig, PredictionConfig
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.inference.export.checks import (
    FLOAT_TOLERANCE,
    check_images,
    export_differences,
)
from dpde_tf.inference.export.formats import FORMATS, export_graph, find_format
from dpde_tf.inference.export.graphs import ExportGraph, method_graph, network_graph
from dpde_tf.inference.predictor import SMALLEST_SIDE, DepthPredictor
from dpde_tf.runs.trained_networks import common_image_size, load_networks

FLAGS = flags.FLAGS
_CONFIGS = (PredictionConfig, FusionConfig)
# Network -> name of its output.
_NETWORKS = {
    "depth": "depth",
    "context": "depth",
    "gradient": "gradients",
    "guided": "sharp_depth",
}


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_enum("format", None, FORMATS, "Format of the file.", required=True)
    define_path(
        "output", None, "File to write, or folder for SavedModel.", required=True
    )
    flags.DEFINE_enum(
        "network",
        "method",
        ["method", *_NETWORKS],
        "What to export: the whole method, or one network.",
    )
    define_network_flags()
    flags.DEFINE_list(
        "image_size", [], "Height and width of the images. Default: any size."
    )
    flags.DEFINE_bool("int8", False, "Store the weights of convolutions in 8 bits.")
    flags.DEFINE_bool("check", False, "Run the file, and print how it differs.")
    define_path("records", None, "Record set with images for --check.")
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_integer("num_images", 3, "Images for --check.", lower_bound=1)
    define_config_flags(*_CONFIGS)


def _graph(size: tuple[int, int] | None) -> ExportGraph:
    """Returns the function that the flags select."""
    runs = network_runs()
    networks = load_networks(**runs)
    if FLAGS.network == "method":
        check_network_options(networks)
        values = FLAGS.flag_values_dict()
        predictor = DepthPredictor(
            **networks,
            fusion=config_from_flags(FusionConfig(), values),
            options=config_from_flags(PredictionConfig(), values),
        )
        return method_graph(predictor, common_image_size(runs.values()), size)
    name = f"{FLAGS.network}_network"
    if name not in networks:
        raise ValueError(
            f"--network={FLAGS.network} is none of the networks of "
            f"{', '.join(runs.values())}. Name its run."
        )
    return network_graph(networks[name], _NETWORKS[FLAGS.network], size)


def _export(output: pathlib.Path) -> None:
    """Writes the file, and checks it."""
    given = FLAGS.image_size
    options = {"flag": "image_size", "least": SMALLEST_SIDE}
    size = parse_size(given, **options) if given else None
    find_format(FLAGS.format, int8=FLAGS.int8)  # Before the networks are loaded.
    records = RecordSet.open(FLAGS.records, FLAGS.split) if FLAGS.records else None
    graph = _graph(size)
    export_graph(graph, output, kind=FLAGS.format, int8=FLAGS.int8)
    files = [output, *output.rglob("*")]
    megabytes = sum(file.stat().st_size for file in files if file.is_file()) / 1e6
    print(f"Written: {output} ({megabytes:.1f} MB)")
    if FLAGS.check:
        images = list(check_images(records, FLAGS.num_images, size))
        _check(graph, output, images)


def _check(graph: ExportGraph, output: pathlib.Path, images: Sequence) -> None:
    """Prints how the file differs; exits with 1 if a float file differs too much."""
    differences = export_differences(graph, output, images, kind=FLAGS.format)
    for name, one in differences.items():
        print(
            f"{name}: largest difference {one.largest:.2g}, RMS {one.rms:.2g} over "
            f"{len(images)} images"
        )
    largest = np.max([one.largest for one in differences.values()])  # NaN stays.
    if not FLAGS.int8 and not largest <= FLOAT_TOLERANCE:
        sys.exit(
            f"Error: {output} differs by {largest:.2g}, more than {FLOAT_TOLERANCE:g}. "
            "Do not use it; report the versions of its packages."
        )


@flags_only
def main() -> None:
    """Runs the program; bad input ends it with one line."""
    check_network_flags()
    if not FLAGS.check:
        check_unset("records", "num_images", needs="--check")
    if not FLAGS.records:
        check_unset("split", needs="--records")
    check_unset("at_training_size", needs="record sets, as `dpde predict` takes them")
    if FLAGS.network != "method":
        fields = [f.name for c in _CONFIGS for f in dataclasses.fields(c)]
        check_unset(*fields, needs="--network=method")
    _export(pathlib.Path(FLAGS.output))


def run() -> None:
    """Runs the program with the arguments of the command line."""
    modules = (config_flags, network_flags)
    run_program(sys.modules[__name__], main, _define_flags, *modules)


if __name__ == "__main__":
    run()
