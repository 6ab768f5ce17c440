"""Report on runs: scores and pictures beside the numbers of the paper.

`runs` reads folders. `scores`, `training` (with `curves`), `pictures` and `figures`
turn them into blocks, `deviations` lists how the runs deviate from the paper,
`contents` puts all blocks in order, and `html` fills in the page
`page.html.jinja`.
`reporting.markdown` writes the same blocks as Markdown, so both pages hold the same
numbers.
"""
