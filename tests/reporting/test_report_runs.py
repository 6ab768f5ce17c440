import keras
import numpy as np
import pytest

from dpde_tf.reporting.report import runs


def test_count_parameters_is_keras_count_without_the_optimizer(tmp_path):
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(4, 3, name="convolution")(inputs)
    network = keras.Model(inputs, keras.layers.BatchNormalization()(x))
    network.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    network.train_on_batch(np.ones((1, 6, 6, 3)), np.ones((1, 4, 4, 4)))
    network.save_weights(tmp_path / "a.weights.h5")
    # 3 * 9 * 4 + 4 and 4 times 4, two of which are moving averages.
    assert runs.count_parameters(tmp_path / "a.weights.h5") == 112 + 16
    assert network.count_params() == 112 + 16
    (tmp_path / "a.weights.h5").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"a\.weights\.h5 is not a readable HDF5 file"):
        runs.count_parameters(tmp_path / "a.weights.h5")
