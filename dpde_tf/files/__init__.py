"""Files: atomic writes, locks, errors, images, depth maps, gradients and predictions.

Uses no other package of the library.
"""
