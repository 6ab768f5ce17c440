"""Calls a network layer by layer, in less memory and time than Keras."""

from collections.abc import Callable

import keras
import tensorflow as tf


def call_network(network: keras.Model, inputs: object) -> tf.Tensor:
    """Returns `network(inputs, training=False)` in a fraction of the memory.

    Keras keeps the outputs of all layers until the last one is computed. They take 350
    MB for a depth network and one image of 240x320. Here, each output is freed after
    its last use. In a graph, this makes no difference. In float32, the layers
    are also called without the checks of Keras, which take a tenth of the time.

    Args:
        network: A functional model of one output.
        inputs: Its inputs.

    Returns:
        Its output.
    """
    nodes = [
        node
        for depth in sorted(network._nodes_by_depth, reverse=True)
        for node in network._nodes_by_depth[depth]
        if not node.is_input
    ]
    last_use = {id(x): node for node in nodes for x in node.input_tensors}
    casts = any(layer.compute_dtype != "float32" for layer in network.layers)
    values = {
        id(symbol): value
        for symbol, value in zip(
            network.inputs, network._standardize_inputs(inputs), strict=True
        )
    }
    for node in nodes:
        args, kwargs = node.arguments.fill_in(values)
        for x in node.input_tensors:
            if last_use[id(x)] is node:
                values.pop(id(x), None)
        apply: Callable = node.operation if casts else node.operation.call
        results = keras.tree.flatten(apply(*args, **kwargs))
        values |= dict(zip(map(id, node.outputs), results, strict=True))
    return values[id(network.outputs[0])]
