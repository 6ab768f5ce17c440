"""The tables of the paper, each beside what the paper and others say.

`costs` makes Table 5; `formats` writes a table as Markdown, CSV and LaTeX.
"""
