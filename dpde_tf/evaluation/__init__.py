"""Scores of predictions: protocols, scores of images, bootstrap intervals.

Uses `data`, `metrics`.
"""
