"""The two networks of the paper: the modified FCRN and the gradient network."""

from dpde_tf.keras_settings import set_up_keras

set_up_keras()
