"""Flags that all converters share, and the function that runs a converter."""

from collections.abc import Callable, Sequence

from absl import app, flags

from data_prep.conversion import verification
from data_prep.conversion.record_sets import Options
from dpde_tf.cli.config_flags import parse_size
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.data.manifest import Manifest

FLAGS = flags.FLAGS
# The flags belong to the modules that call these functions.
flags.disclaim_key_flags()


def define_common_flags(*, image_size: str | None) -> None:
    """Defines the flags of every converter.

    Programs call it before `run_main`. Flags defined on import would clash if two
    programs were imported together.

    Args:
        image_size: Default of --image_size as "height,width"; None keeps the original
            size.
    """
    define_path("output", None, "Folder of the record set.", required=True)
    flags.DEFINE_list(
        "image_size", image_size, "Height and width of the records, such as 240,320."
    )
    flags.DEFINE_enum(
        "shrinking",
        "area",
        ["area", "bilinear"],
        "How images are shrunk: mean over the area of a new pixel, or interpolation.",
    )
    flags.DEFINE_string("name", None, "Name of the data set, for the manifest.")
    flags.DEFINE_integer("workers", 2, "Threads that load and encode.", lower_bound=1)
    flags.DEFINE_integer(
        "num_shards", 8, "Largest number of files per split.", lower_bound=1
    )
    flags.DEFINE_bool("overwrite", False, "Replace an existing record set.")
    flags.DEFINE_bool("verify", False, "Only verify the record set at --output.")


def define_official_flags(*, image_size: str) -> None:
    """Defines the flags of a converter of a data set with official splits.

    Args:
        image_size: As for `define_common_flags`.
    """
    define_common_flags(image_size=image_size)
    define_path("raw", None, "Folder of the raw data.")
    flags.DEFINE_bool("allow_partial", False, "Accept an incomplete data set.")


def _image_size() -> tuple[int, int] | None:
    """Returns the value of --image_size, None if it is not given."""
    values = FLAGS.image_size
    return parse_size(values, flag="image_size") if values else None


def _options() -> Options:
    """Returns the options given by the flags."""
    return Options(
        workers=FLAGS.workers,
        num_shards=FLAGS.num_shards,
        overwrite=FLAGS.overwrite,
        allow_partial="allow_partial" in FLAGS and FLAGS.allow_partial,
        name=FLAGS.name,
        shrinking=FLAGS.shrinking,
    )


def run(
    convert: Callable[[tuple[int, int] | None, Options], Manifest],
    *,
    required: Sequence[str],
) -> None:
    """Runs a converter, or only verifies its output with --verify.

    Errors that name their remedy end the program without a traceback.

    Args:
        convert: Function that takes image size and options and returns the manifest.
        required: Names of the flags that a conversion requires.
    """

    @flags_only
    def main() -> None:
        """Checks the flags and converts, or verifies."""
        missing = [f"--{name}" for name in required if FLAGS[name].value is None]
        if missing and not FLAGS.verify:
            raise app.UsageError(f"Give {' and '.join(missing)}.")
        if FLAGS.verify:
            described = verification.verify_record_set(FLAGS.output)
        else:
            described = convert(_image_size(), _options())
        print(verification.format_table(described))

    run_main(main)


def run_official(convert: Callable[..., Manifest], *names: str) -> None:
    """Runs the converter of a data set with official splits; see `run`.

    Args:
        convert: Function that takes the values of --raw and --output, the image size
            and the options.
        *names: Names of further flags whose values it takes.
    """

    def convert_raw(image_size: tuple[int, int] | None, options: Options) -> Manifest:
        own = {name: FLAGS[name].value for name in names}
        return convert(
            FLAGS.raw, FLAGS.output, image_size=image_size, options=options, **own
        )

    run(convert_raw, required=("raw",))
