"""Fusion of a depth map with depth gradients (Eqs. 5 and 6 of the paper).

It knows no networks: any depth and gradients can be fused.
"""

from dpde_tf.fusion.irls import (
    TO_CONVERGENCE,
    FusionResult,
    fuse_depth_and_gradients,
)

__all__ = ["TO_CONVERGENCE", "FusionResult", "fuse_depth_and_gradients"]
