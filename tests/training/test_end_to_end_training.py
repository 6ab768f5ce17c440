import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.training.end_to_end import (
    EndToEnd,
    comparison_table,
    errors,
    load_batches,
    train,
)
from tests.fixtures import references
from tests.fixtures.record_sets import write_small_record_set

SIZE = (24, 33)


def _network(channels):
    """A tiny network with weights to train."""
    image = keras.Input([None, None, 3])
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    return keras.Model(image, keras.layers.Conv2D(channels, 3, padding="same")(x))


@pytest.fixture
def batch(rng):
    truth = references.scene_batch(rng, SIZE, num_scenes=2, dtype=np.float32)[0]
    truth[0, :4] = 0  # Not measured.
    return {
        "image": tf.constant(np.repeat(truth / 6, 3, axis=3)),
        "depth": tf.constant(truth),
    }


def _trained(batch, *, resting=None, **options):
    """The model after a few steps, their losses, and the weights before them."""
    model = EndToEnd(_network(1), _network(2))
    if resting is not None:
        getattr(model, resting).trainable = False
    model(batch["image"])
    before = [w.numpy() for w in model.weights]
    losses = train(model, [batch], steps=4, learning_rate=1e-3, **options)
    return model, losses, before


def _has_changed(model, before):
    return {
        weight.path: bool(np.any(old != weight.numpy()))
        for old, weight in zip(before, model.weights, strict=True)
    }


@pytest.mark.slow
def test_training_through_the_fusion_changes_both_networks(batch):
    model, losses, before = _trained(batch)
    assert np.all(np.diff(losses) < 0)
    assert np.mean(errors(model, batch)["fused"]) < losses[-1]
    changed = _has_changed(model, before)
    assert all(changed.values()), changed


@pytest.mark.slow
def test_a_frozen_depth_network_keeps_its_depth(batch):
    model, losses, before = _trained(batch, resting="depth_network")
    assert np.all(np.diff(losses) < 0)
    changed = list(_has_changed(model, before).values())
    half = len(model.depth_network.weights)
    assert changed == [False] * half + [True] * half


@pytest.mark.slow
def test_loss_on_depth_leaves_the_gradient_network_alone(batch):
    model, losses, before = _trained(batch, resting="gradient_network", loss_on="depth")
    assert np.mean(errors(model, batch)["depth"]) < losses[-1] < losses[0]
    changed = list(_has_changed(model, before).values())
    half = len(model.depth_network.weights)
    assert changed == [True] * half + [False] * half


def test_errors_are_of_each_image_over_its_measured_pixels(batch):
    model = EndToEnd(_network(1), _network(2))
    depth, fused = model(batch["image"])
    truth = batch["depth"].numpy()
    for name, predicted in (("depth", depth), ("fused", fused)):
        expected = [
            np.abs(p - t)[t > 0].mean()
            for p, t in zip(predicted.numpy(), truth, strict=True)
        ]
        np.testing.assert_allclose(errors(model, batch)[name], expected, rtol=1e-5)


def test_comparison_table_is_hand_computed():
    # Changes of -1 and -3: -2 in the mean, sqrt(2) their deviation, / sqrt(2).
    before = {"held out, fused": np.array([4.0, 6.0]), "trained on, fused": np.ones(1)}
    after = {"held out, fused": np.array([3.0, 3.0]), "trained on, fused": np.ones(1)}
    assert comparison_table(before, after).splitlines() == [
        "| error of | before (m) | after (m) | change |",
        "|---|---|---|---|",
        "| held out, fused | 5.0000 | 3.0000 | -2.0000 +- 1.0000 |",
        "| trained on, fused | 1.0000 | 1.0000 | +0.0000 +- 0.0000 |",
    ]


def test_batches_are_evenly_spaced_images_of_both_kinds(tmp_path, rng):
    folder = write_small_record_set(tmp_path / "set", rng)
    records = RecordSet.open(folder, "train")
    options = {"num_validation": 3, "num_images": 2, "batch_size": 1}
    found = load_batches(records, **options)
    numbers = {
        kind: [int(batch["name"].numpy()[0][-3:]) for batch in batches]
        for kind, batches in found.items()
    }
    held_out = np.flatnonzero(records.hold_out(3)[1].selected)
    assert numbers["held out"] == [held_out[0], held_out[1]]
    assert not set(numbers["trained on"]) & set(held_out)
