"""Converters from the raw data sets to record sets."""

import dpde_tf  # noqa: F401  Before Keras, which it sets up.
