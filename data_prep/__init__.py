"""Converters from the raw data sets to record sets."""

from dpde_tf.keras_settings import set_up_keras

set_up_keras()
