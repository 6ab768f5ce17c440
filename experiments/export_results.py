r"""Exports results of runs: everything except weights and predictions.

    python -m experiments.export_results --runs=runs/nyu \
        --output=experiments/results/nyu

keeps the layout of the runs. It exports the record and the epochs of every training,
the record of every folder of predictions, and the scores: the summary without spaces,
and the rows of one protocol in `per_image.csv` with six digits. Paths in the records
are replaced by those of the output, so that `make tables RUNS=experiments/results`
works like `make tables`.
"""

import contextlib
import csv
import io
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.evaluation.protocols import find_protocol
from dpde_tf.evaluation.score_files import ROWS_FILE, SUMMARY_FILE
from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.json_files import read_json_object
from dpde_tf.runs.run_folder import METRICS_FILE, RECORD_FILE

FLAGS = flags.FLAGS
_KEPT = (RECORD_FILE, METRICS_FILE, SUMMARY_FILE, ROWS_FILE)
# Columns of `per_image.csv` that are not measures.
_TEXTS = ("name", "protocol", "key", "num_pixels")


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("runs", None, "Folder of runs.", required=True)
    define_path("output", None, "Folder to write.", required=True)
    flags.DEFINE_list("only", None, "Folders of --runs to export; all if not given.")
    flags.DEFINE_string("protocol", "paper", "Protocol whose rows per image are kept.")


def export_results(
    runs: pathlib.Path,
    output: pathlib.Path,
    *,
    only: Sequence[str] | None = None,
    protocol: str = "paper",
) -> list[pathlib.Path]:
    """Writes the small files of runs into another folder with the same layout.

    Args:
        runs: Folder of runs.
        output: Folder to write; files of other runs in it are kept.
        only: Folders inside `runs`, such as `depth` or `scores/dpde`; None for all.
        protocol: Protocol whose rows of `per_image.csv` are kept.

    Returns:
        Written files.

    Raises:
        FileNotFoundError: If there is nothing to write.
        ValueError: If a file is damaged.
    """
    contents = {  # All of them, before any is written.
        output / path.relative_to(runs): _content(path, runs, output, protocol)
        for path in _small_files(runs, only)
    }
    if not contents:
        raise FileNotFoundError(
            f"{runs} holds no runs: no {', '.join(_KEPT)}. Name another with --runs."
        )
    for target, content in contents.items():
        with atomic_write(target) as temporary:
            temporary.write_bytes(content)
    return list(contents)


def _small_files(
    runs: pathlib.Path, only: Sequence[str] | None
) -> Iterator[pathlib.Path]:
    """Files to keep, in order."""
    for folder in (runs,) if only is None else (runs / name for name in only):
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder} does not exist. Correct --runs or --only."
            )
        yield from sorted(f for f in folder.rglob("*") if f.name in _KEPT)


def _content(
    path: pathlib.Path, runs: pathlib.Path, output: pathlib.Path, protocol: str
) -> bytes:
    """What to write for a file: records for reading, summaries for size."""
    if path.name == ROWS_FILE:
        return _rows(path, protocol).encode()
    if path.name == METRICS_FILE:
        return path.read_bytes()
    fields = read_json_object(path, remedy="Run the program that wrote it again.")
    fields = _moved(fields, runs, output)
    if path.name == SUMMARY_FILE:
        return f"{json.dumps(_shorter(fields), separators=(',', ':'))}\n".encode()
    return f"{json.dumps(fields, indent=1)}\n".encode()


def _shorter(value: Any) -> Any:
    """Rounds every floating-point number to eight digits."""
    if isinstance(value, dict):
        return {key: _shorter(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shorter(item) for item in value]
    return float(f"{value:.8g}") if isinstance(value, float) else value


def _moved(value: Any, runs: pathlib.Path, output: pathlib.Path) -> Any:
    """Replaces every path inside `runs` by one inside `output`."""
    if isinstance(value, dict):
        return {key: _moved(item, runs, output) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, runs, output) for item in value]
    if isinstance(value, str) and "/" in value:
        path, folder = pathlib.Path(value).absolute(), runs.absolute()
        if path.is_relative_to(folder):
            target = output / path.relative_to(folder)
            # With `--runs=.`, any text would be a path; some are too long for one.
            with contextlib.suppress(OSError):
                return str(target) if path.exists() or target.exists() else value
    return value


def _rows(path: pathlib.Path, protocol: str) -> str:
    """The rows of a protocol with fewer digits."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if missing := set(_TEXTS) - set(reader.fieldnames or ()):
        raise ValueError(
            f"{path} lacks {', '.join(sorted(missing))}. Write it again with "
            "`python -m experiments.evaluate`."
        )
    kept = [row for row in rows if row["protocol"] == protocol]
    find_protocol(protocol)
    if rows and not kept:  # Other data sets have other protocols.
        kept = [row for row in rows if row["protocol"] == rows[0]["protocol"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, reader.fieldnames, lineterminator="\n")
    writer.writeheader()
    for row in kept:
        writer.writerow({k: _rounded(k, value) for k, value in row.items()})
    return text.getvalue()


def _rounded(column: str, text: str) -> str:
    """Rounds a measure to six digits; keeps names and empty cells."""
    if column in _TEXTS or not text:
        return text
    return f"{float(text):.6g}"


@flags_only
def main() -> None:
    """Runs the export."""
    written = export_results(
        pathlib.Path(FLAGS.runs),
        pathlib.Path(FLAGS.output),
        only=FLAGS.only,
        protocol=FLAGS.protocol,
    )
    size = sum(path.stat().st_size for path in written)
    print(f"{len(written)} files, {size / 1e6:.1f} MB: {FLAGS.output}")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
