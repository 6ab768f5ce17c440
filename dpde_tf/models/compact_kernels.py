"""Convolutions that keep their kernels in whole numbers until they are used.

One prediction without graphs then takes a quarter of the memory for weights: kernels
are restored one after another, and freed. The second one, or a graph, restores them for
good.
"""

import contextlib
import contextvars
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

SCALE = ".scale"
"""Ends the name of the scales of a kernel in whole numbers."""

# Smaller arrays (biases, batch normalisation) keep float32: they are 1 % of all.
_MIN_SIZE = 4096
# Smaller kernels are int16: another 1 %.
_MIN_SIZE_INT8 = 40_000

_compact = contextvars.ContextVar("compact", default=False)


def code_dtype(shape: Sequence[int]) -> str | None:
    """Returns the type of the whole numbers that replace an array.

    Small kernels, which are near the input and the output of a network, cause most of
    the rounding error.

    Args:
        shape: Of the array.

    Returns:
        `int8`, `int16` for a small kernel, or None for an array that stays float32.
    """
    size = math.prod(shape)
    if len(shape) < 2 or size < _MIN_SIZE:
        return None
    return "int16" if size < _MIN_SIZE_INT8 else "int8"


@contextlib.contextmanager
def compact_kernels() -> Iterator[None]:
    """Builds the networks of the block with kernels in whole numbers.

    They can predict on one device, and neither be trained nor saved. The codes stay in
    memory, so from the second prediction on they take a quarter more than floats.

    Yields:
        Nothing.
    """
    token = _compact.set(True)
    try:
        yield
    finally:
        _compact.reset(token)


def layer_class(kind: type[keras.layers.Layer]) -> type[keras.layers.Layer]:
    """Returns the class of a layer with large kernels.

    Args:
        kind: Its class, such as `keras.layers.Conv2D`.

    Returns:
        `kind`; inside `compact_kernels` a subclass with kernels in whole numbers.
    """
    return _compact_class(kind) if _compact.get() else kind


@functools.cache
def _compact_class(kind: type[keras.layers.Layer]) -> type[keras.layers.Layer]:
    """The subclass of a layer."""
    bases = (_CompactLayer, kind)
    if issubclass(kind, keras.layers.Conv2D):
        # `call` of `kind`, if it has one, comes first and ends in that of the last.
        bases = (*(base for base in bases if base is not keras.layers.Conv2D), _Conv2D)
    return type(f"Compact{kind.__name__}", bases, {})


class _CompactLayer:
    """Mixin for layers whose kernels are in whole numbers."""

    def add_weight(self, *, shape: Sequence[int], name: str, **options: Any) -> Any:
        """Adds the whole numbers and the scales of a kernel, or any other weight."""
        dtype = code_dtype(shape)
        if dtype is None:
            return super().add_weight(shape=shape, name=name, **options)
        options = {"initializer": "zeros", "trainable": False, "autocast": False}
        codes = super().add_weight(shape=shape, name=name, dtype=dtype, **options)
        scale = super().add_weight(
            shape=shape[-1:], name=name + SCALE, dtype="float32", **options
        )
        return _Kernel(codes, scale, self.compute_dtype)

    def save_own_variables(self, store: Any) -> None:
        """Refuses to save or copy the network."""
        raise NotImplementedError(
            "A network that was loaded for prediction cannot be saved or copied. Load "
            "it with `dpde_tf.runs.trained_networks.load_network`."
        )


class _Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` in a third of the operations, for prediction."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the convolution."""
        outputs = tf.nn.conv2d(
            inputs,
            tf.convert_to_tensor(self.kernel),
            self.strides,
            self.padding.upper(),
            dilations=self.dilation_rate,
        )
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return self.activation(outputs)


class _Kernel:
    """A kernel that TensorFlow sees as a floating-point tensor."""

    def __init__(
        self, codes: keras.Variable, scale: keras.Variable, dtype: str
    ) -> None:
        """Takes the whole numbers, the scale of each channel, and the type to see."""
        self.shape = tf.TensorShape(codes.shape)
        self._codes, self._scale, self._dtype = codes, scale, dtype
        self._used = False
        self._restored: tf.Tensor | None = None

    def __tf_tensor__(
        self, dtype: tf.DType | None = None, name: str | None = None
    ) -> tf.Tensor:
        """Returns the kernel, and keeps it from the second time on."""
        if self._restored is not None:
            return self._restored
        with tf.init_scope():
            kernel = tf.cast(self._codes.value, tf.float32) * self._scale.value
            kernel = tf.cast(kernel, self._dtype)
        if self._used or tf.inside_function():
            self._restored = kernel
        self._used = True
        return kernel
