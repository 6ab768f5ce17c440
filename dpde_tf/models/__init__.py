"""Networks and their layers: modified FCRN, gradient, context and guided network.

Uses `config` and `fusion` (image gradients only).
"""

from dpde_tf.models.builders import (
    context_network,
    fcrn,
    gradient_network,
    guided_gradient_network,
    modified_fcrn,
)

__all__ = [
    "context_network",
    "fcrn",
    "gradient_network",
    "guided_gradient_network",
    "modified_fcrn",
]
