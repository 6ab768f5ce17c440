"""Decides whether predictions that a folder already holds are kept or replaced."""

import hashlib
import json
import pathlib
import time
from collections.abc import Iterable, Mapping, Sequence

from dpde_tf.files.predictions import some_names
from dpde_tf.runs.run_folder import RECORD_FILE, read_run_record
from dpde_tf.runs.run_record import code

# How long a worker waits for the first one to have begun.
_FIRST_WORKER_SECONDS = 600.0
_NAMED_CHANGES = 3


def former_predictions(
    output: pathlib.Path,
    config: dict,
    due: Sequence[pathlib.Path],
    *,
    later: Sequence[pathlib.Path] = (),
    overwrite: bool,
) -> list[pathlib.Path]:
    """Returns the existing files that this run must replace.

    These are the files that this run writes, if they were made with another
    configuration, or with `overwrite` by other code. All other files are left alone.
    Other records of the split must not
    have such files, since they would later be taken for predictions of this run.

    Args:
        output: Folder of the predictions; it need not exist.
        config: Everything that affects the numbers, as in `run.json`.
        due: Files that this run writes.
        later: Files of the other records of the split.
        overwrite: Whether files in `due` may be replaced.

    Returns:
        Files to replace; none if the folder is of the same configuration and, with
        `overwrite`, of the same versions and commit.

    Raises:
        ValueError: If the configuration differs, and a file in `later` exists, or a
            file in `due` exists and may not be replaced.
    """
    if _is_of(output, config):
        same_code = not overwrite or code().items() <= read_run_record(output).items()
        return [] if same_code else [path for path in due if path.is_file()]
    others, later_others = ([f for f in files if f.is_file()] for files in (due, later))
    if later_others:
        raise ValueError(
            f"{output} holds {len(later_others)} predictions of other networks, "
            f"options or data for other records of the split{_changes(output, config)}."
            " Use another `output`, or predict all records."
        )
    if not overwrite:
        _refuse(output, config, others)
    return others


def former_results(
    output: pathlib.Path,
    config: dict,
    files: Mapping[pathlib.Path, Sequence[pathlib.Path]],
    *,
    overwrite: bool,
) -> list[pathlib.Path]:
    """Returns the existing files of photographs and videos that a run must replace.

    Runs with other options may share a folder. Files may be replaced if the same run
    would have written them, or with `overwrite`.

    Args:
        output: Folder of the results; it need not exist.
        config: As for `former_predictions`, with `results` of `results_of`.
        files: The files that this run writes, by photograph or video.
        overwrite: Whether other files may be replaced.

    Returns:
        Existing files of other runs; with `overwrite`, all of them if the last run was
        of other code.

    Raises:
        ValueError: If there are such files, and they may not be replaced.
    """
    record = _record(output)
    same_code = not overwrite or code().items() <= record.items()
    there = record.get("config", {}).get("results", {}) if same_code else {}
    others = [
        file
        for source, its in files.items()
        if there.get(source.stem) != config["results"][source.stem]
        for file in its
        if file.is_file()
    ]
    if not overwrite:
        _refuse(output, config, others)
    return others


def results_of(
    output: pathlib.Path, config: dict, sources: Iterable[pathlib.Path]
) -> dict[str, str]:
    """Returns what decides about the results of each photograph or video of a folder.

    Args:
        output: Folder of the results; it need not exist.
        config: As for `former_predictions`.
        sources: Photographs and videos of this run.

    Returns:
        A checksum of the configuration and the path, by the stem of the source; with
        those of the record, if there is one.
    """
    now = {
        source.stem: hashlib.sha256(
            json.dumps(
                [_without_places(config), str(source.resolve())], sort_keys=True
            ).encode()
        ).hexdigest()
        for source in sources
    }
    return _record(output).get("config", {}).get("results", {}) | now


def wait_for_first_worker(output: pathlib.Path, config: dict) -> None:
    """Waits until the first of several workers has written the record of this run.

    Args:
        output: Folder of the predictions.
        config: What decides about the numbers, as in its `run.json`.

    Raises:
        TimeoutError: If it has not after ten minutes.
    """
    end = time.monotonic() + _FIRST_WORKER_SECONDS
    while time.monotonic() < end:
        if _is_of(output, config):
            return
        time.sleep(1.0)
    raise TimeoutError(
        f"The first worker has not written {output / RECORD_FILE} for the same "
        "networks, options and data. Give all workers the same flags, and an `output` "
        "that is the same folder for all."
    )


def _refuse(output: pathlib.Path, config: dict, others: Sequence[pathlib.Path]) -> None:
    """Raises an error if there are files of other runs."""
    if others:
        raise ValueError(
            f"{output} holds {len(others)} of these files, of other networks, options "
            f"or data: {some_names([path.name for path in others])}"
            f"{_changes(output, config)}. Use another `output`, or `overwrite`."
        )


def _record(output: pathlib.Path) -> dict:
    """The record of a folder; empty without one."""
    return read_run_record(output) if (output / RECORD_FILE).is_file() else {}


def _is_of(output: pathlib.Path, config: dict) -> bool:
    """Whether a folder holds predictions of a configuration."""
    if not (output / RECORD_FILE).is_file():
        return False
    return _without_places(read_run_record(output).get("config", {})) == (
        _without_places(config)
    )


def _changes(output: pathlib.Path, config: dict) -> str:
    """The first values that differ from those of the record, for a message."""
    if not (output / RECORD_FILE).is_file():
        return ""
    there = _values(_without_places(read_run_record(output).get("config", {})))
    now = _values(_without_places(config))
    changed = [
        f"{name} {there.get(name, 'not recorded')} there, {now.get(name, 'not')} now"
        for name in sorted(there.keys() | now.keys())
        if there.get(name) != now.get(name)
    ]
    return f" ({'; '.join(changed[:_NAMED_CHANGES])})" if changed else ""


def _values(config: dict) -> dict:
    """The values of all sections of a configuration, by their names."""
    sections = (section for section in config.values() if isinstance(section, dict))
    return {name: value for section in sections for name, value in section.items()}


def _without_places(config: dict) -> dict:
    """A configuration without paths whose contents are told apart by checksums."""
    data = {k: v for k, v in config.get("data", {}).items() if k != "records"}
    places = ("networks", "results")
    return {k: v for k, v in config.items() if k not in places} | {"data": data}
