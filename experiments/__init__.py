"""Entry points: train, predict, evaluate, report, benchmark."""

from dpde_tf.keras_settings import set_up_keras

set_up_keras()
