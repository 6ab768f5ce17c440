"""Anybody's folders of images and depth maps -> a record set, on many machines.

For data sets that one machine would take too long for, such as the 47,584 training
frames of NYU Depth v2. Flags and result are those of `data_prep.rgbd_folder`, the
shards are the units of work, and Apache Beam (`pip install ".[beam]"`) does the
rest; its own options follow --beam, which may be repeated:

    python -m data_prep.beam_rgbd_folder --images=rgb --depths=depth \\
        --depth_scale=0.001 --train_list=train.txt --num_shards=512 \\
        --output=data/records/mine --beam=--runner=FlinkRunner \\
        --beam=--flink_master=host:8081

Without --beam it runs here, in one process. Folders must lie where every worker sees
them under the same names.
"""

import sys

from absl import flags

from data_prep import rgbd_folder
from data_prep.conversion import converter_flags

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of this program."""
    rgbd_folder.define_flags()
    flags.adopt_module_key_flags(rgbd_folder)
    flags.adopt_module_key_flags(converter_flags)
    flags.DEFINE_multi_string("beam", [], "Option of Apache Beam; may be repeated.")


def main() -> None:
    """Converts with Apache Beam."""
    try:
        from data_prep.conversion.beam import split_writer
    except ImportError as error:
        sys.exit(f"Error: {error}. Install Apache Beam: pip install '.[beam]'.")
    rgbd_folder.run(lambda: {"write_split": split_writer(FLAGS.beam)})


if __name__ == "__main__":
    _define_flags()
    main()
