r"""Predicts depth, depth gradients and the fused depth with trained networks.

For a record set, one `<name>.npz` an image:

    python -m experiments.predict --depth_run=runs/nyu/depth \
        --gradient_run=runs/nyu/gradient --records=data/records/nyu_depth_v2 \
        --output=runs/nyu/predictions/dpde

For photographs of any size (files or folders), besides the NPZ at the networks' own
size, pictures at the photograph's: `<name>_depth.png` and `<name>_fused.png`, 16-bit
millimetres, and `<name>.png`, everything in colours:

    python -m experiments.predict --depth_run=... --images=photo.jpg --output=out

Files that are there from the same networks and options are kept, so that an interrupted
run goes on.
"""

import hashlib
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
from absl import app, flags

from dpde_tf.config import FusionConfig
from dpde_tf.data.input_pipeline import RecordSet, make_evaluation_dataset
from dpde_tf.photographs import find_photographs, predict_photograph
from dpde_tf.prediction import DepthPredictor
from dpde_tf.prediction_files import write_prediction
from dpde_tf.run_folder import RECORD_FILE, WEIGHTS_FILE, read_run_record
from dpde_tf.trained_networks import load_depth_network, load_gradient_network
from dpde_tf.training.precision import PRECISIONS, resolve_precision
from dpde_tf.training.run_record import config_as_dict, write_run_record
from experiments.config_flags import config_from_flags, define_config_flags

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_string("depth_run", None, "Run of train_depth.", required=True)
    flags.DEFINE_string("gradient_run", None, "Run of train_gradient; none: no fusion.")
    flags.DEFINE_string("records", None, "Folder of a record set to predict.")
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_list("images", None, "Image files or folders to predict instead.")
    flags.DEFINE_string("output", None, "Folder of the predictions.", required=True)
    flags.DEFINE_integer("batch_size", 8, "Records at a time.", lower_bound=1)
    flags.DEFINE_enum("precision", "auto", PRECISIONS, "Precision of the networks.")
    flags.DEFINE_bool("overwrite", False, "Replace predictions of other networks.")
    define_config_flags(FusionConfig)


def predict_records(
    predictor: DepthPredictor, records: RecordSet, output: pathlib.Path, batch_size: int
) -> None:
    """Writes the prediction of every record that has none yet.

    Args:
        predictor: The networks.
        records: What to predict.
        output: Folder of the NPZ files.
        batch_size: Records at a time.
    """
    names = records.split.names
    done = np.array([(output / f"{name}.npz").is_file() for name in names])
    todo = records.without(done)
    bar = keras.utils.Progbar(todo.num_records, unit_name="image")
    if not todo.num_records:
        return
    for batch in make_evaluation_dataset(todo, batch_size=batch_size):
        maps = predictor.predict(batch["image"])
        for row, name in enumerate(batch["name"].numpy()):
            one = {key: values[row] for key, values in maps.items()}
            write_prediction(output / f"{name.decode()}.npz", one)
        bar.add(len(batch["name"]))


def _run_config(fusion: FusionConfig, precision: str) -> dict:
    """What decides about the numbers: weights, fusion, precision."""
    runs = {"depth_run": FLAGS.depth_run, "gradient_run": FLAGS.gradient_run}
    weights = {
        name: hashlib.sha256(
            (pathlib.Path(run) / WEIGHTS_FILE).read_bytes()
        ).hexdigest()
        for name, run in runs.items()
        if run is not None
    }
    return config_as_dict(fusion) | {
        "weights_sha256": weights,
        "data": {"records": FLAGS.records, "split": FLAGS.split},
        "precision": {"precision": precision},
    }


def _prepare_output(output: pathlib.Path, config: dict) -> None:
    """Writes the run's record; refuses or removes predictions of another one."""
    if (output / RECORD_FILE).is_file() and read_run_record(output)["config"] != config:
        if not FLAGS.overwrite:
            raise app.UsageError(
                f"{output} holds predictions of other networks or options. Use another "
                "--output, or --overwrite."
            )
        for path in output.glob("*.npz"):
            path.unlink()
    given = {name: FLAGS[name].value for name in FLAGS if FLAGS[name].present}
    write_run_record(output, program="experiments.predict", flags=given, config=config)


def main(argv: Sequence[str]) -> None:
    """Loads the networks and predicts."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}. Images go to --images.")
    if (FLAGS.records is None) == (FLAGS.images is None):
        raise app.UsageError("Give either --records or --images.")
    output = pathlib.Path(FLAGS.output)
    precision = resolve_precision(FLAGS.precision)
    keras.config.set_dtype_policy(precision)
    fusion = config_from_flags(FusionConfig(), FLAGS.flag_values_dict())
    predictor = DepthPredictor(
        load_depth_network(FLAGS.depth_run),
        load_gradient_network(FLAGS.gradient_run) if FLAGS.gradient_run else None,
        fusion,
    )
    if FLAGS.records is not None:
        records = RecordSet.open(FLAGS.records, FLAGS.split)
        _prepare_output(output, _run_config(fusion, precision))
        predict_records(predictor, records, output, FLAGS.batch_size)
    else:
        data = read_run_record(FLAGS.depth_run)["config"]["data"]
        for path in find_photographs(FLAGS.images):
            size = tuple(data["image_size"])
            print(predict_photograph(predictor, path, output, training_size=size))


if __name__ == "__main__":
    _define_flags()
    app.run(main)
