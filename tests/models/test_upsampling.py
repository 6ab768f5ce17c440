"""Tests of dpde_tf.models.upsampling."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import GuidedNetworkConfig
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.models.crop import CropLike
from dpde_tf.models.guided import build_guided_network
from dpde_tf.models.upsampling import BilinearUpsampling


def test_bilinear_upsampling_worked_value():
    # New pixels are a quarter of an old pixel from its centre; the border is repeated.
    enlarged = BilinearUpsampling()(tf.constant([[1.0, 3.0]])[None, ..., None])
    row = [1.0, 1.5, 2.5, 3.0]
    np.testing.assert_allclose(enlarged[0, ..., 0], [row, row], rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 4)])
def test_bilinear_upsampling_equals_keras(rng, size):
    x = rng.normal(size=[2, *size, 3]).astype(np.float32)
    expected = keras.layers.UpSampling2D(interpolation="bilinear")(x)
    np.testing.assert_array_equal(BilinearUpsampling()(x), expected)


def test_bilinear_upsampling_accepts_any_size_in_one_graph(rng):
    layer = BilinearUpsampling()
    graph = tf.function(
        layer, input_signature=[tf.TensorSpec([None, None, None, 2], tf.float32)]
    )
    for size in ((4, 6), (6, 4), (1, 7)):
        x = rng.normal(size=[1, *size, 2]).astype(np.float32)
        np.testing.assert_allclose(graph(x), layer(x), rtol=1e-6)
    assert graph.experimental_get_tracing_count() == 1


def test_bilinear_upsampling_knows_its_shape_and_type():
    layer = BilinearUpsampling(dtype="bfloat16")
    assert layer.compute_output_shape((None, 3, None, 7)) == (None, 6, None, 7)
    assert layer(tf.zeros([1, 2, 2, 1], tf.bfloat16)).dtype == tf.bfloat16


@pytest.fixture
def network():
    """A tiny U-shaped network: halved, enlarged, cropped, joined, convolved."""
    image = keras.Input((None, None, 3))
    small = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    x = CropLike()([BilinearUpsampling()(small), image])
    x = keras.layers.Concatenate()([x, image])
    return keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(x))


def test_convolutions_of_any_size_are_not_compiled_with_xla(network):
    """Keras does that, for each size again, if it does not know the channels."""
    graph = tf.function(network).get_concrete_function(tf.TensorSpec([None] * 3 + [3]))
    kinds = [operation.type for operation in graph.graph.get_operations()]
    assert kinds.count("Conv2D") == 2
    assert not any("PartitionedCall" in kind for kind in kinds)


def test_predictor_accepts_any_mix_of_sizes(network, rng):
    predictor = DepthPredictor(network)
    for size in ((64, 96), (96, 64), (33, 41), (64, 96)):
        # Four images of a size are predicted in a graph.
        image = rng.uniform(0, 1, [4, *size, 3]).astype(np.float32)
        depth = predictor.predict(image)["depth"]
        np.testing.assert_allclose(depth, network(image)[..., 0], atol=1e-5)


def test_network_of_dynamic_size_can_be_exported(network, tmp_path, rng):
    network.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    for size in ((4, 6), (6, 4), (5, 9)):
        image = rng.uniform(0, 1, [2, *size, 3]).astype(np.float32)
        np.testing.assert_allclose(exported.serve(image), network(image), atol=1e-6)


def test_guided_network_accepts_any_size_in_one_graph(rng):
    network = build_guided_network(GuidedNetworkConfig(guided_width=2))
    network.layers[-2].set_weights([rng.normal(size=(3, 3, 2, 1)), np.zeros(1)])
    shape = [None, None, None]
    graph = tf.function(
        network,
        input_signature=[
            {
                "image": tf.TensorSpec([*shape, 3]),
                "coarse_depth": tf.TensorSpec([*shape, 1]),
            }
        ],
    )
    for height, width in ((32, 48), (48, 32), (33, 41)):
        image = rng.uniform(0, 1, [1, height, width, 3]).astype(np.float32)
        depth = rng.uniform(1, 5, [1, height, width, 1]).astype(np.float32)
        inputs = {"image": image, "coarse_depth": depth}
        sharp = graph(inputs)
        assert np.abs(sharp - depth).max() > 0.01
        np.testing.assert_allclose(sharp, network(inputs), rtol=1e-4)
