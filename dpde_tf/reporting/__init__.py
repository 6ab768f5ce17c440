"""Tables and figures of the paper, published values, and reports of runs.

`paper_values`, `published_values` and `published_searches` hold published numbers,
`comparability` says which scores they compare with. `examples` and `run_records` hold
what is shown; `blocks`, `score_cells` and `markdown` write it for `figures`, `tables`
and `report`, which needs the libraries of `extra`.

Uses `data`, `runs`, `models`, `metrics`, `evaluation`, `visualization`.
"""
