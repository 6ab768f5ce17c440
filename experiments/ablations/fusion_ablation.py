r"""Fuses predicted depth with other gradients than those of the network (Table 4).

Example:
    python -m experiments.ablations.fusion_ablation \
        --predictions=runs/nyu/predictions/dpde \
        --records=data/records/nyu_depth_v2 --output=runs/nyu/predictions

writes the folders zero_gradients, image_gradients and true_gradients, with one NPZ file
with `fused` per image, for `experiments.evaluate`:

  zero     no gradients: the fusion is a TV-L1 smoothing
  image    gradients of the image's luminance, scaled to metres by the ratio of the
           total variations of depth and luminance, with the sign that fits the depth
  truth    gradients of the ground truth: the upper bound
  network  gradients in the predictions, for testing other parameters of the fusion

All fusions start from `depth`, the output of the depth network. With a context network,
the `fused` of the predictions starts from the mean of two depths instead, so it differs
in both the gradients and the initial depth.
"""

import pathlib
from collections.abc import Callable, Collection

import keras
import numpy as np
from absl import app, flags, logging

from dpde_tf.cli import config_flags
from dpde_tf.cli.config_flags import config_from_flags, define_config_flags
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.cli.result_record import begin_predictions, result_folder
from dpde_tf.config import FusionConfig
from dpde_tf.data import manifest
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.predictions import (
    prediction_path,
    read_prediction,
    write_prediction,
)
from dpde_tf.fusion.substitute_gradients import (
    Gradients,
    luminance_gradients,
    true_gradients,
    zero_gradients,
)
from dpde_tf.inference.refinement import fuse_with_holes
from dpde_tf.runs.run_folder import RECORD_FILE, read_run_record
from dpde_tf.runs.run_record import config_as_dict

FLAGS = flags.FLAGS
_PROGRAM = "experiments.ablations.fusion_ablation"

Arrays = dict[str, np.ndarray]

SOURCES: dict[str, Callable[[Arrays, np.ndarray, np.ndarray], Gradients]] = {
    "zero": lambda arrays, image, truth: zero_gradients(arrays["depth"]),
    "image": lambda arrays, image, truth: luminance_gradients(image, arrays["depth"]),
    "truth": lambda arrays, image, truth: true_gradients(truth),
    "network": lambda arrays, image, truth: (
        arrays["gradient_x"],
        arrays["gradient_y"],
    ),
}
"""Functions that compute gradients from the prediction, the image and the truth."""

FOLDERS = {name: f"{name}_gradients" for name in SOURCES} | {"truth": "true_gradients"}


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("predictions", None, "Folder of .npz files.", required=True)
    define_path("records", None, "Folder of the record set.", required=True)
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_list(
        "gradients", ["zero", "image", "truth"], f"Names among {', '.join(SOURCES)}."
    )
    define_path("output", None, "Parent folder of the results.", required=True)
    define_config_flags(FusionConfig)


def fuse_split(
    predictions: pathlib.Path,
    records: pathlib.Path,
    targets: dict[str, pathlib.Path],
    *,
    split: str,
    fusion: FusionConfig,
) -> int:
    """Writes the fused depth of every record of a split.

    Args:
        predictions: Folder of `.npz` files with `depth`, one for each record.
        records: Folder of the record set.
        targets: Folders of results by key of `SOURCES`.
        split: Name of the split, such as `test`.
        fusion: Parameters of the fusion.

    Returns:
        Number of fusions that stopped before their tolerance.

    Raises:
        FileNotFoundError: If predictions are missing.
        ValueError: If a prediction lacks an array.
    """
    names = manifest.read_manifest(records).split(split).names
    num_unconverged = 0
    bar = keras.utils.Progbar(len(names), unit_name="image")
    for name, image, truth in read_split(records, split):
        path = prediction_path(predictions, name)
        arrays = read_prediction(path, _keys(targets))
        for source, folder in targets.items():
            gradients = SOURCES[source](arrays, image, truth)
            result = fuse_with_holes(arrays["depth"], *gradients, fusion=fusion)
            write_prediction(folder / f"{name}.npz", {"fused": result.depth})
            num_unconverged += not result.converged
        bar.add(1)
    return num_unconverged


def _keys(targets: Collection[str]) -> list[str]:
    """The arrays of a prediction that the kinds of gradients need."""
    return ["depth", *(["gradient_x", "gradient_y"] if "network" in targets else [])]


def _prediction_flags(predictions: pathlib.Path) -> dict:
    """Flags of the predictions; empty if not recorded.

    They include the networks, even if the flags did not name them.
    """
    if not (predictions / RECORD_FILE).is_file():
        return {}
    record = read_run_record(predictions)
    return record.get("flags", {}) | record.get("config", {}).get("networks", {})


def _targets() -> dict[str, pathlib.Path]:
    """Checks --gradients and returns the folder of each kind."""
    if unknown := set(FLAGS.gradients) - set(SOURCES):
        raise app.UsageError(
            f"--gradients must be among {', '.join(SOURCES)}. Received: "
            f"{', '.join(sorted(unknown))}."
        )
    output = pathlib.Path(FLAGS.output)
    return {source: output / FOLDERS[source] for source in FLAGS.gradients}


def _run(targets: dict[str, pathlib.Path]) -> None:
    """Fuses the predictions and records how."""
    fusion = config_from_flags(FusionConfig(), FLAGS.flag_values_dict())
    predictions = pathlib.Path(FLAGS.predictions)
    given = {"prediction_flags": _prediction_flags(predictions)}
    listed = manifest.read_manifest(FLAGS.records)
    for name in listed.split(FLAGS.split).names:  # Before former results are removed.
        path = prediction_path(predictions, name)
        size = read_prediction(path, _keys(targets))["depth"].shape
        if size != listed.image_size:
            raise ValueError(
                f"'depth' in {path} must have the size of the record, "
                f"{listed.image_size}. Received: {size}."
            )
    for source, folder in targets.items():
        config = config_as_dict(fusion) | given | {"gradients": source}
        begin_predictions(folder, _PROGRAM, config)
    num_unconverged = fuse_split(
        predictions,
        pathlib.Path(FLAGS.records),
        targets,
        split=FLAGS.split,
        fusion=fusion,
    )
    if num_unconverged:
        logging.warning("%d fusions stopped before their tolerance.", num_unconverged)
    for folder in targets.values():
        print(f"Written: {folder}")


@flags_only
def main() -> None:
    """Runs the program; reports bad input in one line."""
    targets = _targets()
    with result_folder(_PROGRAM, *targets.values()):
        _run(targets)


if __name__ == "__main__":
    _define_flags()
    flags.adopt_module_key_flags(config_flags)
    run_main(main, _PROGRAM)
