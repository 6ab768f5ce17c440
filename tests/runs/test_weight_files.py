"""Files of weights that know their checksum."""

import keras
import numpy as np
import pytest

from dpde_tf.runs.run_folder import WEIGHTS_FILE
from dpde_tf.runs.weight_files import load_weights
from dpde_tf.training.checkpoints import save_weights

REMEDY = "Train again."


def _network(seed: int) -> keras.Model:
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(16, 3, name="conv")(image))
    generator = np.random.default_rng(seed)
    for variable in network.weights:
        variable.assign(generator.normal(size=variable.shape))
    return network


def test_saved_weights_are_loaded(tmp_path):
    written, read = _network(0), _network(1)
    save_weights(written, tmp_path / WEIGHTS_FILE)
    load_weights(read, tmp_path / "weights.weights.h5", remedy=REMEDY)
    for one, other in zip(written.get_weights(), read.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_flipped_bit_of_an_array_is_refused(tmp_path):
    network = _network(0)
    save_weights(network, tmp_path / WEIGHTS_FILE)
    path = tmp_path / "weights.weights.h5"
    content = bytearray(path.read_bytes())
    kernel = np.ascontiguousarray(network.get_weights()[0]).tobytes()
    place = content.index(kernel) + len(kernel) // 2
    content[place] ^= 1
    path.write_bytes(content)
    former = [value.copy() for value in network.get_weights()]
    with pytest.raises(ValueError, match=rf"weights.h5 is damaged: .* {REMEDY}"):
        load_weights(network, path, remedy=REMEDY)
    for one, other in zip(former, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_without_checksum_is_loaded(tmp_path):
    network = _network(0)
    network.save_weights(tmp_path / "w.weights.h5")
    other = _network(1)
    load_weights(other, tmp_path / "w.weights.h5", remedy=REMEDY)
    np.testing.assert_array_equal(other.get_weights()[0], network.get_weights()[0])
