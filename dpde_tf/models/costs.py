"""Costs of a network, layer by layer: parameters and arithmetic operations."""

import dataclasses
import math
from collections.abc import Sequence

import keras

from dpde_tf.models.unpool_convolution import UnpoolConv2D


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """The cost of one layer for one image.

    Attributes:
        name: Name of the layer.
        kind: Name of its class.
        output_shape: (height, width, channels) of the output.
        num_parameters: Number of all weights, including the moving averages of batch
            normalisation.
        num_trainable: Number of trainable weights.
        num_multiply_adds: Products of a convolution in the forward pass, each with its
            addition; 0 for layers without a kernel, whose costs are comparatively
            small.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_parameters: int
    num_trainable: int
    num_multiply_adds: int

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass: two per multiply-add."""
        return 2 * self.num_multiply_adds


def layer_costs(network: keras.Model, image_size: tuple[int, int]) -> list[LayerCost]:
    """Returns the cost of each layer for one image, from input to output.

    A convolution multiplies every kernel entry at every output pixel. As usual, this
    includes products with the zeros of the padding. A transposed convolution multiplies
    every kernel entry with every input pixel; products with the zeros between the
    pixels are not computed and do not count.

    Args:
        network: Functional model of an RGB image, or of an image and a depth map. They
            may have any size, or have this size.
        image_size: (height, width), pixels.

    Returns:
        One entry per layer. Operations that are not layers, such as slices, are free.

    Raises:
        ValueError: If a layer that is not a convolution has a kernel.
    """
    layers = [x for x in network.layers if not isinstance(x, keras.layers.InputLayer)]
    tensors = []
    for layer in layers:
        tensors += [keras.tree.flatten(layer.input)[0], layer.output]
    height, width = image_size
    probe = keras.Model(network.inputs, tensors)
    inputs = [(1, height, width, tensor.shape[-1]) for tensor in network.inputs]
    shapes = probe.compute_output_shape(inputs if len(inputs) > 1 else inputs[0])
    return [
        LayerCost(
            name=layer.name,
            kind=type(layer).__name__,
            output_shape=tuple(output_shape[1:]),
            num_parameters=_num_entries(layer.weights),
            num_trainable=_num_entries(layer.trainable_weights),
            num_multiply_adds=_multiply_adds(layer, input_shape, output_shape),
        )
        for layer, input_shape, output_shape in zip(
            layers, shapes[::2], shapes[1::2], strict=True
        )
    ]


def training_flops(costs: Sequence[LayerCost]) -> int:
    """Returns the floating-point operations of a training step on one image.

    The gradients with respect to the kernel and to the input need as many products each
    as the forward pass. The first convolution needs no gradient with respect to its
    input, the image.

    Args:
        costs: Costs from `layer_costs`, of a network whose kernels are all trained.

    Returns:
        Three times the forward pass, minus the forward pass of the first convolution.
    """
    products = [cost.flops for cost in costs if cost.flops]
    return 3 * sum(products) - sum(products[:1])


def _num_entries(weights: Sequence[keras.Variable]) -> int:
    """Total number of entries in the weights."""
    return sum(math.prod(weight.shape) for weight in weights)


def _multiply_adds(
    layer: keras.layers.Layer,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
) -> int:
    """Number of products in one layer for one image."""
    kernels = [w for w in layer.weights if "kernel" in w.name]
    if not kernels:
        return 0
    if isinstance(layer, (keras.layers.Conv2DTranspose, UnpoolConv2D)):
        pixels = input_shape[1:3]
    elif isinstance(layer, keras.layers.Conv2D):
        pixels = output_shape[1:3]
    else:
        raise ValueError(
            "Products are counted for convolutions only. Received: layer "
            f"{layer.name!r}, a {type(layer).__name__} with a kernel."
        )
    return math.prod(pixels) * sum(math.prod(kernel.shape) for kernel in kernels)
