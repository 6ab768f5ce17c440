"""Hostile and broken input: what every reader does with it.

`hostile.all_cases.cases()` lists the cases; `python -m hostile`, with `tests` in
PYTHONPATH, tries all of them and prints a table.
"""
