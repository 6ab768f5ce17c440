"""Record sets, their manifest, and the input pipeline of a training.

Uses `files`.
"""

from dpde_tf.data.dataset import load_dataset

__all__ = ["load_dataset"]
