"""The two networks of the paper: the modified FCRN and the gradient network."""
