"""Figures 3 to 8 of the paper, of any predictions.

`examples` holds the images and what was predicted for them, `comparison` makes Figs. 3,
4, 5 and 8, `views` Figs. 6 and 7, `overview` the picture of the README.
"""
