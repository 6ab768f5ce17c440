r"""Predicts depth from similar training images, as compared methods of the paper do.

Example:
    python -m experiments.transfer_depth --database=data/records/nyu_depth_v2 \
        --records=data/records/nyu_depth_v2 --output=runs/nyu/predictions

writes a folder per method with an NPZ file per record, for `experiments.evaluate`.
Nothing is trained. The methods are our implementations of

  konrad_2012  Konrad et al. (2012): the median depth of 45 similar images, smoothed
  karsch_2014  Karsch et al. (2014), Depth Transfer: warped depth and gradients of 7
               similar images with a prior, fused
  choi_2015    Choi et al. (2015), Depth Analogy: the gradients of the best matching
               patches, integrated

with histograms of orientations for the search and DIS flow for the correspondence, see
`experiments.transfer`.
"""

import pathlib
from collections.abc import Mapping, Sequence

import cv2
import keras
from absl import app, flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.cli.result_record import begin_predictions, result_folder
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.data.manifest import read_manifest
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.images import resize_image
from dpde_tf.files.predictions import prediction_path, write_prediction
from experiments.transfer.database import Database
from experiments.transfer.methods import CONSTANTS, METHODS

FLAGS = flags.FLAGS
_PROGRAM = "experiments.transfer_depth"


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("database", None, "Record set to transfer depth from.", required=True)
    define_path("records", None, "Record set to predict.", required=True)
    define_path("output", None, "Parent folder of the predictions.", required=True)
    flags.DEFINE_string("split", "test", "Split of --records to predict.")
    flags.DEFINE_list("methods", list(METHODS), f"Names among {', '.join(METHODS)}.")
    flags.DEFINE_integer(
        "num_validation",
        0,
        "Number of records of the database to hold out as in training and to predict, "
        "instead of --records.",
        lower_bound=0,
    )


def transfer_split(
    database: Database,
    records: pathlib.Path,
    folders: Mapping[str, pathlib.Path],
    *,
    split: str,
    names: Sequence[str] | None = None,
) -> None:
    """Writes the depth that each method transfers to the records of a split.

    An image of another size is resized to that of the database, and its depth back.

    Args:
        database: Images with depth.
        records: Folder of the record set.
        folders: Folders of the predictions by key of `METHODS`.
        split: Split to predict.
        names: Records to predict; None for all.

    Raises:
        ValueError: If a record cannot be read.
    """
    size = database.mean_depth.shape
    bar = keras.utils.Progbar(None, unit_name="image")
    for name, image, _ in read_split(records, split, names=names):
        seen = resize_image(image, size)
        for method, folder in folders.items():
            depth = METHODS[method](seen, database)
            depth = cv2.resize(depth, image.shape[1::-1])
            write_prediction(prediction_path(folder, name), {"depth": depth})
        bar.add(1)


def _run(folders: Mapping[str, pathlib.Path]) -> None:
    """Predicts what the flags name."""
    train = RecordSet.open(FLAGS.database, "train")
    records, split, names = FLAGS.records, FLAGS.split, None
    if FLAGS.num_validation:
        check_unset("split", needs="--num_validation=0")
        train, held_out = train.hold_out(FLAGS.num_validation)
        records, split = FLAGS.database, "train"
        listed = read_manifest(records).split(split).names
        names = [n for n, one in zip(listed, held_out.selected, strict=True) if one]
    RecordSet.open(records, split)  # Before former predictions are removed.
    database = Database.read(train)
    for method, folder in folders.items():
        config = {"transfer": {"method": method, "images": len(database.images)}}
        begin_predictions(folder, _PROGRAM, config | {"constants": CONSTANTS})
    transfer_split(database, pathlib.Path(records), folders, split=split, names=names)
    for folder in folders.values():
        print(f"Written: {folder}")


@flags_only
def main() -> None:
    """Runs the program; reports bad input in one line."""
    if unknown := set(FLAGS.methods) - set(METHODS):
        raise app.UsageError(
            f"--methods must be among {', '.join(METHODS)}. Received: "
            f"{', '.join(sorted(unknown))}."
        )
    output = pathlib.Path(FLAGS.output)
    folders = {method: output / method for method in FLAGS.methods}
    with result_folder(_PROGRAM, *folders.values()):
        _run(folders)


if __name__ == "__main__":
    _define_flags()
    run_main(main, _PROGRAM)
