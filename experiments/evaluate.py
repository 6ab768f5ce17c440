r"""Scores a folder of predictions: per image, pooled, under one or more protocols.

Example:
    python -m experiments.evaluate --predictions=runs/nyu/predictions/dpde \
        --records=data/records/nyu_depth_v2 --split=test

writes runs/nyu/scores/dpde/summary.json and per_image.csv, and run.json that says with
what they were made. No network is loaded.
"""

import dataclasses
import pathlib

from absl import app, flags

from dpde_tf import evaluation, metrics, prediction_files, protocols
from dpde_tf.data import manifest
from dpde_tf.error_messages import readable_errors
from experiments.result_record import check_result_folder, write_result_record

FLAGS = flags.FLAGS
_PROGRAM = "experiments.evaluate"


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_string("predictions", None, "Folder of .npz files.", required=True)
    flags.DEFINE_string("records", None, "Folder of the record set.", required=True)
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_list(
        "keys", None, "Arrays to score, such as depth,fused. All depths if not given."
    )
    flags.DEFINE_list(
        "protocol", ["paper"], f"One or more of: {', '.join(protocols.PROTOCOLS)}."
    )
    flags.DEFINE_string(
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


def format_table(summary: dict) -> str:
    """Returns the pooled scores of a summary as lines of text."""
    header = "".join(f"{name:>9}" for name in metrics.METRIC_NAMES)
    lines = [
        f"{summary['dataset']}, {summary['split']}, {summary['num_images']} images, "
        "pooled over pixels",
        f"{'protocol':26}{'array':12}{header}",
    ]
    for protocol, entry in summary["protocols"].items():
        for key, results in entry["results"].items():
            values = (
                f"{results['pooled'][name]:9.4f}" for name in metrics.METRIC_NAMES
            )
            lines.append(f"{protocol:26}{key:12}{''.join(values)}")
    return "\n".join(lines)


def evaluate(
    predictions: pathlib.Path,
    directory: pathlib.Path,
    *,
    split: str,
    keys: list[str] | None,
    protocol_names: list[str],
    output: pathlib.Path,
) -> dict:
    """Scores a predictions folder, writes both files and returns the summary.

    Args:
        predictions: Folder of `.npz` files, one for each record of the split.
        directory: Folder of the record set.
        split: Such as `test`.
        keys: Arrays to score; None for all that hold depth.
        protocol_names: Keys of `protocols.PROTOCOLS`.
        output: Folder for `summary.json` and `per_image.csv`.

    Returns:
        What `summary.json` holds.
    """
    listed = manifest.read_manifest(directory)
    names = listed.split(split).names
    prediction_files.check_prediction_names(predictions, names)
    scores = evaluation.score_predictions(
        predictions,
        directory,
        split=split,
        keys=keys or prediction_files.depth_keys(predictions, names),
        protocol_names=protocol_names,
    )
    description = {
        "dataset": listed.dataset,
        "split": split,
        "num_images": len(names),
        "predictions": str(predictions),
        "records": str(directory),
    }
    return evaluation.write_scores(scores, output, description=description)


def main(argv: list[str]) -> None:
    """Runs the program; bad input ends it with one line."""
    if len(argv) > 1:
        raise app.UsageError(f"Not a flag: {argv[1]}.")
    with readable_errors():
        _run()


def _run() -> None:
    """Scores what the flags name, and prints the pooled scores."""
    predictions = pathlib.Path(FLAGS.predictions)
    output = pathlib.Path(FLAGS.output or default_output(predictions))
    check_result_folder(output, _PROGRAM)
    summary = evaluate(
        predictions,
        pathlib.Path(FLAGS.records),
        split=FLAGS.split,
        keys=FLAGS.keys,
        protocol_names=FLAGS.protocol,
        output=output,
    )
    chosen = {
        name: dataclasses.asdict(protocols.find_protocol(name))
        for name in FLAGS.protocol
    }
    write_result_record(output, _PROGRAM, {"protocols": chosen})
    print(format_table(summary))
    print(f"Written: {output / evaluation.SUMMARY_FILE}")


if __name__ == "__main__":
    _define_flags()
    app.run(main)
