import keras
import numpy as np
import references
import tensorflow as tf

from experiments.train_end_to_end import EndToEnd, errors, train

SIZE = (24, 33)


def _network(channels):
    """A network too small to be good at anything, but with weights to train."""
    image = keras.Input([None, None, 3])
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    return keras.Model(image, keras.layers.Conv2D(channels, 3, padding="same")(x))


def test_training_through_the_fusion_lowers_its_loss_and_reaches_both_networks(rng):
    truth = references.scene_batch(rng, SIZE, num_scenes=2, dtype=np.float32)[0]
    truth[0, :4] = 0  # Not measured.
    batch = {
        "image": tf.constant(np.repeat(truth / 6, 3, axis=3)),
        "depth": tf.constant(truth),
    }
    model = EndToEnd(_network(1), _network(2))
    model(batch["image"])
    before = [v.numpy() for v in model.trainable_variables]
    losses = train(model, [batch], steps=4, learning_rate=1e-3)
    assert np.all(np.diff(losses) < 0)
    assert float(errors(model, batch)[1]) < losses[-1]
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.any(old != variable.numpy()), variable.path
