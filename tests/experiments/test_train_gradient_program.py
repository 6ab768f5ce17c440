"""Tests of the flags of `experiments.train_gradient`."""

import pytest
from absl import app

from experiments import train_gradient
from tests.fixtures.program_flags import flags_of


def test_options_of_another_network_are_refused():
    match = "--guided_width needs --gradient_network=guided"
    with flags_of(train_gradient) as run, pytest.raises(app.UsageError, match=match):
        run(records="r", workdir="w", guided_width=4)
