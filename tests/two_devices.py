"""Trains on one device and on two logical ones of the CPU, and prints what came out.

    python -m tests.two_devices FOLDER

A process of its own, since devices must be split before TensorFlow is used.
"""

import dataclasses
import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.config import DepthLossConfig
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.models.batch_normalization import synchronize_batch_normalization
from dpde_tf.run_folder import read_metrics
from dpde_tf.training.bad_steps import BadStepError
from dpde_tf.training.distribution import Distribution
from dpde_tf.training.loop import Trainer
from dpde_tf.training.objectives import DepthObjective
from dpde_tf.training.strategies import make_strategy
from tests.record_sets import write_small_record_set
from tests.small_training import AUGMENTATION, CONFIG, tiny_depth_network


def main(folder):
    """Prints the results as one line of JSON."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    one, two = make_strategy("none"), make_strategy("mirrored")
    # 10 to train on and 3 to validate: two batches of 4 and a filled one, a rest.
    write_small_record_set(
        folder / "records",
        np.random.default_rng(0),
        size=(32, 32),
        splits={"train": 13, "test": 1},
    )
    records = RecordSet.open(folder / "records", "train")
    results = {
        "one": _train(one, records, folder / "one"),
        "two": _train(two, records, folder / "two"),
        "two_per_replica": _train(two, records, folder / "apart", synchronize=False),
        "moved_on": _train(one, records, folder / "two", epochs=3),
        "three": _train(one, records, folder / "three", epochs=3),
        "bad_steps": [_bad_step(strategy, records, folder) for strategy in (one, two)],
        "odd_batch": _error(lambda: _train(two, records, folder, batch_size=5)),
        "applied": _applied(two),
    }
    print(json.dumps(results))


def _trainer(strategy, records, workdir, *, synchronize=True, **changes):
    with strategy.scope():
        network = tiny_depth_network()
    if synchronize:
        synchronize_batch_normalization(network)
    changes = {"epochs": 2, "num_validation": 3, "clip_norm": 0.05} | changes
    return Trainer(
        network,
        DepthObjective(DepthLossConfig(lambda_fsim=0.0, berhu_c="batch")),
        records,
        config=dataclasses.replace(CONFIG, **changes),
        augmentation=AUGMENTATION,
        workdir=workdir,
        strategy=strategy,
    )


def _train(strategy, records, workdir, **changes):
    """Loss curve, validation, and the values of all weights on each device."""
    trainer = _trainer(strategy, records, workdir, **changes)
    trainer.train()
    rows = read_metrics(workdir)
    weights = [
        [part.numpy().ravel().tolist() for part in _on_devices(strategy, variable)]
        for variable in trainer._network.variables
    ]
    return {
        "loss": [row["loss"] for row in rows],
        "rms": [row["validation"]["rms"] for row in rows],
        "images": [row["images_per_second"] * row["seconds"] for row in rows],
        "weights": weights,
    }


def _on_devices(strategy, variable):
    return strategy.experimental_local_results(variable.value)


def _bad_step(strategy, records, folder):
    """The message of a step whose loss explodes; no step has the same as before."""
    trainer = _trainer(strategy, records, folder / "bad")
    trainer._progress.typical_loss = 1e-9
    return _error(trainer.train)


def _error(function):
    try:
        function()
    except (ValueError, BadStepError) as error:
        return str(error)


def _applied(strategy):
    """The largest difference of a network's output for 5 images on two devices."""
    images = np.random.default_rng(0).uniform(size=(5, 32, 32, 3)).astype(np.float32)
    with strategy.scope():
        network = tiny_depth_network()
    function = tf.function(lambda image: network(image, training=False))
    spread = Distribution(strategy).apply(function, tf.constant(images))
    keras.backend.clear_session()
    alone = tiny_depth_network()(images, training=False)
    assert spread.shape == alone.shape
    return float(tf.reduce_max(tf.abs(spread - alone)))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
