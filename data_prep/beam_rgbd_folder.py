"""Converts custom RGB-D folders to a record set on many machines.

Use it for data sets that are too large for one machine, such as the 47,584 training
frames of NYU Depth v2. It takes the flags of `data_prep.rgbd_folder` except --workers,
and writes the same record set. Apache Beam (`pip install ".[beam]"`) distributes the
shards. Each of its options is given by --beam, which may be repeated:

    python -m data_prep.beam_rgbd_folder --images=rgb --depths=depth \\
        --depth_scale=0.001 --train_list=train.txt --num_shards=512 \\
        --output=data/records/mine --beam=--runner=FlinkRunner \\
        --beam=--flink_master=host:8081

Without --beam it runs locally in one process. All workers must see the folders under
the same paths.
"""

import sys

from absl import flags

from data_prep import rgbd_folder
from dpde_tf.cli.unset_flags import check_unset

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of the program."""
    rgbd_folder.define_flags()
    flags.adopt_module_key_flags(rgbd_folder)
    flags.DEFINE_multi_string("beam", [], "Option of Apache Beam; may be repeated.")


def _arguments() -> dict:
    """Returns the arguments of `convert` for Apache Beam; exits if it is missing."""
    check_unset("workers", needs="data_prep.rgbd_folder; Beam has workers of its own")
    try:
        from data_prep.conversion.beam import split_writer
    except ImportError as error:
        sys.exit(f"Error: {error}. Install Apache Beam: pip install '.[beam]'.")
    return {"write_split": split_writer(FLAGS.beam)}


def main() -> None:
    """Converts with Apache Beam."""
    rgbd_folder.run(_arguments)


if __name__ == "__main__":
    _define_flags()
    main()
