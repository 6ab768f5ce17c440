"""Settings of the tests of the fusion."""

import sys

import pytest

from dpde_tf.fusion import irls


@pytest.fixture(autouse=True)
def _compiled_on_request_only(monkeypatch):
    """The fusion is not compiled in the middle of a test; XLA takes seconds a size."""
    monkeypatch.setattr(irls, "_XLA_FROM", sys.maxsize)


@pytest.fixture
def compiled(monkeypatch):
    """The fusion is compiled with XLA, as for the many images of a folder."""
    monkeypatch.setattr(irls, "_XLA_FROM", 1)
