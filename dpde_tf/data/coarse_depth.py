"""Coarse depth maps for training the guided network.

They are made from the true depth with the typical errors of other networks: blur, low
resolution, displaced edges, wrong levels, noise, quantisation and holes. Maps that
networks predicted for images outside their training set can be mixed in.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from dpde_tf.config import CoarseDepthConfig
from dpde_tf.files.resizing import resize_depth

_METHODS = (
    ("area", True),
    ("bilinear", False),
    ("bicubic", True),
    ("nearest", False),
)
# Pixels between the nodes of the fields of displacement, level and holes.
_DISPLACEMENT_GRID, _LEVEL_GRID, _HOLE_GRID = 16, 60, 24
_HOLES_ABOVE = 1.2  # Threshold on a field of unit variance.


@dataclasses.dataclass(frozen=True)
class CoarseDepths:
    """Makes a coarse depth map for each training image.

    Attributes:
        config: Amounts of degradation.
        predictions: Predicted depth of the records of the split, float32
            `[N, h, w, 1]`, 0 for a record without a prediction; None without
            predictions.
    """

    config: CoarseDepthConfig
    predictions: np.ndarray | None = None

    def predicted(self, index: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
        """Returns the prediction for a record, enlarged bilinearly.

        Args:
            index: Index in the split, or -1 - index of a record that fills up a batch.
            size: (height, width) of the result.

        Returns:
            Metres, float32 `[height, width, 1]`; 0 if there is no prediction.
        """
        if self.predictions is None:
            return tf.zeros([*size, 1])
        index = tf.maximum(index, -1 - index)
        return resize_depth(tf.gather(self.predictions, index), size)

    def make(
        self, truth: tf.Tensor, predicted: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """Returns the coarse depth map, the input of the network.

        Args:
            truth: Metres, float32 `[H, W, 1]`; 0 = no measurement.
            predicted: Result of `predicted`, with the random changes of the image.
            seed: Seed, int32 `[2]`.

        Returns:
            Positive depth, metres, float32 `[H, W, 1]`.
        """
        choice, seed = tf.unstack(tf.random.split(seed, 2))
        chosen = tf.random.stateless_uniform([], choice) < self.config.predicted_share
        has_prediction = tf.reduce_any(predicted > 0.0)
        return tf.cond(
            chosen & has_prediction,
            # Rotation leaves holes in the corners.
            lambda: _coarser(
                fill_holes(predicted), seed, self.config.predicted_max_shrink
            ),
            lambda: degraded_depth(truth, seed, self.config),
        )


def degraded_depth(
    truth: tf.Tensor, seed: tf.Tensor, config: CoarseDepthConfig
) -> tf.Tensor:
    """Returns degraded true depth; the same seed gives the same map.

    The steps, each by a random amount up to the limit in `config`, are: holes, smooth
    displacement, smooth error of the level, blur, shrinking with a random kernel, noise
    and quantisation at low resolution, and bilinear enlargement.

    Args:
        truth: Metres, float32 `[H, W, 1]`, of static size; 0 = no measurement.
        seed: Seed, int32 `[2]`.
        config: Largest amounts.

    Returns:
        Positive depth, metres, float32 `[H, W, 1]`; 1 everywhere if nothing is
        measured.
    """
    seeds = tf.unstack(tf.random.split(seed, 6))
    amounts = tf.random.stateless_uniform([8], seeds[0])
    size = truth.shape[:2]
    holes = _smooth_field(size, _HOLE_GRID, 1, seeds[1]) > _HOLES_ABOVE
    punched = holes & (amounts[0] < config.hole_share)
    depth = fill_holes(tf.where(punched, 0.0, truth))
    depth = _displaced(depth, amounts[1] * config.max_displacement, seeds[2])
    level = amounts[2] * config.max_level_error
    depth *= tf.exp(level * _smooth_field(size, _LEVEL_GRID, 1, seeds[3]))
    radius = math.ceil(3.0 * config.max_blur)
    depth = _blurred(depth, amounts[3] * config.max_blur, radius)
    shrink = tf.exp(amounts[4] * math.log(config.max_shrink))
    small = _shrunk(depth, shrink, tf.cast(amounts[5] * len(_METHODS), tf.int32))
    noise = tf.random.stateless_normal(tf.shape(small), seeds[4])
    small *= 1.0 + amounts[6] * config.max_noise * noise
    step = tf.reduce_mean(small) * amounts[7] * config.max_quantisation
    small = tf.where(
        step > 0.0, tf.round(tf.math.divide_no_nan(small, step)) * step, small
    )
    return _positive(tf.image.resize(small, size))


def fill_holes(depth: tf.Tensor) -> tf.Tensor:
    """Returns a depth map whose holes are filled with the mean depth around them.

    A hole is filled from the map at the highest of the resolutions 1/2, 1/4, ... at
    which it is measured, enlarged bilinearly.

    Args:
        depth: float32 `[H, W, 1]`, of static size; 0 = no measurement.

    Returns:
        The map without holes, unchanged at measured pixels; 1 everywhere if nothing is
        measured.
    """
    height, width = depth.shape[:2]
    if height == width == 1:
        return tf.where(depth > 0.0, depth, 1.0)
    half = resize_depth(depth, (-(-height // 2), -(-width // 2)))
    half = tf.ensure_shape(half, [-(-height // 2), -(-width // 2), 1])
    return tf.where(
        depth > 0.0, depth, tf.image.resize(fill_holes(half), depth.shape[:2])
    )


def _coarser(depth: tf.Tensor, seed: tf.Tensor, max_shrink: float) -> tf.Tensor:
    """The map as it is, or in half of the cases shrunk and enlarged bilinearly."""
    amounts = tf.random.stateless_uniform([2], seed)
    shrink = tf.exp(tf.nn.relu(2.0 * amounts[0] - 1.0) * math.log(max_shrink))
    small = _shrunk(depth, shrink, tf.cast(amounts[1] * len(_METHODS), tf.int32))
    coarser = _positive(tf.image.resize(small, depth.shape[:2]))
    return tf.where(shrink > 1.0, coarser, depth)


def _positive(depth: tf.Tensor) -> tf.Tensor:
    """The map with at least a hundredth of its mean everywhere."""
    return tf.maximum(depth, 0.01 * tf.reduce_mean(depth))


def _smooth_field(
    size: tuple[int, int], spacing: int, channels: int, seed: tf.Tensor
) -> tf.Tensor:
    """Smooth Gaussian noise of about unit variance, `[H, W, channels]`."""
    nodes = [part // spacing + 3 for part in size]
    noise = tf.random.stateless_normal([*nodes, channels], seed)
    return tf.image.resize(noise, size, method="bicubic")


def _displaced(depth: tf.Tensor, amount: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The map after a smooth random displacement of about `amount` pixels."""
    size = depth.shape[:2]
    field = amount * _smooth_field(size, _DISPLACEMENT_GRID, 2, seed)
    grid = np.stack(np.mgrid[: size[0], : size[1]], axis=-1).astype(np.float32)
    last = np.array(size, np.float32) - 1.0
    places = tf.clip_by_value(grid + field, 0.0, last)
    # `keras.ops.image.map_coordinates` does the same, but causes warnings of oneDNN.
    first = tf.floor(places)
    rest = places - first
    corner, moved = tf.cast(first, tf.int32), 0.0
    for row in (0, 1):
        for column in (0, 1):
            weight = tf.abs(np.float32([1 - row, 1 - column]) - rest)
            neighbour = tf.minimum(corner + [row, column], last.astype(np.int32))
            value = tf.gather_nd(depth, neighbour)
            moved += tf.reduce_prod(weight, axis=-1, keepdims=True) * value
    return moved


