"""Prediction: networks on images and their fusion; refinement of other depth.

Uses `data`, `runs`, `fusion`, `metrics` (alignment only), `visualization`.
"""
