"""Synthetic data sets: furnished rooms with exact depth, rendered with NumPy.

`rooms` makes a random room of `furniture` and `textures`, `scenes` renders it with
`geometry`, `layouts` and `raw_sets` write the files of the official data sets. Run the
program with `python -m data_prep.synthetic`.
"""
