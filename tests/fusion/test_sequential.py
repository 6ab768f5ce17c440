"""Tests of graphs whose operations run one after another."""

import time

import pytest
import tensorflow as tf

from dpde_tf.fusion.sequential import one_after_another


def test_operations_never_run_at_the_same_time():
    running, most = [], []

    def note(x):
        running.append(x)
        time.sleep(0.05)
        most.append(len(running))
        running.pop()
        return x

    def noted(x):
        options = {"Tout": tf.float32, "stateful": False}  # Stateful ones wait.
        return tf.add_n([tf.numpy_function(note, [x + i], **options) for i in range(4)])

    with one_after_another():
        assert tf.function(noted, autograph=False)(tf.constant(2.0)).numpy() == 14.0
    assert most == [1, 1, 1, 1]


def test_loops_run_and_an_error_ends_the_block():
    def double(x):
        return tf.while_loop(lambda x: x < 100.0, lambda x: [2.0 * x], [x])

    with one_after_another():
        assert tf.function(double)(tf.constant(3.0))[0].numpy() == 192.0
    with pytest.raises(KeyError), one_after_another():
        raise KeyError("in the block")
    assert tf.function(double)(tf.constant(3.0))[0].numpy() == 192.0


def test_with_a_gpu_nothing_changes(monkeypatch):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    before = tf.function(lambda x: x)(tf.constant(1.0))
    with one_after_another() as nothing:
        assert nothing is None
        assert tf.function(lambda x: x)(tf.constant(1.0)) == before
