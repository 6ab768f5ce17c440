"""Files: atomic writes, locks, errors; images, depth maps, gradients and predictions.

Uses nothing else of the library.
"""
