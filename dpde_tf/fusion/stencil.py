"""Neighbours of each pixel, and sums over an image, in a form that XLA compiles well.

An image is `[H, W]`; its padded form `[H + 2, W]` has a row of zeros above and below.
The lines and blocks below allow XLA to fuse everything into vectorised loops over rows.
"""

import functools

import tensorflow as tf

# A sum over a whole image is a sequential chain of additions. Adding eight blocks of
# rows is vectorised; only the sum of the result, an eighth of the size, is a chain.
ROW_BLOCKS = 8


class Neighbours:
    """The pixels of a padded image and their neighbours, each `[H, W]`.

    Each is made when it is first used, since a graph takes time to make.

    Rows continue in the next row: the right neighbour of the last column is the first
    pixel of the row below. Callers must give it the weight 0.
    """

    def __init__(self, padded: tf.Tensor) -> None:
        """Takes the image.

        Args:
            padded: `[H + 2, W]`.
        """
        self._padded = padded

    @functools.cached_property
    def here(self) -> tf.Tensor:
        """The pixels themselves."""
        return self._padded[1:-1]

    @functools.cached_property
    def below(self) -> tf.Tensor:
        """The lower neighbours."""
        return self._padded[2:]

    @functools.cached_property
    def above(self) -> tf.Tensor:
        """The upper neighbours."""
        return self._padded[:-2]

    @functools.cached_property
    def right(self) -> tf.Tensor:
        """The right neighbours."""
        return self._line(self._padded[1:], 1)

    @functools.cached_property
    def left(self) -> tf.Tensor:
        """The left neighbours."""
        return self._line(self._padded[:-1], _size(self.here)[1] - 1)

    def _line(self, rows: tf.Tensor, offset: int | tf.Tensor) -> tf.Tensor:
        """All pixels from an offset on, as an image.

        The offset stays below one row: XLA then sees that the pixels are contiguous.
        """
        height, width = _size(self.here)
        shifted = tf.reshape(rows, [-1])[offset : offset + height * width]
        return tf.reshape(shifted, [height, width])


def fill_rows(image: tf.Tensor) -> tf.Tensor:
    """Returns an image with rows of zeros below, so that it splits into blocks.

    Args:
        image: `[H, W]`.

    Returns:
        The image, with its height rounded up to a multiple of `ROW_BLOCKS`.
    """
    return tf.pad(image, [[0, -tf.shape(image)[0] % ROW_BLOCKS], [0, 0]])


def pad_rows(image: tf.Tensor) -> tf.Tensor:
    """Returns an image `[H, W]` with a row of zeros above and below, `[H + 2, W]`."""
    return tf.pad(image, [[1, 1], [0, 0]])


def inner_product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Returns the sum of the products of two images.

    Args:
        a: `[H, W]`, H a multiple of `ROW_BLOCKS`.
        b: Image of the same shape.

    Returns:
        Scalar.
    """
    pairs = zip(tf.split(a, ROW_BLOCKS), tf.split(b, ROW_BLOCKS), strict=True)
    return tf.reduce_sum(tf.add_n([x * y for x, y in pairs]))


def _size(image: tf.Tensor) -> tuple[int | tf.Tensor, int | tf.Tensor]:
    """Returns (H, W), as numbers if they are static."""
    if image.shape.is_fully_defined():
        return tuple(image.shape)
    return tuple(tf.unstack(tf.shape(image)))
