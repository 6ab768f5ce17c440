"""Tables of the paper, each beside the numbers of others and of our runs.

`scored_runs` reads scores and how they were obtained, `scores` makes Tables 1 to 4,
`protocols` compares protocols, `costs` makes Table 5, and `formats` writes a table as
Markdown, CSV and LaTeX.
"""
