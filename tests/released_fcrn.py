"""The released FCRN by its own graph, layer by layer, with random weights.

{layer: {"weights", "biases"}} and {layer: {"scale", "offset", "mean", "variance"}}.
"""

import tensorflow as tf
from released_layers import (
    BLOCKS,
    FILTERS,
    INTERLEAVED,
    convolve,
    interleave,
    random_kernel,
    random_norm,
    random_values,
    square,
)


def random_layers(rng):
    """Layers with random values that keep the features at the size of 1."""
    layers = {}

    def convolution(name, rows, columns, inputs, outputs, *, bias):
        layers[name] = {"weights": random_kernel(rng, rows, columns, inputs, outputs)}
        if bias:
            layers[name]["biases"] = random_values(rng, outputs)

    def norm(name, channels):
        scale, offset, mean, variance = random_norm(rng, channels)
        layers[name] = {
            "scale": scale,
            "offset": offset,
            "mean": mean,
            "variance": variance,
        }

    convolution("conv1", 7, 7, 3, 64, bias=True)
    # The network sees values up to 255.
    layers["conv1"]["weights"] /= 128
    norm("bn_conv1", 64)
    inputs = 64
    for stage, count in BLOCKS.items():
        inner = 32 * 2 ** (stage - 1)
        for letter in "abcdef"[:count]:
            sizes = [("2a", 1, inputs, inner), ("2b", 3, inner, inner)]
            sizes += [("2c", 1, inner, 4 * inner)]
            if letter == "a":
                sizes += [("1", 1, inputs, 4 * inner)]
            for branch, size, n, m in sizes:
                layer = f"{stage}{letter}_branch{branch}"
                convolution(f"res{layer}", size, size, n, m, bias=False)
                norm(f"bn{layer}", m)
            inputs = 4 * inner
    convolution("layer1", 1, 1, 2048, 1024, bias=True)
    norm("layer1_BN", 1024)
    for number, outputs in enumerate(FILTERS, start=1):
        size, inputs = f"layer{2**number}x", 2 * outputs
        for branch in ("br1", "br2"):
            for letter, rows, columns in INTERLEAVED:
                name = f"{size}_{branch}_Conv{letter}"
                convolution(name, rows, columns, inputs, outputs, bias=True)
            norm(f"{size}_{branch}_BN", outputs)
        convolution(f"{size}_Conv", 3, 3, outputs, outputs, bias=True)
        norm(f"{size}_BN", outputs)
    convolution("ConvPred", 3, 3, 64, 1, bias=True)
    layers["ConvPred"]["biases"][:] = 0.5
    return layers


def forward(layers, image):
    """The depth that the released FCRN gives for RGB in [0, 255]."""

    def convolution(x, name, **options):
        layer = layers[name]
        return convolve(x, layer["weights"], layer.get("biases"), **options)

    def norm(x, name):
        p = layers[name]
        return tf.nn.batch_normalization(
            x, p["mean"], p["variance"], p["offset"], p["scale"], 1e-4
        )

    def bottleneck(x, stage, letter):
        name = f"{stage}{letter}_branch"
        stride = 2 if letter == "a" and stage > 2 else 1
        y = convolution(x, f"res{name}2a", stride=stride)
        y = tf.nn.relu(norm(y, f"bn{name}2a"))
        y = convolution(y, f"res{name}2b", pad=square(1))
        y = tf.nn.relu(norm(y, f"bn{name}2b"))
        y = norm(convolution(y, f"res{name}2c"), f"bn{name}2c")
        if letter == "a":
            x = convolution(x, f"res{name}1", stride=stride)
            x = norm(x, f"bn{name}1")
        return tf.nn.relu(x + y)

    def unpool(x, name):
        maps = (
            convolution(x, f"{name}_ConvA", pad=square(1)),
            convolution(x, f"{name}_ConvB", pad=((1, 0), (1, 1))),
            convolution(x, f"{name}_ConvC", pad=((1, 1), (1, 0))),
            convolution(x, f"{name}_ConvD", pad=((1, 0), (1, 0))),
        )
        return norm(interleave(*maps), f"{name}_BN")

    x = convolution(image, "conv1", stride=2, pad=square(3))
    x = tf.nn.relu(norm(x, "bn_conv1"))
    x = tf.nn.max_pool2d(x, 3, 2, "SAME")
    for stage, count in BLOCKS.items():
        for letter in "abcdef"[:count]:
            x = bottleneck(x, stage, letter)
    x = norm(convolution(x, "layer1"), "layer1_BN")
    for size in ("2x", "4x", "8x", "16x"):
        branch1 = tf.nn.relu(unpool(x, f"layer{size}_br1"))
        branch1 = convolution(branch1, f"layer{size}_Conv", pad=square(1))
        branch1 = norm(branch1, f"layer{size}_BN")
        x = tf.nn.relu(branch1 + unpool(x, f"layer{size}_br2"))
    return tf.nn.relu(convolution(x, "ConvPred", pad=square(1)))
