"""Figures 3 to 8 of the paper, for any predictions.

`columns` selects the predictions to show, `comparison` draws Figs. 3, 4, 5 and 8,
`views` draws Figs. 6 and 7, `overview` the picture of the README.
"""
