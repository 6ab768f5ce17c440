"""Tests of the progress of a run."""

import numpy as np
import pytest

from dpde_tf.training.progress import Progress


def test_limit_follows_the_average_of_the_losses():
    progress = Progress()
    assert progress.loss_limit(100.0) == np.inf
    for loss in (2.0, 4.0):  # The second image has no depth.
        measured = np.array([1.0, 0.0])
        progress.add({"loss": np.array([loss, 99.0]), "measured": measured})
    assert progress.loss_limit(100.0) == pytest.approx(220.0)  # 0.9 * 2 + 0.1 * 4
    assert progress.means() == pytest.approx({"loss": 3.0, "measured": 0.5})
    assert progress.next_epoch().loss_limit(10.0) == pytest.approx(22.0)
