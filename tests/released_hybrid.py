"""The released hybrid by its own graph, layer by layer, with random weights.

Kernels are [out, in, rows, columns].
"""

import numpy as np
import tensorflow as tf
from released_layers import (
    BLOCKS,
    FILTERS,
    INTERLEAVED,
    SKIPS,
    convolve,
    interleave,
    random_kernel,
    random_norm,
    random_values,
    square,
)


def random_arrays(rng):
    """A state dictionary with random values that keep the features at the size of 1."""
    arrays = {}

    def convolution(name, rows, columns, inputs, outputs, *, bias):
        kernel = random_kernel(rng, rows, columns, inputs, outputs)
        arrays[f"{name}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        if bias:
            arrays[f"{name}.bias"] = random_values(rng, outputs)

    def norm(name, channels):
        parts = ("weight", "bias", "running_mean", "running_var")
        for part, value in zip(parts, random_norm(rng, channels), strict=True):
            arrays[f"{name}.{part}"] = value
        arrays[f"{name}.num_batches_tracked"] = np.array(7, np.int64)

    convolution("conv1", 7, 7, 3, 64, bias=False)
    norm("bn1", 64)
    inputs = 64
    for layer, count in enumerate(BLOCKS.values(), start=1):
        inner = 32 * 2**layer
        for block in range(count):
            name = f"layer{layer}.{block}"
            sizes = ((1, inputs, inner), (3, inner, inner), (1, inner, 4 * inner))
            for number, (size, n, m) in enumerate(sizes, start=1):
                convolution(f"{name}.conv{number}", size, size, n, m, bias=False)
                norm(f"{name}.bn{number}", m)
            if block == 0:
                shape = (1, 1, inputs, 4 * inner)
                convolution(f"{name}.downsample.0", *shape, bias=False)
                norm(f"{name}.downsample.1", 4 * inner)
            inputs = 4 * inner
    convolution("conv2", 1, 1, 2048, 1024, bias=True)
    norm("bn2", 1024)
    for number, (m, skip) in enumerate(zip(FILTERS, SKIPS, strict=True), start=1):
        name = f"up_proj{number}"
        for unpool, branch in (("main", "main"), ("res", "residual")):
            for letter, rows, columns in INTERLEAVED:
                place = f"{name}.{branch}_branch.0.conv_{letter}"
                convolution(place, rows, columns, 2 * m, m, bias=True)
                # The same module, under a second name.
                for part in ("weight", "bias"):
                    again = f"{name}.unpool_{unpool}.conv_{letter}.{part}"
                    arrays[again] = arrays[f"{place}.{part}"]
            norm(f"{name}.{branch}_branch.1", m)
        convolution(f"{name}.main_branch.3", 3, 3, m, m, bias=True)
        norm(f"{name}.main_branch.4", m)
        convolution(f"con_conv{number}.conv", 1, 1, skip + m, m, bias=True)
    convolution("conv3", 3, 3, 64, 1, bias=True)
    arrays["conv3.bias"][:] = 0.5
    return arrays


def forward(arrays, image):
    """The depth that the released hybrid gives for RGB in [0, 1]."""

    def convolution(x, name, **options):
        kernel = arrays[f"{name}.weight"].transpose(2, 3, 1, 0)
        return convolve(x, kernel, arrays.get(f"{name}.bias"), **options)

    def norm(x, name):
        mean, variance, scale, offset = (
            arrays[f"{name}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-5)

    def bottleneck(x, layer, block):
        name = f"layer{layer}.{block}"
        stride = 2 if block == 0 and layer > 1 else 1
        y = tf.nn.relu(norm(convolution(x, f"{name}.conv1"), f"{name}.bn1"))
        y = convolution(y, f"{name}.conv2", stride=stride, pad=square(1))
        y = tf.nn.relu(norm(y, f"{name}.bn2"))
        y = norm(convolution(y, f"{name}.conv3"), f"{name}.bn3")
        if block == 0:
            x = convolution(x, f"{name}.downsample.0", stride=stride)
            x = norm(x, f"{name}.downsample.1")
        return tf.nn.relu(x + y)

    def unpool(x, name):
        return interleave(
            convolution(x, f"{name}.conv_A", pad=square(1)),
            convolution(x, f"{name}.conv_B", pad=((0, 1), (1, 1))),
            convolution(x, f"{name}.conv_C", pad=((1, 1), (0, 1))),
            convolution(x, f"{name}.conv_D", pad=((0, 1), (0, 1))),
        )

    x = (image - [0.485, 0.456, 0.406]) / np.float32([0.229, 0.224, 0.225])
    x = convolution(tf.cast(x, tf.float32), "conv1", stride=2, pad=square(3))
    x = tf.nn.relu(norm(x, "bn1"))
    skips = [x]
    x = tf.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    x = tf.nn.max_pool2d(x, 3, 2, "VALID")
    for layer, count in enumerate(BLOCKS.values(), start=1):
        for block in range(count):
            x = bottleneck(x, layer, block)
        skips.append(x)
    x = norm(convolution(x, "conv2"), "bn2")
    for number, skip in enumerate(skips[3::-1], start=1):
        name = f"up_proj{number}"
        main = norm(unpool(x, f"{name}.main_branch.0"), f"{name}.main_branch.1")
        main = tf.nn.relu(main)
        main = convolution(main, f"{name}.main_branch.3", pad=square(1))
        main = norm(main, f"{name}.main_branch.4")
        residual = unpool(x, f"{name}.residual_branch.0")
        x = tf.nn.relu(main + norm(residual, f"{name}.residual_branch.1"))
        x = convolution(tf.concat([skip, x], 3), f"con_conv{number}.conv")
    return tf.nn.relu(convolution(x, "conv3", pad=square(1)))
