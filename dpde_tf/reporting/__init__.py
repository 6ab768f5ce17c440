"""The paper's tables and figures, published values, and reports of runs.

Uses `data`, `runs`, `models`, `metrics`, `evaluation`, `visualization`.
"""
