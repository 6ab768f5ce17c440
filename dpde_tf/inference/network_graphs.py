"""Graphs of networks for images of any size."""

from collections.abc import Callable

import tensorflow as tf


class NetworkGraphs:
    """One graph of each network for the first size of images, and one for all others.

    Several threads may use it.
    """

    def __init__(self) -> None:
        # By network and (height, width), None for any size.
        self._graphs: dict[tuple[str, tuple[int, int] | None], Callable] = {}

    def __call__(
        self, name: str, function: Callable, size: tuple[int, int]
    ) -> Callable:
        """Returns the graph of a network for any number of images.

        Args:
            name: Of the network; it is `sharp_depth` if depth `[B, H, W, 1]` follows
                the images `[B, H, W, 3]` in a tuple.
            function: The network, whose graph is made when it is first called.
            size: (height, width) of the images.

        Returns:
            A `tf.function`.
        """
        key = self._key(name, size)
        shape = [None, *(key[1] or (None, None))]
        inputs = tf.TensorSpec([*shape, 3])
        if name == "sharp_depth":
            inputs = inputs, tf.TensorSpec([*shape, 1])
        graph = tf.function(function, input_signature=[inputs], autograph=False)
        return self._graphs.setdefault(key, graph)

    def has(self, name: str, size: tuple[int, int]) -> bool:
        """Returns whether there is a graph of a network for images of a size."""
        return self._key(name, size) in self._graphs

    def _key(
        self, name: str, size: tuple[int, int]
    ) -> tuple[str, tuple[int, int] | None]:
        """The key of a graph."""
        names = [one for one, _ in list(self._graphs)]
        return (
            name,
            size if (name, size) in self._graphs or name not in names else None,
        )
