"""Writes synthetic raw data sets in the official layouts.

    python -m data_prep.synthetic --output=data/raw_synthetic --dataset=all

The converters read these folders like the official ones. They need --allow_partial,
since there are fewer pairs. The scenes are rooms of textured boxes with exact depth. No
scene occurs twice, neither in a split nor in two data sets.

nyu/, images of --size:

    nyu_depth_v2_labeled.mat   HDF5 behind the 512-byte header of MATLAB 7.3;
                               images uint8 (N, 3, W, H), depths float32 (N, W, H)
    splits.mat                 columns trainNdxs and testNdxs, counted from 1

make3d/, images of 568 x 426, a quarter of the official 2272 x 1704:

    Train400Img/img-<stem>.jpg                 Test134/img-<stem>.jpg
    Train400Depth/depth_sph_corr-<stem>.mat    Gridlaserdata/depth_sph_corr-<stem>.mat

Position3DGrid is 55 x 305 x 4: metres up, to the right, ahead, and along the ray, as a
laser measures them.

middlebury/, scenes with official names, for testing only:

    2005, 2006   view1.png, disp1.png, dmin.txt   stored = full-size disparity - dmin
    2003         im2.png, disp2.png               stored = 4 x disparity
    2001         im2.ppm, disp2.pgm               stored = 8 x disparity

0 is unknown: the right view does not see the point. The depth of each scene is scaled
so that 3740 px * 0.16 m / (stored + dmin) lies between 1 and 30 m and 8 bits are
enough; dmin is 0 in 2001 and 2003.
"""

from absl import flags

from data_prep.synthetic.raw_sets import DATASETS, write_raw
from dpde_tf.cli.config_flags import parse_size
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of the program."""
    define_path("output", None, "Folder of the raw data sets.", required=True)
    flags.DEFINE_enum("dataset", "all", [*DATASETS, "all"], "What to write.")
    flags.DEFINE_integer("num_train", 64, "Training pairs per data set, at most.")
    flags.DEFINE_integer("num_test", 16, "Test pairs per data set, at most.")
    flags.DEFINE_list("size", "240,320", "Height and width of the images of nyu.")
    flags.DEFINE_integer("seed", 0, "Seed of the scenes.")
    flags.DEFINE_integer("workers", 2, "Threads that render.")


@flags_only
def main() -> None:
    """Writes the data sets."""
    datasets = DATASETS if FLAGS.dataset == "all" else (FLAGS.dataset,)
    for dataset in datasets:
        folder = write_raw(
            FLAGS.output,
            dataset,
            num_train=FLAGS.num_train,
            num_test=FLAGS.num_test,
            size=parse_size(FLAGS.size, flag="size", least=8),
            seed=FLAGS.seed,
            workers=FLAGS.workers,
        )
        print(f"{folder} is written.")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
