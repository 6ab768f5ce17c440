r"""Compares the errors of predicted gradients with those of zero gradients.

    python -m experiments.ablations.gradient_scores \
        --predictions=runs/nyu/predictions/dpde --records=data/records/nyu_depth_v2

prints a Markdown table with the errors, pooled over the split, of predicting zero, of
the predicted gradients, and of the differences of each predicted depth map (`depth`,
`context_depth`, `fused`).
"""

import pathlib

import numpy as np
from absl import flags

from dpde_tf.cli import config_flags
from dpde_tf.cli.config_flags import config_from_flags, define_config_flags
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.config import GradientLossConfig
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.predictions import prediction_path, read_prediction
from dpde_tf.fusion.substitute_gradients import (
    map_gradients,
    true_gradients,
    zero_gradients,
)
from dpde_tf.metrics.gradient_map_errors import GradientMapErrors

FLAGS = flags.FLAGS
_GRADIENTS = ("gradient_x", "gradient_y")
_DEPTHS = ("depth", "context_depth", "fused")
_HEADINGS = ("log l1", "MAE (m/pixel)", "direction (degrees)", "size / true size")


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("predictions", None, "Folder of .npz files.", required=True)
    define_path("records", None, "Folder of the record set.", required=True)
    flags.DEFINE_string("split", "test", "Split of the record set.")
    define_config_flags(GradientLossConfig)


def score_split(
    predictions: pathlib.Path, records: pathlib.Path, *, split: str, alpha: float
) -> dict[str, np.ndarray]:
    """Returns the errors of all gradients that the predictions hold.

    Args:
        predictions: Folder of `.npz` files with `gradient_x` and `gradient_y`, one for
            each record.
        records: Folder of the record set.
        split: Name of the split, such as `test`.
        alpha: Constant in the logarithm of Eq. 4, metres per pixel.

    Returns:
        `GradientMapErrors.values` by source: `zero`, `network` or the name of a depth
        map.

    Raises:
        FileNotFoundError: If predictions are missing.
        ValueError: If a prediction lacks an array, or its size differs from its record.
    """
    totals: dict[str, np.ndarray] = {}
    for name, _, depth in read_split(records, split):
        path = prediction_path(predictions, name)
        arrays = read_prediction(path, _GRADIENTS, optional=_DEPTHS)
        truth = np.stack(true_gradients(depth), axis=-1)
        errors = GradientMapErrors(truth, ~np.isnan(truth), alpha=alpha)
        for source, gradients in _gradients(arrays).items():
            if gradients.shape != truth.shape:
                raise ValueError(
                    f"The arrays in {path} must have the size of the record, "
                    f"{depth.shape}. Received: {gradients.shape[:2]}. Predict again "
                    "with `python -m experiments.predict`."
                )
            total = totals.setdefault(source, np.zeros(GradientMapErrors.NUM_SUMS))
            total += errors.sums(gradients)
    return {source: GradientMapErrors.values(sums) for source, sums in totals.items()}


def _gradients(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients of a prediction by source, `[H, W, 2]` each."""
    found = {
        "zero": zero_gradients(arrays["gradient_x"]),
        "network": [arrays[key] for key in _GRADIENTS],
    }
    found |= {key: map_gradients(arrays[key]) for key in _DEPTHS if key in arrays}
    return {source: np.stack(maps, axis=-1) for source, maps in found.items()}


def format_scores(scores: dict[str, np.ndarray]) -> str:
    """Returns the errors as a Markdown table.

    Args:
        scores: Result of `score_split`.

    Returns:
        One line per source of gradients.
    """
    lines = ["| gradients | " + " | ".join(_HEADINGS) + " |", "|---|---|---|---|---|"]
    for source, (loss, error, direction, size) in scores.items():
        lines.append(
            f"| {source} | {loss:.5f} | {error:.5f} | {direction:.1f} | {size:.3f} |"
        )
    return "\n".join(lines)


@flags_only
def main() -> None:
    """Runs the program; reports bad input in one line."""
    loss = config_from_flags(GradientLossConfig(), FLAGS.flag_values_dict())
    scores = score_split(
        pathlib.Path(FLAGS.predictions),
        pathlib.Path(FLAGS.records),
        split=FLAGS.split,
        alpha=loss.alpha,
    )
    print(format_scores(scores))


if __name__ == "__main__":
    _define_flags()
    flags.adopt_module_key_flags(config_flags)
    run_main(main)
