"""Fusion of a depth map with depth gradients (Eqs. 5 and 6 of the paper).

`energy` has Eq. 5 and its linear system, `irls_steps` the iterations, `irls` the
function for batches, `conjugate_gradient` the solver, `implicit_gradient` the
derivative, and `sequential` the way in which one image runs without XLA. Any depth and
gradients can be fused; no network is needed.

Uses no other package of the library.
"""

from dpde_tf.fusion.irls import (
    TO_CONVERGENCE,
    FusionResult,
    fuse_depth_and_gradients,
)

__all__ = ["TO_CONVERGENCE", "FusionResult", "fuse_depth_and_gradients"]
