"""Tries all cases and prints a table of entry points and outcomes."""

import collections
import sys
import tempfile
import traceback

from hostile.all_cases import cases
from hostile.case import REFUSED, RIGHT, outcome


def table(all_cases):
    """Rows of (entry point, cases, right, refused, failed), and the failures."""
    counts, failures = collections.defaultdict(collections.Counter), []
    for case in all_cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = outcome(case, folder)
            # Whatever a reader raises is to be counted.
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                found = "failed"
                place = f"{last.filename}:{last.lineno}"
                failures.append(f"{case}: {type(error).__name__}: {error} ({place})")
        counts[case.entry][found] += 1
    rows = [
        (entry, sum(c.values()), c[RIGHT], c[REFUSED], c["failed"])
        for entry, c in counts.items()
    ]
    return rows, failures


def main():
    """Prints the table; exit code 1 if a case fails."""
    rows, failures = table(cases())
    total = tuple(map(sum, zip(*(row[1:] for row in rows), strict=True)))
    print(f"{'entry point':24}{'cases':>8}{'right':>8}{'refused':>9}{'failed':>8}")
    for entry, *counts in [*rows, ("all", *total)]:
        print("{:24}{:8}{:8}{:9}{:8}".format(entry, *counts))
    print("\n".join(failures))
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
