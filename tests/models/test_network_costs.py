"""Tests of the costs of networks."""

import keras
import pytest
import tensorflow as tf

from dpde_tf.config import GradientNetworkConfig
from dpde_tf.models.costs import LayerCost, layer_costs, training_flops
from dpde_tf.models.encoder import build_encoder
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.initial_values import without_drawing


def _small_network():
    """A convolution with stride, BN, a transposed convolution and a head."""
    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(image)
    x = keras.layers.BatchNormalization(name="bn")(x)
    x = keras.layers.Conv2DTranspose(
        6, 5, strides=2, padding="valid", use_bias=False, name="transposed"
    )(x)
    x = x[:, 2:, 2:]
    return keras.Model(image, keras.layers.Conv2D(1, 1, name="head")(x))


def test_layer_costs_by_hand():
    assert layer_costs(_small_network(), (7, 10)) == [
        # 4 x 5 output pixels, 3 x 3 x 3 x 4 = 108 kernel entries, 4 biases.
        LayerCost("conv", "Conv2D", (4, 5, 4), 112, 112, 20 * 108),
        LayerCost("bn", "BatchNormalization", (4, 5, 4), 16, 8, 0),
        # 2 n + 3 rows and columns; each of the 4 x 5 input pixels meets all entries.
        LayerCost("transposed", "Conv2DTranspose", (11, 13, 6), 600, 600, 20 * 600),
        # The slice has 9 x 11 pixels.
        LayerCost("head", "Conv2D", (9, 11, 1), 7, 7, 99 * 6),
    ]


def test_training_flops_by_hand():
    costs = layer_costs(_small_network(), (7, 10))
    # Two operations per product; three passes, except the gradient by the image.
    forward = 2 * (2160 + 12000 + 594)
    assert sum(cost.flops for cost in costs) == forward
    assert training_flops(costs) == 3 * forward - 2 * 2160
    assert training_flops([]) == 0


def test_layer_costs_of_frozen_layers_have_no_trainables():
    network = _small_network()
    network.get_layer("bn").trainable = False
    assert [cost.num_trainable for cost in layer_costs(network, (8, 8))] == [
        112,
        0,
        600,
        7,
    ]


def test_layer_costs_of_resnet_50_agree_with_he_et_al():
    with without_drawing():
        encoder = build_encoder(
            weights="none", batch_norm="trainable", batch_norm_momentum=0.9
        )
    costs = layer_costs(encoder, (224, 224))
    # He et al. (2016), Table 1: 3.8e9 multiply-adds, including 2048 x 1000 in the
    # classifier, which is missing here.
    products = sum(cost.num_multiply_adds for cost in costs)
    assert products / 1e9 == pytest.approx(3.8, abs=0.06)
    assert sum(cost.num_parameters for cost in costs) == encoder.count_params()


def _counted_by_tensorflow(function):
    """Operations that the profiler of TensorFlow counts, by kind of convolution."""
    graph = tf.function(function).get_concrete_function().graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    node = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    counted = {}
    while node.children:
        (node,) = node.children
        counted[node.name] = node.float_ops
    return {name: count for name, count in counted.items() if "Conv2D" in name}


def _training_step(network, image):
    """Forward and backward pass, with gradients by the weights only."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(image, training=True))
    return tape.gradient(loss, network.trainable_variables)


def test_flops_of_convolutions_equal_the_tensorflow_profiler():
    network = build_gradient_network(GradientNetworkConfig(width=4))
    image, costs = tf.ones([1, 7, 10, 3]), layer_costs(network, (7, 10))
    forward = _counted_by_tensorflow(lambda: network(image))
    assert forward == {"Conv2D": sum(cost.flops for cost in costs)}
    step = _counted_by_tensorflow(lambda: _training_step(network, image))
    # The traced graph still has the gradient by the image, which is not used.
    assert len(step) == 3
    assert sum(step.values()) == training_flops(costs) + costs[1].flops
    assert costs[1].name == "conv1"


def test_flops_of_transposed_convolution_equal_its_adjoint():
    # TensorFlow miscounts transposed convolutions, but the gradient by their input is a
    # convolution with the same products. With the two ordinary convolutions and without
    # their gradients, each layer is counted once.
    network = _small_network()
    image = tf.ones([1, 7, 10, 3])
    step = _counted_by_tensorflow(lambda: _training_step(network, image))
    forward = sum(cost.flops for cost in layer_costs(network, (7, 10)))
    assert step["Conv2D"] == forward


def test_layer_costs_reject_an_unknown_kernel():
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Dense(2, name="dense")(image))
    with pytest.raises(ValueError, match=r"layer 'dense', a Dense with a kernel"):
        layer_costs(network, (8, 8))
