r"""Scores predicted depth of any network, under one or more protocols.

Example:
    python -m experiments.evaluate --predictions=runs/nyu/predictions/dpde \
        --records=data/records/nyu_depth_v2 --protocol=all --compare_key=depth

writes runs/nyu/scores/dpde/summary.json and per_image.csv, and run.json that says with
what they were made. No network is loaded. Files (NPZ, NPY, PFM, TIFF or 16-bit PNG) and
records belong together by name. Floating-point numbers are metres; integers, such as
those of PNG, become metres by --depth_scale.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from absl import app, flags

from data_prep.path_flags import define_path
from dpde_tf import evaluation, protocols
from dpde_tf.data import manifest
from dpde_tf.data.depth_units import check_scale_has_integers
from dpde_tf.data.folders import normalized
from dpde_tf.error_messages import readable_errors
from dpde_tf.prediction_files import PredictionFolder
from dpde_tf.score_text import format_table
from experiments.result_record import result_folder, write_result_record

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
        "One or more of: all (that are for this data set and split); "
        + "; ".join(f"{p.name}: {p.description}" for p in protocols.PROTOCOLS.values()),
    )
    flags.DEFINE_float("depth_scale", None, "Metres per stored integer, as in PNG.")
    flags.DEFINE_bool(
        "allow_partial", False, "Leave out records and files without a counterpart."
    )
    define_path("compare_with", None, "Folder of other predictions of the same images.")
    flags.DEFINE_string(
        "compare_key", None, "Array to compare with, of that folder or of the same."
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


@dataclasses.dataclass(frozen=True)
class Comparison:
    """With what to compare.

    Attributes:
        folder: Other predictions of the same images, or None for the same folder.
        key: Array to compare with; None for that of the same name.
    """

    folder: PredictionFolder | None = None
    key: str | None = None

    def pairs(
        self, predictions: PredictionFolder, keys: Sequence[str]
    ) -> tuple[dict[str, tuple[PredictionFolder, str]], dict[str, tuple[str, str]]]:
        """Returns the arrays to score besides, and titles of pairs of arrays.

        Args:
            predictions: The scored folder.
            keys: Its scored arrays.

        Returns:
            As `evaluation.score_predictions` and `evaluation.write_scores` take them.

        Raises:
            ValueError: If an array would be compared with itself only.
        """
        if self.folder is None and self.key is None:
            return {}, {}
        arrays, titles = {}, {}
        for key in keys:
            other = self.key or key
            if self.folder is None:
                if other != key:
                    arrays[other] = (predictions, other)
                    titles[f"{key} - {other}"] = (key, other)
                continue
            label = f"{self.folder.directory.name}/{other}"
            arrays[label] = (self.folder, other)
            titles[f"{predictions.directory.name}/{key} - {label}"] = (key, label)
        if not titles:
            raise ValueError(
                f"Nothing to compare {self.key!r} with: it is the only array that is "
                "scored. Give others with --keys, or a folder with --compare_with."
            )
        return arrays, titles


def evaluate(
    predictions: PredictionFolder,
    directory: pathlib.Path,
    *,
    split: str,
    keys: list[str] | None,
    protocol_names: list[str],
    output: pathlib.Path,
    comparison: Comparison | None = None,
    allow_partial: bool = False,
    seed: int = 0,
) -> dict:
    """Scores a predictions folder, writes both files and returns the summary.

    Args:
        predictions: The folder, with one file for each record of the split.
        directory: Folder of the record set.
        split: Such as `test`.
        keys: Arrays to score; None for all that hold depth.
        protocol_names: Keys of `protocols.PROTOCOLS`, or `all`.
        output: Folder for `summary.json` and `per_image.csv`.
        comparison: With what to compare; None for nothing.
        allow_partial: Leave out records and files without a counterpart.
        seed: Of the bootstrap.

    Returns:
        What `summary.json` holds.
    """
    listed = manifest.read_manifest(directory)
    listed_split = listed.split(split)
    chosen = protocols.choose_protocols(
        protocol_names, dataset=listed.dataset, split=split
    )
    comparison = comparison or Comparison()
    names = predictions.common_names(listed_split.names, allow_partial=allow_partial)
    if comparison.folder:
        names = comparison.folder.common_names(names, allow_partial=True)
        if not allow_partial and len(names) < listed_split.num_records:
            comparison.folder.common_names(listed_split.names)
    keys = keys or predictions.depth_keys()
    others, titles = comparison.pairs(predictions, keys)
    scores = evaluation.score_predictions(
        {**{key: (predictions, key) for key in keys}, **others},
        directory,
        split=split,
        names=names,
        protocols=chosen,
        depth_range=listed_split.depth_max,
    )
    description = {
        "dataset": listed.dataset,
        "split": split,
        "num_images": len(names),
        "predictions": str(predictions.directory),
        "records": str(directory),
        "depth_range": listed_split.depth_max,
    }
    if allow_partial:
        description["left_out"] = {
            "records": sorted(set(listed_split.names) - set(names)),
            "predictions": sorted(set(predictions.files) - set(map(normalized, names))),
        }
    return evaluation.write_scores(
        scores,
        output,
        description=description,
        protocols=chosen,
        keys=keys,
        comparisons=titles,
        image_size=listed.image_size,
        seed=seed,
    )


def main(argv: list[str]) -> None:
    """Runs the program; bad input ends it with one line."""
    if len(argv) > 1:
        raise app.UsageError(f"Not a flag: {argv[1]}.")
    with readable_errors():
        _run()


def _run() -> None:
    """Scores what the flags name, and prints the main scores."""
    predictions = PredictionFolder.open(
        FLAGS.predictions, depth_scale=FLAGS.depth_scale
    )
    other = FLAGS.compare_with and PredictionFolder.open(
        FLAGS.compare_with, depth_scale=FLAGS.depth_scale
    )
    files = [*predictions.files.values(), *(other.files.values() if other else ())]
    check_scale_has_integers(files, FLAGS.depth_scale, flag="depth_scale")
    output = pathlib.Path(FLAGS.output or default_output(predictions.directory))
    with result_folder(output, _PROGRAM):
        summary = evaluate(
            predictions,
            pathlib.Path(FLAGS.records),
            split=FLAGS.split,
            keys=FLAGS.keys,
            protocol_names=FLAGS.protocol,
            output=output,
            comparison=Comparison(other or None, FLAGS.compare_key),
            allow_partial=FLAGS.allow_partial,
            seed=FLAGS.seed,
        )
        chosen = {
            name: dataclasses.asdict(protocols.find_protocol(name))
            for name in summary["protocols"]
        }
        write_result_record(output, _PROGRAM, {"protocols": chosen})
    print(format_table(summary))
    print(f"Written: {output / evaluation.SUMMARY_FILE}")


if __name__ == "__main__":
    _define_flags()
    app.run(main)
