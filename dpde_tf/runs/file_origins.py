"""What each file of a folder was made with, so that several commands may share it.

The record of the folder has it as `config.origins`: `files`, from the name of a file or
of a folder of files to the key of its options and a checksum of its input; and
`options`, from their keys to the options.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterable, Mapping

from dpde_tf.runs.run_folder import RECORD_FILE, read_run_record


@dataclasses.dataclass(frozen=True)
class FileOrigins:
    """What the files of a folder were made with.

    Attributes:
        folder: The folder; it need not exist.
        files: Name in the folder -> key of its options, and checksum of its input.
        options: Key -> options, JSON-ready.
    """

    folder: pathlib.Path
    files: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    options: dict[str, dict] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, folder: pathlib.Path) -> "FileOrigins":
        """Returns what the record of a folder says; nothing without a record.

        Args:
            folder: The folder.
        """
        there = (folder / RECORD_FILE).is_file()
        config = read_run_record(folder).get("config", {}) if there else {}
        return cls(folder, **config.get("origins", {}))

    def of(self, path: pathlib.Path) -> list[str] | None:
        """Returns the origin of a file, or of its folder; None if it is not known.

        Args:
            path: The file, in the folder or in a folder of it.
        """
        name = path.relative_to(self.folder)
        return self.files.get(name.as_posix(), self.files.get(name.parent.as_posix()))

    def others(
        self, sources: Mapping[pathlib.Path, str], options: dict
    ) -> list[pathlib.Path]:
        """Returns the existing ones of some files that have another origin.

        Args:
            sources: File -> checksum of its input.
            options: What they are to be made with.
        """
        key = _key(options)
        return [
            path
            for path, source in sources.items()
            if path.is_file() and self.of(path) != [key, source]
        ]

    def options_of(self, path: pathlib.Path) -> dict | None:
        """Returns the options that a file was made with; None if they are not known.

        Args:
            path: The file.
        """
        return self.options.get((self.of(path) or [""])[0])

    def with_files(
        self, sources: Mapping[pathlib.Path, str], options: dict
    ) -> "FileOrigins":
        """Returns these origins, and those of files that are to be made.

        Args:
            sources: File, or folder of files -> checksum of its input.
            options: What they are made with.
        """
        key = _key(options)
        made = {
            path.relative_to(self.folder).as_posix(): [key, source]
            for path, source in sources.items()
        }
        return FileOrigins(
            self.folder, self.files | made, self.options | {key: options}
        )

    def without(self, paths: Iterable[pathlib.Path]) -> "FileOrigins":
        """Returns these origins except those of some files, and of their folders.

        Args:
            paths: The files.
        """
        names = {path.relative_to(self.folder) for path in paths}
        names |= {name.parent for name in names}
        gone = {name.as_posix() for name in names}
        files = {name: one for name, one in self.files.items() if name not in gone}
        return FileOrigins(self.folder, files, self.options)

    def record(self) -> dict:
        """Returns the entry of the record, without options that no file has."""
        used = {key for key, _ in self.files.values()}
        options = {key: one for key, one in self.options.items() if key in used}
        return {"files": self.files, "options": options}


def _key(options: dict) -> str:
    """A short name of options, the same for equal ones."""
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]
