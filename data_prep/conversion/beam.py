"""Conversion on many machines, with Apache Beam (extra `beam`).

The unit of work is a shard: a worker encodes its pairs one after the other with the
functions of the other converters and writes the file, so that the record set has the
same bytes as theirs with the same number of shards. Raw files and output must lie on
a file system that launcher and workers see under the same names; workers need this
package.
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
from dpde_tf.files.atomic import write_whole

# What a worker says of its shard, beside it until the split is whole.
_DESCRIPTION = ".json"


def convert_shard(task: ShardTask) -> None:
    """Writes a shard, and a file with what the manifest needs to know of it.

    A runner may try a shard more than once, even twice at a time: both files appear
    whole, and every try writes the same. What is wrong with the raw data goes into the
    second file, since trying again would not help.

    Args:
        task: The shard.
    """
    try:
        fields = _convert(task)
    except (ValueError, OSError) as error:
        fields = {"error": str(error)}
    with write_whole(_description(task)) as path:
        path.write_text(json.dumps(fields), encoding="utf-8")


def _convert(task: ShardTask) -> dict:
    """Writes a shard, and returns its description."""
    temporary = task.path.with_name(f".partial-{uuid.uuid4().hex}")
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


def split_writer(options: Sequence[str]) -> SplitWriter:
    """Returns what `write_record_set` needs to write splits with Beam.

    Args:
        options: Of Apache Beam, such as `--runner=FlinkRunner`.

    Returns:
        The function; the number of threads means nothing to it. It raises a ValueError
        for the first pair that breaks a rule, after all shards were tried.
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
    """What a worker wrote; JSON keeps every digit of a float."""
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
