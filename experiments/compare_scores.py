r"""Checks that scores of single images match stored scores.

    python -m experiments.compare_scores --scores=predictions/verify_scores \
        --reference=experiments/results/nyu/scores/dpde_guided

compares the rows of `per_image.csv` that both folders have. The exit code is 1 if a
score differs by more than --tolerance.
"""

import csv
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import app, flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.evaluation.score_files import ROWS_FILE

FLAGS = flags.FLAGS
_MEASURES = ("rms", "rms_log", "rel", "sq_rel", "log10", "delta1", "delta2", "delta3")
_ROW = ("name", "protocol", "key")

Rows = dict[tuple[str, str, str], dict[str, str]]
"""Cells of each row by (image, protocol, array)."""


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("scores", None, "Folder of scores to check.", required=True)
    define_path("reference", None, "Folder of stored scores.", required=True)
    flags.DEFINE_list("measures", list(_MEASURES), "Columns to compare.")
    flags.DEFINE_float(
        "tolerance", 1e-3, "Largest allowed difference.", lower_bound=0.0
    )


def read_rows(folder: pathlib.Path) -> Rows:
    """Returns the rows of `per_image.csv`.

    Args:
        folder: Folder written by `experiments.evaluate` or
            `experiments.export_results`.

    Returns:
        The rows.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file has no rows or other columns.
    """
    path = folder / ROWS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. Write it with `python -m experiments.evaluate`."
        )
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or set(_ROW) - set(rows[0]):
        raise ValueError(
            f"{path} must have rows with the columns {', '.join(_ROW)}. Write it again "
            "with `python -m experiments.evaluate`."
        )
    return {tuple(row[column] for column in _ROW): row for row in rows}


def largest_differences(
    scores: Rows, reference: Rows, measures: Sequence[str]
) -> tuple[int, dict[str, tuple[float, str]]]:
    """Compares the rows that both folders have.

    Args:
        scores: Rows to check.
        reference: Stored rows.
        measures: Columns to compare.

    Returns:
        The number of common rows, and for each measure the largest difference with its
        image. A cell that only one side has counts as an infinite difference.

    Raises:
        ValueError: If there is no common row, or a column is missing.
    """
    common = sorted(set(scores) & set(reference))
    if not common:
        raise ValueError(
            "The two folders have no row in common. Score the same records, arrays and "
            "protocol as the reference."
        )
    largest = {}
    for measure in measures:
        if any(measure not in rows[common[0]] for rows in (scores, reference)):
            raise ValueError(f"There is no column {measure!r}. Correct --measures.")
        ours, theirs = (
            np.array([float(rows[row][measure] or "nan") for row in common])
            for rows in (scores, reference)
        )
        both_empty = np.isnan(ours) & np.isnan(theirs)
        difference = np.where(both_empty, 0.0, np.abs(ours - theirs))
        difference = np.where(np.isnan(difference), np.inf, difference)
        worst = int(difference.argmax())
        largest[measure] = float(difference[worst]), common[worst][0]
    return len(common), largest


@flags_only
def main() -> None:
    """Prints the differences; exits with code 1 if one is too large."""
    if not FLAGS.measures:
        raise app.UsageError("--measures must name a measure at least.")
    num_rows, largest = largest_differences(
        read_rows(pathlib.Path(FLAGS.scores)),
        read_rows(pathlib.Path(FLAGS.reference)),
        FLAGS.measures,
    )
    for measure, (difference, name) in largest.items():
        print(f"{measure:10}{difference:12.2e}  at {name}")
    worst = max(difference for difference, _ in largest.values())
    if worst > FLAGS.tolerance:
        raise ValueError(
            f"{num_rows} rows differ by up to {worst:.2e} from {FLAGS.reference}; "
            f"--tolerance is {FLAGS.tolerance:g}."
        )
    print(f"{num_rows} rows agree within {FLAGS.tolerance:g}.")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
