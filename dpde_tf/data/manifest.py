"""The manifest of a record set: what lies in its folder, and how to know it is whole.

A record set is a folder with TFRecord shards and one `manifest.json`:

    data/records/nyu_depth_v2/
        manifest.json
        train-00000-of-00008.tfrecord ...
        test-00000-of-00008.tfrecord ...
"""

import dataclasses
import json
import pathlib

FILE_NAME = "manifest.json"
FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Attributes:
        file: Name inside the folder of the record set.
        num_records: Number of examples in it.
        num_bytes: Its size.
        sha256: Its SHA-256, hexadecimal.
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
        shards: Files, in order.
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


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Description of a whole record set.

    Attributes:
        dataset: Name of the data set, such as `nyu_depth_v2`.
        image_size: (height, width) of every record.
        splits: Split name to split.
        source: Where it came from: raw files with checksums, the converter's
            options, versions. Free-form, for people.
    """

    dataset: str
    image_size: tuple[int, int]
    splits: dict[str, Split]
    source: dict

    def split(self, name: str) -> Split:
        """Returns the split of that name.

        Args:
            name: Such as `train` or `test`.

        Returns:
            The split.

        Raises:
            ValueError: If there is none of that name.
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
        FileNotFoundError: If there is no manifest: the folder is not a record set.
        ValueError: If it was written by another version of the format.
    """
    path = pathlib.Path(directory) / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, so {directory} is not a record set. Make one with "
            "`make data-nyu`, `make data-make3d`, `make data-mid` or "
            "`python -m data_prep.rgbd_folder --help`."
        )
    fields = json.loads(path.read_text(encoding="utf-8"))
    if fields.pop("format_version", None) != FORMAT_VERSION:
        raise ValueError(
            f"{path} must have format_version {FORMAT_VERSION}; it was written by "
            "another version. Convert the raw data again."
        )
    splits = {}
    for name, split in fields["splits"].items():
        shards = tuple(Shard(**shard) for shard in split.pop("shards"))
        names = tuple(split.pop("names"))
        splits[name] = Split(names=names, shards=shards, **split)
    return Manifest(
        dataset=fields["dataset"],
        image_size=tuple(fields["image_size"]),
        splits=splits,
        source=fields["source"],
    )


def write_manifest(manifest: Manifest, directory: str | pathlib.Path) -> None:
    """Writes `manifest.json` into the folder of a record set.

    Args:
        manifest: What to write.
        directory: Existing folder.
    """
    fields = {"format_version": FORMAT_VERSION, **dataclasses.asdict(manifest)}
    text = json.dumps(fields, indent=1) + "\n"
    (pathlib.Path(directory) / FILE_NAME).write_text(text, encoding="utf-8")
