"""Decides whether predictions that a folder already holds are kept or replaced."""

import pathlib
import time
from collections.abc import Iterable, Mapping, Sequence

from dpde_tf.files.checksums import file_sha256
from dpde_tf.files.predictions import some_names
from dpde_tf.runs.file_origins import FileOrigins
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
            file in `due` exists and may not be replaced; or if the folder holds
            predictions of photographs.
    """
    record = _record(output)
    former = record.get("config", {})
    if "origins" in former:
        raise ValueError(
            f"{output} holds predictions of photographs, which records cannot share. "
            "Use another `output`."
        )
    if _without_places(former) == _without_places(config):
        same_code = not overwrite or code().items() <= record.items()
        return [] if same_code else [path for path in due if path.is_file()]
    others, later_others = ([f for f in files if f.is_file()] for files in (due, later))
    changes = _changes(former, config)
    if later_others:
        raise ValueError(
            f"{output} holds {len(later_others)} predictions of other networks, "
            f"options or data for other records of the split{changes}."
            " Use another `output`, or predict all records."
        )
    if others and not overwrite:
        raise _of_others(output, others, changes)
    return others


def input_checksum(source: pathlib.Path, files: Iterable[pathlib.Path]) -> str:
    """Returns the checksum of a photograph or video; empty if it cannot be read.

    Args:
        source: The photograph or video.
        files: Its results.

    Raises:
        ValueError: If it would be replaced by one of them.
    """
    if any(path.resolve() == source.resolve() for path in files):
        raise ValueError(
            f"{source} would be replaced by its result. Use another `output`."
        )
    try:
        return file_sha256(source)
    except OSError:  # The error of this photograph comes when it is decoded.
        return ""


def former_results(
    origins: FileOrigins,
    config: dict,
    written: Mapping[pathlib.Path, str],
    left: Mapping[pathlib.Path, str],
    *,
    overwrite: bool,
) -> list[pathlib.Path]:
    """Returns the existing files of photographs and videos that a run must replace.

    Runs with other options may share a folder. A file may be replaced if the same
    options and the same photograph or video gave it, or with `overwrite`.

    Args:
        origins: Those of the folder, which need not exist.
        config: As for `former_predictions`.
        written: Files, or folders of files, that this run writes -> `input_checksum`.
        left: Other files of the photographs and videos, from former runs, likewise.
        overwrite: Whether other files may be replaced.

    Returns:
        Existing files of other runs, with `overwrite` also those of `left`; and all of
        them if the last run was of other code.

    Raises:
        ValueError: If there are such files, and they may not be replaced; or if the
            folder holds predictions of records.
    """
    output, record = origins.folder, _record(origins.folder)
    if "manifest_sha256" in record.get("config", {}).get("data", {}):
        raise ValueError(
            f"{output} holds predictions of records, which photographs cannot share. "
            "Use another `output`."
        )
    if overwrite:
        same_code = code().items() <= record.items()
        origins = origins.without(left) if same_code else FileOrigins(output)
    options = _without_places(config)
    others = origins.others({**written, **left}, options)
    if others and not overwrite:
        raise _of_others(output, others, _reason(origins, others[0], options))
    return others


def origins_of(
    origins: FileOrigins,
    config: dict,
    written: Mapping[pathlib.Path, str],
    left: Mapping[pathlib.Path, str],
    *,
    overwrite: bool,
) -> dict:
    """Returns what the record says about the files of photographs and videos.

    Args:
        origins: As for `former_results`.
        config: As for `former_predictions`.
        written: As for `former_results`.
        left: As for `former_results`.
        overwrite: Whether files of former runs are replaced.

    Returns:
        The origins of the files that this run writes, and of those of former runs that
        it does not replace; see `FileOrigins`.
    """
    if overwrite:
        origins = origins.without(left)
    return origins.with_files(written, _without_places(config)).record()


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
        former = _record(output).get("config", {})
        if _without_places(former) == _without_places(config):
            return
        time.sleep(1.0)
    raise TimeoutError(
        f"The first worker has not written {output / RECORD_FILE} for the same "
        "networks, options and data. Give all workers the same flags, and an `output` "
        "that is the same folder for all."
    )


def _of_others(
    output: pathlib.Path, others: Sequence[pathlib.Path], reason: str
) -> ValueError:
    """The error for files of other runs."""
    return ValueError(
        f"{output} holds {len(others)} of these files, of other networks, options or "
        f"data: {some_names([path.name for path in others])}{reason}. Use another "
        "`output`, or `overwrite`."
    )


def _reason(origins: FileOrigins, path: pathlib.Path, options: dict) -> str:
    """Why a file is of another run than one with these options."""
    there = origins.options_of(path)
    if there is None:
        return " (no command is recorded for them)"
    return _changes(there, options) or " (of another photograph or video)"


def _record(output: pathlib.Path) -> dict:
    """The record of a folder; empty without one."""
    return read_run_record(output) if (output / RECORD_FILE).is_file() else {}


def _changes(there: dict, now: dict) -> str:
    """The first values in which configurations differ, for a message."""
    if not there:
        return ""
    there, now = (_values(_without_places(config)) for config in (there, now))
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
    places = ("networks", "origins")
    return {k: v for k, v in config.items() if k not in places} | {"data": data}
