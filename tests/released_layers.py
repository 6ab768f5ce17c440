"""What the graphs of the two released networks are made of, and random weights.

Written with plain TensorFlow operations, independently of the library: the four
convolutions of an up-projection are run and interleaved, every padding is explicit.
"""

import numpy as np
import tensorflow as tf

BLOCKS = {2: 3, 3: 4, 4: 6, 5: 3}
FILTERS = (512, 256, 128, 64)
SKIPS = (1024, 512, 256, 64)
# Convolution, rows, columns.
INTERLEAVED = (("A", 3, 3), ("B", 2, 3), ("C", 3, 2), ("D", 2, 2))


def convolve(x, kernel, bias=None, *, stride=1, pad=((0, 0), (0, 0))):
    """A convolution without other padding than the rows and columns of `pad`."""
    x = tf.pad(x, [(0, 0), *pad, (0, 0)])
    y = tf.nn.conv2d(x, kernel, stride, "VALID")
    return y if bias is None else y + bias


def interleave(a, b, c, d):
    """A on even rows and columns, B on odd rows, C on odd columns, D on both."""
    batch, height, width, channels = a.shape
    y = np.empty([batch, 2 * height, 2 * width, channels], np.float32)
    y[:, 0::2, 0::2], y[:, 1::2, 0::2] = a, b
    y[:, 0::2, 1::2], y[:, 1::2, 1::2] = c, d
    return y


def square(n):
    return ((n, n), (n, n))


def random_kernel(rng, rows, columns, inputs, outputs):
    """Of a deviation that keeps the size of rectified features."""
    shape = (rows, columns, inputs, outputs)
    deviation = np.float32(np.sqrt(2 / (rows * columns * inputs)))
    return deviation * rng.standard_normal(shape, np.float32)


def random_values(rng, channels):
    return rng.uniform(-0.5, 0.5, channels).astype(np.float32)


def random_norm(rng, channels):
    """Scale, offset, mean and variance; epsilon is a part of the sum that counts."""
    variance = rng.uniform(1e-5, 1e-3, channels).astype(np.float32)
    scale = np.sqrt(variance) * rng.uniform(0.3, 1.0, channels).astype(np.float32)
    return scale, random_values(rng, channels), random_values(rng, channels), variance
