"""Initialisers of the networks, which draw no random numbers if weights are loaded."""

import contextlib
import contextvars
from collections.abc import Iterator

import keras

_zeros = contextvars.ContextVar("zeros", default=False)


@contextlib.contextmanager
def without_drawing() -> Iterator[None]:
    """Initialises networks built in the block with zeros, to load weights afterwards.

    Drawing 75 million random numbers would take seconds.

    Yields:
        Nothing.
    """
    token = _zeros.set(True)
    try:
        yield
    finally:
        _zeros.reset(token)


def initial(initializer: str | keras.Initializer) -> str | keras.Initializer:
    """Returns the initialiser, or `zeros` inside `without_drawing`.

    Args:
        initializer: Initialiser of Keras, or its name.

    Returns:
        Initialiser for a layer.
    """
    return "zeros" if _zeros.get() else initializer
