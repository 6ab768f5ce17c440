"""Conversion on many machines, with Apache Beam (extra `beam`).

The unit of work is a shard. A worker encodes the pairs of a shard one after another,
with the same functions as the other converters, and writes the file. With the same
number of shards, the record set is therefore identical, byte for byte. The launcher and
the workers must see the raw files and the output under the same paths, and the workers
need this package.
"""

import dataclasses
import json
import pathlib
import uuid
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from data_prep.conversion.pair_encoding import EncodedPair, encode_pair
from data_prep.conversion.split_writing import (
    ShardTask,
    SplitWriter,
    WrittenShard,
    describe_split,
    write_shard,
)
from dpde_tf.data import manifest
from dpde_tf.files.atomic import PARTIAL

# Description of a shard, stored beside it until the split is complete.
_DESCRIPTION = ".json"


def convert_shard(task: ShardTask) -> None:
    """Writes a shard and its description for the manifest.

    A runner may try a shard several times, even concurrently. Both files are written
    atomically, and every attempt writes the same content. Errors in the raw data are
    stored in the description, since a retry would not help.

    Args:
        task: Shard to write.
    """
    try:
        fields = _convert(task)
    except (ValueError, OSError) as error:
        fields = {"error": str(error)}
    temporary = _temporary(task)
    try:
        temporary.write_text(json.dumps(fields), encoding="utf-8")
        temporary.replace(_description(task))
    finally:
        temporary.unlink(missing_ok=True)


def _convert(task: ShardTask) -> dict:
    """Writes a shard and returns its description."""
    temporary = _temporary(task)
    try:
        encoded = (encode_pair(pair, task.image_size) for pair in task.pairs)
        written = write_shard(temporary, encoded, name=task.path.name)
        temporary.replace(task.path)
    finally:
        temporary.unlink(missing_ok=True)
    fields = dataclasses.asdict(written)
    for record in fields["records"]:
        del record["serialized"]
    return fields


def _temporary(task: ShardTask) -> pathlib.Path:
    """A name that no other attempt has."""
    return task.path.with_name(f"{PARTIAL}{uuid.uuid4().hex}")


def split_writer(options: Sequence[str]) -> SplitWriter:
    """Returns the function with which `write_record_set` writes splits by Beam.

    Args:
        options: Options of Apache Beam, such as `--runner=FlinkRunner`.

    Returns:
        Function that ignores the number of threads. After all shards were tried, it
        raises a ValueError for the first invalid pair.
    """

    def write_split(
        tasks: Sequence[ShardTask], workers: int
    ) -> tuple[manifest.Split, tuple[int, int]]:
        del workers
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            shards = pipeline | "Shards" >> beam.Create(list(tasks))
            spread = shards | "Spread" >> beam.Reshuffle()
            _ = spread | "Convert" >> beam.Map(convert_shard)
        written = [_read_description(task) for task in tasks]
        for task in tasks:
            _description(task).unlink()
        return describe_split(tasks, written)

    return write_split


def _description(task: ShardTask) -> pathlib.Path:
    return task.path.with_name(task.path.name + _DESCRIPTION)


def _read_description(task: ShardTask) -> WrittenShard:
    """Reads the description of a shard; JSON keeps every digit of a float."""
    fields = json.loads(_description(task).read_text(encoding="utf-8"))
    if "error" in fields:
        raise ValueError(fields["error"])
    records = (
        EncodedPair(
            serialized=b"", **{**record, "image_size": tuple(record["image_size"])}
        )
        for record in fields["records"]
    )
    return WrittenShard(manifest.Shard(**fields["shard"]), tuple(records))
