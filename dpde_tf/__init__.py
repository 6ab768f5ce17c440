"""Detail-preserving monocular depth estimation (DPDE) in TensorFlow and Keras 3.

Xu, H. & Liu, N. (2021). Detail-preserving depth estimation from a single image
based on modified fully convolutional residual network and gradient network.
SN Applied Sciences 3:893. https://doi.org/10.1007/s42452-021-04882-0
"""

from dpde_tf.keras_settings import choose_backend

choose_backend()

__version__ = "0.1.0"
