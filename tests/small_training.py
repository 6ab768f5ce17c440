"""A training of a tiny network, for tests."""

import contextlib
import dataclasses
import resource

import keras
import numpy as np

from dpde_tf.config import AugmentationConfig, DepthLossConfig, TrainingConfig
from dpde_tf.models.batch_normalization import FusedBatchNormalization
from dpde_tf.training.loop import Trainer
from dpde_tf.training.objectives import DepthObjective

CONFIG = TrainingConfig(epochs=3, batch_size=4, checkpoint_steps=2, precision="float32")
AUGMENTATION = AugmentationConfig(flip=True, max_zoom=1.2, colour=0.1)
# FSIM has its own tests; its graph takes seconds to build.
OBJECTIVE = DepthObjective(DepthLossConfig(lambda_fsim=0.0))


def tiny_depth_network(width=4):
    """A tiny network with batch normalisation; output of half the size."""
    keras.utils.set_random_seed(5)
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(width, 3, strides=2, padding="same")(image)
    x = keras.layers.ReLU()(FusedBatchNormalization()(x))
    x = keras.layers.Conv2D(1, 3, padding="same")(x)
    return keras.Model(image, keras.layers.Rescaling(0.1, 2.5)(x))


def make_trainer(records, workdir, *, network=None, **changes):
    return Trainer(
        network or tiny_depth_network(),
        OBJECTIVE,
        records,
        config=dataclasses.replace(CONFIG, **changes),
        augmentation=AUGMENTATION,
        workdir=workdir,
    )


def state_of(trainer):
    """All numbers that training changes."""
    variables = [*trainer._network.variables, *trainer._optimizer.variables]
    return [np.asarray(variable) for variable in variables]


def same_state(expected, actual):
    pairs = zip(expected, actual, strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def flip_a_bit(path, position=0.5):
    """Changes one bit of a file, at that part of its length."""
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1
    path.write_bytes(bytes(content))


def cut_off(path):
    """Removes the second half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@contextlib.contextmanager
def largest_file(num_bytes):
    """Lets no file grow larger, as if the disk were full (RLIMIT_FSIZE)."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
