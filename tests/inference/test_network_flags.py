"""Tests of options that need networks which there are not."""

import pytest
from absl import app

from dpde_tf.cli import network_flags, predict
from tests.fixtures.program_flags import flags_of

DEPTH, GRADIENT = "depth_network", "gradient_network"
CONTEXT, GUIDED = "context_network", "guided_network"


@pytest.mark.parametrize(
    ("networks", "option", "needs"),
    [
        ([DEPTH, GRADIENT], {"sharpening": 2.0}, "a guided network"),
        ([DEPTH, GUIDED], {"context_share": 1.0}, "a context network"),
        ([DEPTH, GUIDED], {"max_uncertainty": 0.3}, "a context network"),
        ([DEPTH, GRADIENT], {"uncertainty_constant": 0.3}, "a context network"),
        ([DEPTH], {"max_uncertainty": 0.3}, "a context network"),
    ],
)
def test_option_without_its_network_is_refused(monkeypatch, networks, option, needs):
    def check():
        network_flags.check_network_options([DEPTH, GRADIENT, CONTEXT, GUIDED])
        name = next(iter(option))
        if name != "max_uncertainty":  # `make` passes the others to FCRN, too.
            network_flags.check_network_options([DEPTH])
        with pytest.raises(app.UsageError, match=f"--{name} needs {needs}"):
            network_flags.check_network_options(networks)

    monkeypatch.setattr(predict, "main", lambda argv: check())
    with flags_of(predict) as run:
        run(images="a.jpg", **option)
