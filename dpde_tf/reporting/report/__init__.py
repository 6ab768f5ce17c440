"""The report: runs, scores and pictures beside the paper's numbers.

`runs` reads folders, `scores` (with `comparison`), `training` (with `curves`) and
`pictures` turn them into `blocks`, `deviations` says how they deviate from the paper's,
`contents` puts these in order, and `html` (with `style`) and `markdown` write them, so
that both pages hold the same numbers.
"""
