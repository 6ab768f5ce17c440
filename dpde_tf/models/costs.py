"""What a network costs: parameters and arithmetic, layer by layer."""

import dataclasses
import math
from collections.abc import Sequence

import keras

from dpde_tf.models.unpool_convolution import UnpoolConv2D


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """The cost of one layer for one image.

    Attributes:
        name: Of the layer.
        kind: Name of its class.
        output_shape: (height, width, channels).
        num_parameters: All weights, with the moving averages of batch normalisation.
        num_trainable: Those of them that training changes.
        num_multiply_adds: Products of a convolution in the forward pass, each with its
            addition; 0 for layers without a kernel, whose work is small beside it.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_parameters: int
    num_trainable: int
    num_multiply_adds: int

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass: two a multiply-add."""
        return 2 * self.num_multiply_adds


def layer_costs(network: keras.Model, image_size: tuple[int, int]) -> list[LayerCost]:
    """Returns the cost of each layer for one image, from input to output.

    A convolution multiplies every kernel entry at every output pixel, those that meet
    the zeros of a 'same' padding included, as is usual. A transposed convolution
    multiplies every kernel entry with every input pixel: no product with the zeros
    between the pixels counts, nor is computed.

    Args:
        network: A functional model of one RGB image, of any or of this size.
        image_size: (height, width), pixels.

    Returns:
        One entry a layer; operations that are not layers, such as slices, cost nothing.

    Raises:
        ValueError: If a layer of another kind than convolutions has a kernel.
    """
    layers = [x for x in network.layers if not isinstance(x, keras.layers.InputLayer)]
    tensors = []
    for layer in layers:
        tensors += [keras.tree.flatten(layer.input)[0], layer.output]
    height, width = image_size
    probe = keras.Model(network.inputs, tensors)
    shapes = probe.compute_output_shape((1, height, width, 3))
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

    The gradient by the kernel and the gradient by the input take as many products each
    as the forward pass. The first convolution needs none by its input, the image.

    Args:
        costs: Of a network, all of whose kernels are trained, from `layer_costs`.

    Returns:
        Three times the forward pass, without that of the first convolution once.
    """
    products = [cost.flops for cost in costs if cost.flops]
    return 3 * sum(products) - sum(products[:1])


def _num_entries(weights: Sequence[keras.Variable]) -> int:
    """Numbers in all the weights together."""
    return sum(math.prod(weight.shape) for weight in weights)


def _multiply_adds(
    layer: keras.layers.Layer,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
) -> int:
    """Products of one layer for one image."""
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
