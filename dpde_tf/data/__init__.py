"""Record sets, their manifests, and the input pipeline for training.

Uses `config` and `files`.
"""

from dpde_tf.data.dataset import load_dataset

__all__ = ["load_dataset"]
