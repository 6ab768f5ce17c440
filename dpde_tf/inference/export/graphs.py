"""Functions to export: a network, or image -> depth, fused depth."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.fusion.irls import fuse_in_graph
from dpde_tf.inference.predictor import (
    SMALLEST_SIDE,
    DepthPredictor,
    predict_at_size,
    working_size,
)

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class ExportGraph:
    """A function to export.

    Attributes:
        function: Maps tensors, in the order of `signature`, to tensors by name. Its
            keyword `energy_type` is the type in which the runtime sums the energy.
        signature: Name, shape and type of the inputs.
        variables: Variables that the function reads.
        reference: Returns the expected outputs for arrays by the name of the input.
        has_loops: Whether the function has the loops of the fusion.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    signature: tuple[tf.TensorSpec, ...]
    variables: Sequence[tf.Variable]
    reference: Callable[[Arrays], Arrays]
    has_loops: bool = False


def network_graph(
    network: keras.Model, output: str, size: tuple[int, int] | None = None
) -> ExportGraph:
    """Returns the function of a network alone.

    Args:
        network: A network of `dpde_tf.models`.
        output: Name of the output, such as `depth`.
        size: (height, width) of the images; None for any.

    Returns:
        From the inputs of the network, of which the first is `image`, RGB in [0, 1],
        float32 `[1, H, W, 3]`, to its output.
    """
    names = list(network.input) if isinstance(network.input, dict) else ["image"]
    channels = {"image": 3, "coarse_depth": 1}
    height, width = size or (None, None)
    signature = tuple(
        tf.TensorSpec([1, height, width, channels[name]], tf.float32, name=name)
        for name in names
    )

    def function(*inputs: tf.Tensor, energy_type: tf.DType = tf.float64) -> dict:
        del energy_type
        by_name = dict(zip(names, inputs, strict=True))
        one_or_all = by_name if len(names) > 1 else inputs[0]
        return {output: network(one_or_all, training=False)}

    def reference(arrays: Arrays) -> Arrays:
        inputs = (tf.constant(arrays[name]) for name in names)
        return {key: value.numpy() for key, value in function(*inputs).items()}

    return ExportGraph(function, signature, _variables([network]), reference)


def method_graph(
    predictor: DepthPredictor,
    training_size: tuple[int, int],
    size: tuple[int, int] | None = None,
) -> ExportGraph:
    """Returns the function of the whole method.

    It resizes the image as `DepthEstimator` does, applies the networks, fuses by IRLS
    and conjugate gradients, both loops of the graph, and brings the depth to the size
    of the image.

    Args:
        predictor: The networks and options.
        training_size: (height, width) of the images that the networks know.
        size: (height, width) of the images; None for any.

    Returns:
        From `image`, RGB in [0, 1], float32 `[1, H, W, 3]`, to `depth` and, if there is
        a fusion, `fused`: metres, float32 `[1, H, W]`.
    """
    height, width = size or (None, None)
    signature = (tf.TensorSpec([1, height, width, 3], tf.float32, name="image"),)

    def function(image: tf.Tensor, *, energy_type: tf.DType = tf.float64) -> dict:
        full = size or tuple(tf.unstack(tf.shape(image)[1:3]))
        seen = _resize(image, full, _working_size(full, training_size))
        maps = predictor.maps_of(
            seen,
            run=predictor.apply_network,
            fuse=functools.partial(
                fuse_in_graph,
                **dataclasses.asdict(predictor.fusion),
                energy_type=energy_type,
            ),
        )
        return {
            key: tf.image.resize(maps[key], full)[..., 0]
            for key in ("depth", "fused")
            if key in maps
        }

    def reference(arrays: Arrays) -> Arrays:
        image = arrays["image"]
        seen = working_size(image.shape[1:3], training_size)
        maps = predict_at_size(predictor, image, seen)
        return {key: maps[key] for key in ("depth", "fused") if key in maps}

    networks = (
        predictor.depth_network,
        predictor.gradient_network,
        predictor.context_network,
        predictor.guided_network,
    )
    variables = _variables(networks)
    return ExportGraph(function, signature, variables, reference, any(networks[1:]))


def _variables(networks: Sequence[keras.Model | None]) -> list[tf.Variable]:
    """The variables of networks."""
    return [v.value for network in networks if network for v in network.variables]


def _working_size(full: tuple, training_size: tuple[int, int]) -> tuple:
    """`working_size`, of numbers or of tensors."""
    if isinstance(full[0], int):
        return working_size(full, training_size)
    height, width = (tf.cast(side, tf.float32) for side in full)
    scale = tf.sqrt(float(math.prod(training_size)) / (height * width))
    sides = (tf.cast(tf.round(side * scale), tf.int32) for side in (height, width))
    return tuple(tf.maximum(side, SMALLEST_SIDE) for side in sides)


def _resize(image: tf.Tensor, full: tuple, size: tuple) -> tf.Tensor:
    """`resize_image` of a batch of one, by two products that all runtimes have."""
    shrinks = tf.logical_and(size[0] <= full[0], size[1] <= full[1])
    rows, columns = (
        tf.where(shrinks, _area_shares(*sides), _bilinear_shares(*sides))
        for sides in zip(full, size, strict=True)
    )
    flat = tf.reshape(image, [full[0], full[1] * 3])
    shorter = tf.reshape(tf.matmul(rows, flat), [size[0], full[1], 3])
    return tf.expand_dims(tf.matmul(tf.expand_dims(columns, 0), shorter), 0)


def _area_shares(old: int | tf.Tensor, new: int | tf.Tensor) -> tf.Tensor:
    """Shares of the old pixels in the area of each new one, `[new, old]`."""
    step = tf.cast(old, tf.float32) / tf.cast(new, tf.float32)
    start = tf.expand_dims(tf.cast(tf.range(new), tf.float32), 1) * step
    pixel = tf.expand_dims(tf.cast(tf.range(old), tf.float32), 0)
    shared = tf.minimum(start + step, pixel + 1.0) - tf.maximum(start, pixel)
    return tf.maximum(shared, 0.0) / step


def _bilinear_shares(old: int | tf.Tensor, new: int | tf.Tensor) -> tf.Tensor:
    """Shares of the old pixels in the value at each new centre, `[new, old]`."""
    step = tf.cast(old, tf.float32) / tf.cast(new, tf.float32)
    place = (tf.cast(tf.range(new), tf.float32) + 0.5) * step - 0.5
    place = tf.clip_by_value(place, 0.0, tf.cast(old, tf.float32) - 1.0)
    pixel = tf.expand_dims(tf.cast(tf.range(old), tf.float32), 0)
    return tf.maximum(1.0 - tf.abs(tf.expand_dims(place, 1) - pixel), 0.0)
