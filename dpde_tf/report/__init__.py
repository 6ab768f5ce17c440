"""The report: runs, scores and pictures beside the paper's numbers.

`runs` reads folders, `scores`, `settings` and `pictures` turn them into `blocks`,
`contents` puts these in order, and `html` and `markdown` write them, so that both pages
hold the same numbers.
"""
