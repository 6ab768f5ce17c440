r"""Continues the training of both networks through the fusion.

    python -m experiments.train_end_to_end --depth_run=runs/nyu/depth \
        --gradient_run=runs/nyu/gradient --records=data/records/nyu_depth_v2 \
        --steps=20 --output=runs/nyu/end_to_end

The loss is the mean absolute error of the fused depth, differentiated through the
fusion by the implicit function theorem. Batch statistics are frozen. To measure the
contribution of the fusion, take the same steps with `--trained=gradient`, which freezes
the depth network, and with `--trained=depth --loss_on=depth`, without the fusion.

The program prints the errors of the depth and of the fused depth before and after
training, on the training images and on images that both runs held out
(`--num_validation`), and writes them to `errors.json`. It writes the weights to
`depth.weights.h5` and `gradient.weights.h5`.
"""

import pathlib

import keras
import numpy as np
from absl import app, flags

from dpde_tf.cli.config_flags import given_flags
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.folders import removed_if_empty
from dpde_tf.files.json_files import write_json
from dpde_tf.files.locks import lock_folder
from dpde_tf.inference.records import held_out_records
from dpde_tf.runs.precision import PRECISIONS, resolve_precision
from dpde_tf.runs.trained_networks import load_depth_network, load_gradient_network
from dpde_tf.training.checkpoints import save_weights
from dpde_tf.training.end_to_end import (
    NETWORKS,
    OUTPUTS,
    EndToEnd,
    comparison_table,
    errors_by_name,
    load_batches,
    train,
)

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("depth_run", None, "Run of train_depth.", required=True)
    define_path("gradient_run", None, "Run of train_gradient.", required=True)
    define_path("records", None, "Folder of a record set.", required=True)
    define_path("output", None, "Folder to write.", required=True)
    flags.DEFINE_integer("steps", 20, "Number of steps.", lower_bound=1)
    flags.DEFINE_integer("batch_size", 4, "Images per step.", lower_bound=1)
    flags.DEFINE_integer(
        "num_images", 16, "Number of training images, and of held-out images.", 1
    )
    flags.DEFINE_integer("num_validation", 95, "Images that the runs held out.", 1)
    flags.DEFINE_float("learning_rate", 1e-5, "Learning rate of Adam.", lower_bound=0.0)
    flags.DEFINE_enum(
        "trained",
        "both",
        ("both", *NETWORKS),
        "Network to train, or both; the other one is frozen.",
    )
    flags.DEFINE_enum("loss_on", "fused", OUTPUTS, "Error to minimise.")
    flags.DEFINE_enum("precision", "auto", PRECISIONS, "Precision of networks.")


def _write(output: pathlib.Path, model: EndToEnd, record: dict[str, object]) -> None:
    """Writes the weights and the errors."""
    for name in NETWORKS:
        network = getattr(model, f"{name}_network")
        save_weights(network, output / f"{name}.weights.h5")
    write_json(output / "errors.json", record)


def _check_held_out(records: RecordSet) -> None:
    """Raises a ValueError unless both runs held out the images that are compared."""
    compared = records.hold_out(FLAGS.num_validation)[1].selected
    for run in (FLAGS.depth_run, FLAGS.gradient_run):
        if not np.array_equal(held_out_records(records, run).selected, compared):
            raise ValueError(
                f"{run} did not hold out the images of --num_validation="
                f"{FLAGS.num_validation}. Both runs must have."
            )


def _train_and_compare() -> None:
    """Trains and prints the errors before and after."""
    records = RecordSet.open(FLAGS.records, "train")
    _check_held_out(records)
    keras.config.set_dtype_policy(resolve_precision(FLAGS.precision))
    model = EndToEnd(
        load_depth_network(FLAGS.depth_run), load_gradient_network(FLAGS.gradient_run)
    )
    for name in NETWORKS:
        if FLAGS.trained not in ("both", name):
            # The other keeps what is frozen in it, such as batch normalisations.
            getattr(model, f"{name}_network").trainable = False
    images = load_batches(
        records,
        num_validation=FLAGS.num_validation,
        num_images=FLAGS.num_images,
        batch_size=FLAGS.batch_size,
    )
    before = errors_by_name(model, images)
    losses = train(
        model,
        images["trained on"],
        steps=FLAGS.steps,
        learning_rate=FLAGS.learning_rate,
        loss_on=FLAGS.loss_on,
    )
    after = errors_by_name(model, images)
    print(comparison_table(before, after))
    record = {"flags": given_flags(), "losses": losses}
    for when, values in (("before", before), ("after", after)):
        record[when] = {name: value.tolist() for name, value in values.items()}
    _write(pathlib.Path(FLAGS.output), model, record)


@flags_only
def main() -> None:
    """Checks the flags and trains."""
    if FLAGS.loss_on == "depth" and FLAGS.trained != "depth":
        raise app.UsageError("--loss_on=depth is for --trained=depth: see --help.")
    with removed_if_empty(FLAGS.output), lock_folder(FLAGS.output):
        _train_and_compare()


if __name__ == "__main__":
    _define_flags()
    run_main(main)
