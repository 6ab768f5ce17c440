"""Initial values of the networks, which are not drawn where weights are loaded."""

import contextlib
import contextvars
from collections.abc import Iterator

import keras

_zeros = contextvars.ContextVar("zeros", default=False)


@contextlib.contextmanager
def without_drawing() -> Iterator[None]:
    """Builds the networks of the block with zeros, for weights that are loaded.

    Drawing 75 million random numbers takes seconds.

    Yields:
        Nothing.
    """
    token = _zeros.set(True)
    try:
        yield
    finally:
        _zeros.reset(token)


def initial(initializer: str | keras.Initializer) -> str | keras.Initializer:
    """Returns an initialiser, or that of zeros inside `without_drawing`.

    Args:
        initializer: Anything that Keras takes.

    Returns:
        What a layer takes.
    """
    return "zeros" if _zeros.get() else initializer
