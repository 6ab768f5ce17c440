"""Random changes of training pairs, determined by the pair and a seed."""

import keras
import tensorflow as tf

from dpde_tf.config import AugmentationConfig
from dpde_tf.files.resizing import mean_of_measured

Pair = tuple[tf.Tensor, tf.Tensor]


def augment(
    image: tf.Tensor, depth: tf.Tensor, seed: tf.Tensor, config: AugmentationConfig
) -> Pair:
    """Returns a randomly changed pair; the same seed gives the same change.

    Args:
        image: RGB in [0, 1], float32 `[H, W, 3]`.
        depth: Metres, float32 `[H, W, C]`, one map or several; 0 = no measurement.
        seed: Seed, int32 `[2]`.
        config: Changes to apply, and their largest amounts.

    Returns:
        The changed image and depth, of the same size or of `config.crop_size`.

    Source: Eigen et al. (2014), Sect. 3.3 (scale, rotation, colour, flip).
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    if config.max_zoom > 1.0 or config.max_rotation > 0.0:
        image, depth = _zoom_and_rotate(image, depth, seeds[0], config)
    if config.flip:
        image, depth = _flip(image, depth, seeds[1])
    if config.colour > 0.0:
        image = _change_colour(image, seeds[2], config.colour)
    if config.crop_size is not None:
        both = tf.concat([image, depth], axis=-1)
        size = [*config.crop_size, both.shape[-1]]
        both = tf.image.stateless_random_crop(both, size, seeds[3])
        image, depth = both[..., :3], both[..., 3:]
    return image, depth


def _flip(image: tf.Tensor, depth: tf.Tensor, seed: tf.Tensor) -> Pair:
    """Mirrors left and right with probability 1/2."""
    mirror = tf.random.stateless_uniform([], seed) < 0.5
    image = tf.cond(mirror, lambda: image[:, ::-1], lambda: image)
    depth = tf.cond(mirror, lambda: depth[:, ::-1], lambda: depth)
    return image, depth


def _change_colour(image: tf.Tensor, seed: tf.Tensor, amount: float) -> tf.Tensor:
    """Multiplies the brightness and each channel by factors in 1 -+ amount."""
    factors = tf.random.stateless_uniform([4], seed, 1.0 - amount, 1.0 + amount)
    return tf.clip_by_value(image * factors[0] * factors[1:], 0.0, 1.0)


def _zoom_and_rotate(
    image: tf.Tensor, depth: tf.Tensor, seed: tf.Tensor, config: AugmentationConfig
) -> Pair:
    """Zooms into a random window and rotates; divides depth by the zoom factor.

    Zooming by s corresponds to a focal length that is s times as long, so everything
    seems s times nearer. Depth is interpolated linearly, which keeps slopes, and over
    measured pixels only, see `mean_of_measured`.
    """
    draws = tf.random.stateless_uniform([4], seed)
    zoom = 1.0 + draws[0] * (config.max_zoom - 1.0)
    angle = (2.0 * draws[1] - 1.0) * config.max_rotation * (3.14159265 / 180.0)
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    centre = (size - 1.0) / 2.0
    # The window may be anywhere in the image.
    source_centre = centre + (draws[2:] - 0.5) * size * (1.0 - 1.0 / zoom)
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    # Output (x, y) comes from source (a0 x + a1 y + a2, b0 x + b1 y + b2).
    a2 = source_centre[1] - cos * centre[1] + sin * centre[0]
    b2 = source_centre[0] - sin * centre[1] - cos * centre[0]
    transform = tf.stack([cos, -sin, a2, sin, cos, b2, 0.0, 0.0])[None]
    image = keras.ops.image.affine_transform(
        image[None],
        transform,
        interpolation="bilinear",
        fill_mode="nearest",
        data_format="channels_last",
    )[0]
    measured = tf.cast(depth > 0.0, tf.float32)
    both = keras.ops.image.affine_transform(
        tf.concat([depth, measured], axis=-1)[None],
        transform,
        interpolation="bilinear",
        fill_mode="constant",
        data_format="channels_last",
    )[0]
    return image, mean_of_measured(*tf.split(both, 2, axis=-1)) / zoom