def _blurred(depth: tf.Tensor, sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """The map after a Gaussian blur of `sigma` pixels, with mirrored borders."""
    radius = min(radius, *(part - 1 for part in depth.shape[:2]))
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * (offsets / tf.maximum(sigma, 0.1)) ** 2)
    weights /= tf.reduce_sum(weights)
    padding = [[0, 0], [radius, radius], [radius, radius], [0, 0]]
    padded = tf.pad(depth[tf.newaxis], padding, mode="REFLECT")
    vertical = tf.nn.conv2d(padded, weights[:, None, None, None], 1, "VALID")
    return tf.nn.conv2d(vertical, weights[None, :, None, None], 1, "VALID")[0]


def _shrunk(depth: tf.Tensor, factor: tf.Tensor, method: tf.Tensor) -> tf.Tensor:
    """The map at 1 / `factor` of its size, resized by one of `_METHODS`."""
    size = tf.cast(depth.shape[:2], tf.float32) / factor
    size = tf.maximum(tf.cast(tf.round(size), tf.int32), 2)

    def by(name: str, antialias: bool) -> tf.Tensor:
        small = tf.image.resize(depth, size, method=name, antialias=antialias)
        return tf.ensure_shape(small, [None, None, 1])

    branches = [lambda m=m: by(*m) for m in _METHODS]
    return tf.switch_case(method, branches)
