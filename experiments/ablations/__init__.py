"""Programs that measure what a part of the method contributes.

`fusion_ablation` fuses predictions with other gradients, and `gradient_scores` scores
the gradients themselves. `make ablation` runs both.
"""
