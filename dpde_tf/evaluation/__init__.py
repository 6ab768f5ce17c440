"""Scores of predictions: protocols, scores per image, bootstrap intervals.

Uses `data`, `metrics`.
"""
