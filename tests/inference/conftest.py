"""Fixtures of the tests of predictions."""

from tests.fixtures.prediction_program import run_predict  # noqa: F401
