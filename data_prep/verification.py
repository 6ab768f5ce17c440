"""Checks a record set against its manifest: shards, records, depth statistics.

    python -m data_prep.verification --records=data/records/nyu_depth_v2

`data_prep.conversion.verification` lists what is checked.
"""

from absl import flags

from data_prep.conversion.verification import format_table, verify_record_set
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main


@flags_only
def main() -> None:
    """Checks the record set at --records and prints its table."""
    print(format_table(verify_record_set(flags.FLAGS.records)))


if __name__ == "__main__":
    define_path("records", None, "Folder of the record set.", required=True)
    run_main(main)
