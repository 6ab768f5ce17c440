"""The manifest of a record set: its content, and checksums to verify it.

A record set is a folder with TFRecord shards and one `manifest.json`:

    data/records/nyu_depth_v2/
        manifest.json
        train-00000-of-00008.tfrecord ...
        test-00000-of-00008.tfrecord ...
"""

import dataclasses
import pathlib

from dpde_tf.files.checksums import file_sha256
from dpde_tf.files.errors import one_line
from dpde_tf.files.json_files import read_json_object, write_json

FILE_NAME = "manifest.json"
# Files of a record set, as a regular expression.
FILES = r"manifest\.json|.+-\d{5}-of-\d{5}\.tfrecord"
FORMAT_VERSION = 1
_REMEDY = "Convert the raw data again, with --overwrite."


class DamagedShardError(ValueError):
    """A shard differs from the file that was written."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Attributes:
        file: Name of the file in the folder of the record set.
        num_records: Number of examples in the file.
        num_bytes: Size of the file.
        sha256: SHA-256 of the file, hexadecimal.
    """

    file: str
    num_records: int
    num_bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Split:
    """One split of a record set.

    Attributes:
        names: Names of the records, in the order of the shards.
        shards: Files of the split, in order.
        depth_min: Smallest measured depth, metres.
        depth_max: Largest measured depth, metres.
        depth_mean: Mean over all measured pixels, metres.
        valid_fraction: Share of the pixels that are measured.
    """

    names: tuple[str, ...]
    shards: tuple[Shard, ...]
    depth_min: float
    depth_max: float
    depth_mean: float
    valid_fraction: float

    @property
    def num_records(self) -> int:
        """Number of records in the split."""
        return len(self.names)

    def file_of(self, name: str) -> str:
        """Returns the file that holds a record.

        Args:
            name: Name of the record.

        Returns:
            Name of the shard.

        Raises:
            ValueError: If no shard has the record.
        """
        left = self.names.index(name)
        for shard in self.shards:
            if left < shard.num_records:
                return shard.file
            left -= shard.num_records
        raise ValueError(f"The shards have fewer records than names: {name!r}.")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Description of a whole record set.

    Attributes:
        dataset: Name of the data set, such as `nyu_depth_v2`.
        image_size: (height, width) of every record.
        splits: Splits by name.
        source: Origin of the data: raw files with checksums, options of the converter,
            versions. Free-form, for people.
    """

    dataset: str
    image_size: tuple[int, int]
    splits: dict[str, Split]
    source: dict

    def split(self, name: str) -> Split:
        """Returns the split with the given name.

        Args:
            name: Name of the split, such as `train` or `test`.

        Returns:
            The split.

        Raises:
            ValueError: If there is no split of that name.
        """
        if name not in self.splits:
            raise ValueError(
                f"Record set {self.dataset!r} has no split {name!r}; "
                f"it has: {', '.join(sorted(self.splits))}."
            )
        return self.splits[name]


def read_manifest(directory: str | pathlib.Path) -> Manifest:
    """Reads `manifest.json` of a record set.

    Args:
        directory: Folder of the record set.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: If there is no manifest, so that the folder is not a record
            set.
        ValueError: If the manifest is damaged, or in another version of the format.
    """
    path = pathlib.Path(directory) / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, so {directory} is not a record set. Make one with "
            "`make data-nyu`, `make data-make3d`, `make data-mid` or "
            "`python -m data_prep.rgbd_folder --help`, in a clone of the repository."
        )
    fields = read_json_object(path, remedy=_REMEDY)
    if fields.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"{path} must have format_version {FORMAT_VERSION}; it was written by "
            "another version. Convert the raw data again."
        )
    try:
        return _manifest(fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {one_line(error)}"
        raise ValueError(f"{path} is damaged ({what}). {_REMEDY}") from error


def _manifest(fields: dict) -> Manifest:
    """The manifest that a JSON file describes."""
    splits = {}
    for name, split in fields["splits"].items():
        shards = tuple(Shard(**shard) for shard in split["shards"])
        if bad := [s.file for s in shards if pathlib.Path(s.file).name != s.file]:
            raise ValueError(f"{bad[0]!r} is not the name of a file in the folder")
        names = tuple(map(str, split["names"]))
        splits[name] = Split(**split | {"names": names, "shards": shards})
    height, width = (int(part) for part in fields["image_size"])
    return Manifest(
        dataset=fields["dataset"],
        image_size=(height, width),
        splits=splits,
        source=fields["source"],
    )


def write_manifest(manifest: Manifest, directory: str | pathlib.Path) -> None:
    """Writes `manifest.json` into the folder of a record set.

    Args:
        manifest: The manifest.
        directory: Existing folder of the record set.
    """
    fields = {"format_version": FORMAT_VERSION, **dataclasses.asdict(manifest)}
    write_json(pathlib.Path(directory) / FILE_NAME, fields)


def check_shards(
    directory: str | pathlib.Path, split: Split, *, checksums: bool = True
) -> None:
    """Checks the shards of a split against the manifest.

    Args:
        directory: Folder of the record set.
        split: The split.
        checksums: Whether to compare checksums as well as sizes.

    Raises:
        FileNotFoundError: If a shard is missing.
        DamagedShardError: If a shard was changed.
    """
    for shard in split.shards:
        path = pathlib.Path(directory) / shard.file
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is named by the manifest but does not exist. {_REMEDY}"
            )
        if (size := path.stat().st_size) != shard.num_bytes:
            raise DamagedShardError(
                f"{path} must have {shard.num_bytes} bytes; it has {size}. {_REMEDY}"
            )
        if checksums and file_sha256(path) != shard.sha256:
            raise DamagedShardError(
                f"{path} must have the SHA-256 of the manifest; it was changed. "
                f"{_REMEDY}"
            )
