"""Writes `run.json`, which records how a run was made, so that it can be repeated."""

import dataclasses
import datetime
import functools
import importlib.metadata
import json
import pathlib
import platform
import subprocess
from collections.abc import Mapping
from typing import Any

from dpde_tf.files.json_files import write_json
from dpde_tf.runs.hardware import hardware
from dpde_tf.runs.precision import remembered_speedup
from dpde_tf.runs.run_folder import RECORD_FILE, read_run_record

_PACKAGES = (
    "dpde_tf",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "h5py",
    "opencv-python",
    "absl-py",
)


def write_run_record(
    workdir: str | pathlib.Path, *, program: str, flags: dict, config: dict
) -> None:
    """Writes `run.json`: program, flags, configuration, versions, commit, hardware.

    Args:
        workdir: Folder of the run.
        program: Module of the entry point, such as `experiments.train_depth`.
        flags: The flags as they were given.
        config: The configurations in force, as JSON-ready dictionaries.
    """
    _write(
        workdir,
        {"program": program, "flags": flags, "config": config, **environment()},
    )


def check_program(folder: str | pathlib.Path, program: str) -> None:
    """Refuses a folder that holds a run of another program.

    Args:
        folder: The folder; it need not exist.
        program: Module that is to write into it.

    Raises:
        ValueError: If its `run.json`, which would be lost, is of another program.
    """
    if not (pathlib.Path(folder) / RECORD_FILE).is_file():
        return
    if (former := read_run_record(folder).get("program")) != program:
        raise ValueError(
            f"{folder} holds a run of {former or 'no program of these'}, whose "
            f"{RECORD_FILE} would be overwritten. Choose another folder."
        )


def add_resumption(workdir: str | pathlib.Path, options: Mapping[str, Any]) -> None:
    """Adds how a training is resumed to its `run.json`.

    Args:
        workdir: Folder of the run.
        options: Options of the training that may differ from those of the record.
    """
    record = read_run_record(workdir)
    record.setdefault("resumed", []).append(environment() | dict(options))
    _write(workdir, record)


def environment() -> dict:
    """Returns versions, commit, hardware and time, in JSON types.

    `bfloat16_speedup` is that of `dpde_tf.runs.precision`, null if not measured.
    """
    return {
        **code(),
        "hardware": hardware(),
        "bfloat16_speedup": remembered_speedup(),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def code() -> dict:
    """Returns the versions and the commit, in JSON types."""
    return {"versions": versions(), "commit": _commit()}


def config_as_dict(*configs: object) -> dict:
    """Returns dataclass configurations as one dictionary, by their class names.

    Args:
        *configs: Frozen dataclasses.

    Returns:
        Class name to fields; lists for tuples, as JSON gives them back.
    """
    fields = {type(config).__name__: dataclasses.asdict(config) for config in configs}
    return json.loads(json.dumps(fields))


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide about numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _write(workdir: str | pathlib.Path, record: dict) -> None:
    """Writes `run.json`."""
    write_json(pathlib.Path(workdir) / RECORD_FILE, record)


def _commit() -> str:
    """The commit of the checkout that this file lies in, or `unknown`."""
    file = pathlib.Path(__file__)
    git = functools.partial(
        subprocess.run, cwd=file.parent, capture_output=True, text=True, check=True
    )
    try:
        # An installed library may lie in the repository of another project.
        git(["git", "ls-files", "--error-unmatch", file.name])
        described = git(["git", "describe", "--always", "--dirty", "--abbrev"])
        return described.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
