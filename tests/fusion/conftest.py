"""Settings of the tests of the fusion."""

import pytest

from dpde_tf.fusion import irls


@pytest.fixture
def compiled(monkeypatch):
    """The fusion is compiled with XLA, as for the many images of a folder."""
    monkeypatch.setattr(irls, "XLA_FROM", 1)
