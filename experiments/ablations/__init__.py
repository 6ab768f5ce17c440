"""Programs that measure what a part of the method contributes.

`fusion_ablation` fuses predictions with other gradients, and `gradient_scores` scores
the gradients themselves; `make ablation` runs both. `edge_images` writes a data set of
true edges, for the guided network.
"""
