"""Tests of the messages of bad steps, and of signals."""

import os
import signal

import numpy as np
import pytest

from dpde_tf.training.bad_steps import bad_step
from dpde_tf.training.stop_signals import StopSignals


def test_bad_step_names_images_with_a_bad_loss():
    def message(losses, norm=1.0, limit=np.inf):
        return str(bad_step(6, ["a", "b"], np.array(losses), norm, limit=limit))

    assert "Step 7 is bad: loss nan, gradient" in message([1.0, np.nan])
    assert "by image: b: nan. The" in message([1.0, np.nan])
    assert "loss 50.5 (limit 3)" in message([1.0, 100.0], limit=3.0)
    assert "by image: b: 100. The" in message([1.0, 100.0], limit=3.0)
    assert "norm inf; loss by image: a: 1, b: 2. The" in message([1.0, 2.0], np.inf)


def test_second_signal_has_its_usual_effect(capfd):
    with StopSignals() as stop, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.received == signal.SIGINT
        os.kill(os.getpid(), signal.SIGINT)
    assert "SIGINT: stopping after this step." in capfd.readouterr().err
