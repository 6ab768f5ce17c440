"""Refines the depth maps of any network with depth gradients (Eq. 5 of the paper).

With gradients in files, matched by their stems:

    dpde fuse --depth=other/depth --gradients=other/gradients --output=other/fused

With gradients that a network predicts from images with the same stems (the network of
the library, or that of --gradient_run):

    dpde fuse --depth=other/depth --images=other/rgb --output=other/fused

--depth is a folder of NPY, NPZ, 16-bit PNG, TIFF or PFM files, which may differ in
size. They hold floating-point metres, or integers with --depth_scale. Gradients are NPZ
files with `gradient_x` and `gradient_y`, or NPY files `[H, W, 2]`, in metres per pixel
at the size of their depth map. With images, the result has the size of the image, or
that of the depth map with --output_size=depth; `dpde predict --help` describes how
images are read. Holes are values that are 0, negative or not finite (relative depth:
only not finite, except with --align=median), values given by --invalid_value, and
depths beyond --max_depth. They are filled from the gradients.

Relative depth needs --align:
  scale_gradients          affine-invariant depth, which keeps its unit; the scale of
                           gradients in metres is found from the total variations
  median                   depth up to a scale, scaled to the median of --reference
  least_squares            affine-invariant depth, scaled and shifted to --reference
  least_squares_disparity  affine-invariant inverse depth, fitted to 1 / --reference
The last three write metres. --reference is a folder of sparse or dense depth maps in
metres, with the same stems and sizes.

Existing files from the same options are kept, so that a run can be resumed, unless
their depth map, image, gradients or reference is newer.
A file that cannot be refined is named at the end, with exit code 1.
"""

import functools
import math
import os
import pathlib
import sys
from collections.abc import Iterable, Mapping

import keras
from absl import app, flags, logging

from dpde_tf.cli import config_flags
from dpde_tf.cli.config_flags import (
    config_from_flags,
    define_config_flags,
)
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.image_bits_flag import define_image_bits
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_program
from dpde_tf.cli.result_record import result_folder, write_result_record
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.config import FusionConfig
from dpde_tf.files import depth_formats
from dpde_tf.files import gradient_maps as gradient_files
from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.depth_units import (
    check_integers_have_scale,
    check_scale_has_integers,
)
from dpde_tf.files.errors import file_list
from dpde_tf.files.folders import files_by_stem, stem_of
from dpde_tf.files.image_folders import images_of_folder
from dpde_tf.files.images import IMAGE_SUFFIXES
from dpde_tf.inference.gradient_sources import (
    OUTPUT_SIZES,
    GradientFiles,
    GradientSource,
    ImageGradients,
)
from dpde_tf.inference.progress import progress_bar
from dpde_tf.inference.refine import load_network_gradients
from dpde_tf.inference.refinement_files import (
    ALIGNMENTS,
    DepthFormat,
    refine_file,
)
from dpde_tf.inference.units import REFERENCE_ALIGNMENTS
from dpde_tf.runs.file_origins import FileOrigins
from dpde_tf.runs.precision import PRECISIONS, resolve_precision
from dpde_tf.runs.run_folder import (
    RECORD_FILE,
    read_run_record,
)
from dpde_tf.runs.run_record import config_as_dict
from dpde_tf.runs.trained_networks import (
    SHIPPED_REFINER_RUN,
    weights_sha256,
)

FLAGS = flags.FLAGS
_PROGRAM = "experiments.fuse"
# Flags that affect the numbers, besides those of the network and of the fusion.
_RECORDED = (
    *("key", "depth_scale", "invalid_value", "max_depth", "align"),
    *("reference_scale", "reference_invalid_value", "reference_max_depth"),
)
# They are recorded with their full paths.
_FOLDERS = ("depth", "gradients", "images", "reference")
# Flags that need --images, since without images no network is used.
_OF_IMAGES = ("gradient_run", "output_size", "image_bits", "precision", "sharpening")


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("depth", None, "Folder of depth maps.", required=True)
    flags.DEFINE_string(
        "key", None, "Array of NPZ files. Default: depth, or the only array."
    )
    _define_depth_flags("depth")
    define_path("gradients", None, "Folder of depth gradients.")
    define_path("images", None, "Folder of images to predict gradients from.")
    define_path(
        "gradient_run", None, "Run of train_gradient. Default: the shipped network."
    )
    flags.DEFINE_enum(
        "output_size",
        "image",
        OUTPUT_SIZES,
        "With --images: write depth at the size of the image, or of the depth map.",
    )
    define_image_bits()
    flags.DEFINE_enum("precision", "float32", PRECISIONS, "Precision of the network.")
    flags.DEFINE_enum(
        "align", "none", ALIGNMENTS, "Alignment of relative depth; see above."
    )
    define_path("reference", None, "Folder of depth in metres, for --align.")
    flags.DEFINE_string("reference_key", None, "Array of NPZ references, like --key.")
    _define_depth_flags("reference")
    define_path("output", None, "Folder of the refined depth.", required=True)
    formats = [suffix[1:] for suffix in depth_formats.SUFFIXES]
    flags.DEFINE_enum(
        "format", None, formats, "Format of the output. Default: that of the input."
    )
    flags.DEFINE_bool("overwrite", False, "Replace existing depth maps.")
    flags.DEFINE_bool(
        "pictures", False, "Also write pictures of the depth before and after."
    )
    flags.DEFINE_float(
        "sharpening",
        1.0,
        "Power of the factor by which the guided network changes depth.",
    )
    define_config_flags(FusionConfig)


def _define_depth_flags(folder: str) -> None:
    """Defines the flags that say what the numbers in the files of a folder mean."""
    scale, prefix = f"{folder}_scale", "" if folder == "depth" else f"{folder}_"
    unit = "; it also applies to PNG output" if folder == "depth" else ""
    flags.DEFINE_float(
        scale, None, f"Metres per stored integer in --{folder}, as in PNG files{unit}."
    )
    flags.DEFINE_multi_float(
        f"{prefix}invalid_value",
        [],
        f"Stored number in --{folder} that means no measurement, such as 65535; may be "
        "repeated.",
    )
    flags.DEFINE_float(
        f"{prefix}max_depth",
        None,
        f"Metres in --{folder}; farther pixels are no measurement.",
        lower_bound=0.0,
    )


def _check_flags() -> None:
    """Refuses flags that do not go together."""
    if bool(FLAGS.gradients) == bool(FLAGS.images):
        raise app.UsageError("Give either --gradients or --images.")
    if not FLAGS.images:
        check_unset(*_OF_IMAGES, needs="--images")
    if bool(FLAGS.reference) != (FLAGS.align in REFERENCE_ALIGNMENTS):
        raise app.UsageError(
            f"--reference and --align={'|'.join(REFERENCE_ALIGNMENTS)} need each other."
        )
    writes_scale = FLAGS.format == "png" and FLAGS.align in REFERENCE_ALIGNMENTS
    of_metres = ["max_depth"] if writes_scale else ["max_depth", "depth_scale"]
    if FLAGS.align != "none":
        check_unset(*of_metres, needs="depth in metres; relative (--align) has none")
    if not FLAGS.reference:
        of_reference = [name for name in _RECORDED if name.startswith("reference_")]
        check_unset("reference_key", *of_reference, needs="--reference")
    for name in ("invalid_value", "reference_invalid_value"):
        if not all(map(math.isfinite, FLAGS[name].value)):
            raise app.UsageError(
                f"--{name} must be finite: what is not is no measurement anyway."
            )
    taken = (FLAGS.output, pathlib.Path(FLAGS.output, "pictures"))
    if set(map(os.path.realpath, taken)) & set(map(_full_path, _FOLDERS)):
        raise app.UsageError(f"{FLAGS.output} is a folder of inputs: another --output.")


def _full_path(name: str) -> str | None:
    """The folder that a flag names, independent of the current folder."""
    folder = FLAGS[name].value
    return folder and os.path.realpath(folder)


def _depth_files(flag: str) -> dict[str, pathlib.Path]:
    """The depth files of `depth` or `reference` by their stems."""
    folder, scale = FLAGS[flag].value, FLAGS[f"{flag}_scale"].value
    files = depth_formats.find_depth_files(folder, remedy=f"Check --{flag}.")
    key = FLAGS.key if flag == "depth" else FLAGS.reference_key
    options = {"flag": f"{flag}_scale", "key": key}
    if flag == "reference" or FLAGS.align == "none":
        check_integers_have_scale(files.values(), scale, **options)
    if flag == "reference" or FLAGS.format != "png":
        check_scale_has_integers(files.values(), scale, **options)
    return files


def _depth_format() -> DepthFormat:
    """What the flags say about the numbers in depth files."""
    references = _depth_files("reference") if FLAGS.reference else {}
    return DepthFormat(
        key=FLAGS.key,
        depth_scale=FLAGS.depth_scale,
        invalid_values=FLAGS.invalid_value,
        max_depth=FLAGS.max_depth,
        alignment=FLAGS.align,
        references=references,
        read_reference=functools.partial(
            read_depth,
            key=FLAGS.reference_key,
            depth_scale=FLAGS.reference_scale,
            invalid_values=FLAGS.reference_invalid_value,
            max_depth=FLAGS.reference_max_depth,
        ),
    )


def _load_gradients() -> tuple[GradientSource, dict]:
    """The source of the gradients, and how the record describes it."""
    if FLAGS.gradients:
        files = files_by_stem(
            FLAGS.gradients, gradient_files.SUFFIXES, remedy="Check --gradients."
        )
        return GradientFiles(files), {"gradients": _full_path("gradients")}
    precision = resolve_precision(FLAGS.precision)
    keras.config.set_dtype_policy(precision)
    run = FLAGS.gradient_run or SHIPPED_REFINER_RUN
    source = ImageGradients(
        files=files_by_stem(FLAGS.images, IMAGE_SUFFIXES, remedy="Check --images."),
        predict=load_network_gradients(run, FLAGS.sharpening),
        bits=FLAGS.image_bits,
        output_size=FLAGS.output_size,
    )
    return source, {
        "images": _full_path("images"),
        **({"image_bits": source.bits} if source.bits else {}),
        "output_size": source.output_size,
        "weights_sha256": weights_sha256(run),
        "precision": precision,
        "sharpening": FLAGS.sharpening,
    }


def _prepare_output(
    output: pathlib.Path, targets: Mapping[pathlib.Path, pathlib.Path], config: dict
) -> None:
    """Writes the record of the run; refuses or removes depth maps of other runs."""
    written = set(targets.values())
    origins = _former_origins(output, {path.suffix for path in targets})
    stems = {target.stem for target in written}
    # In another format, they would be taken for this run's.
    names = map(pathlib.Path, origins.files)
    known = {output / name for name in names if name.stem in stems}
    if FLAGS.pictures:
        written |= {_picture_of(target) for target in written}
    others = origins.others(dict.fromkeys(written | known, ""), config)
    if FLAGS.overwrite:
        for path in written | known:
            path.unlink(missing_ok=True)
        origins = origins.without(known)
    elif others:
        raise ValueError(
            f"{output} holds {len(others)} of these files from other options or "
            "inputs. Use another --output, or --overwrite."
        )
    origins = origins.with_files(dict.fromkeys(written, ""), config)
    write_result_record(output, _PROGRAM, config | {"origins": origins.record()})


def _former_origins(output: pathlib.Path, suffixes: set[str]) -> FileOrigins:
    """What the files of the folder were made with.

    Older records have one configuration for all files of some formats: those they name,
    the requested one, or that of the inputs. Still older ones have the folders of the
    inputs as they were typed.
    """
    origins = FileOrigins.read(output)
    if origins.files or not (output / RECORD_FILE).is_file():
        return origins
    record = read_run_record(output)
    config = dict(record.get("config", {}))
    requested = record.get("flags", {}).get("format")
    formats = config.pop("formats", [f".{requested}"] if requested else suffixes)
    for name in _FOLDERS:
        config |= {name: os.path.realpath(config[name])} if config.get(name) else {}
    files = [path for path in output.iterdir() if path.suffix in formats]
    files += (output / "pictures").glob("*.png")
    return origins.with_files(dict.fromkeys(files, ""), config)


def _picture_of(target: pathlib.Path) -> pathlib.Path:
    """The file of the picture of before and after."""
    return target.parent / "pictures" / f"{target.stem}.png"


def _is_older(result: pathlib.Path, sources: Iterable[pathlib.Path]) -> bool:
    """Whether a result is missing, or older than one of the files it was made from."""
    if not result.is_file():
        return True
    written = result.stat().st_mtime
    return any(written < source.stat().st_mtime for source in sources)


def _refine_files(
    targets: Mapping[pathlib.Path, pathlib.Path],
    gradients: GradientSource,
    depth_format: DepthFormat,
    fusion: FusionConfig,
) -> dict[pathlib.Path, str]:
    """Refines files without a result, or with an older one; returns those that failed.

    With --pictures, also those without a picture.
    """
    due = {}
    for path, target in targets.items():
        partners = (gradients.files, depth_format.references)
        stem = stem_of(path)
        sources = [path, *(files[stem] for files in partners if stem in files)]
        results = (target, _picture_of(target)) if FLAGS.pictures else (target,)
        if any(_is_older(result, sources) for result in results):
            due[path] = target
    options = {"gradients": gradients, "depth_format": depth_format, "fusion": fusion}
    if kept := len(targets) - len(due):
        print(f"Kept from an earlier run: {kept}.")
    failures, num_unconverged = {}, 0
    with progress_bar(len(due), "depth map") as advance:
        for path, target in due.items():
            picture = _picture_of(target) if FLAGS.pictures else None
            try:
                converged = refine_file(path, target, picture=picture, **options)
                num_unconverged += not converged
            except (ValueError, OSError) as error:
                failures[path] = str(error)
            advance(1)
    if num_unconverged:
        logging.warning("%d fusions stopped before their tolerance.", num_unconverged)
    return failures


def _fuse(output: pathlib.Path) -> None:
    """Refines what the flags name; ends with exit code 1 if a file fails."""
    files = _depth_files("depth")
    targets = {
        path: output / f"{stem}{f'.{FLAGS.format}' if FLAGS.format else path.suffix}"
        for stem, path in files.items()
    }
    fusion = config_from_flags(FusionConfig(), FLAGS.flag_values_dict())
    depth_format = _depth_format()
    depth_format.check_targets(targets.values())
    gradients, source = _load_gradients()
    config = config_as_dict(fusion) | {name: FLAGS[name].value for name in _RECORDED}
    config |= {name: _full_path(name) for name in ("depth", "reference")}
    if FLAGS.reference_key:
        config["reference_key"] = FLAGS.reference_key
    _prepare_output(output, targets, config | source)
    failures = _refine_files(
        targets, gradients=gradients, depth_format=depth_format, fusion=fusion
    )
    print(
        f"{len(targets) - len(failures)} of {len(targets)} depth maps are in {output}."
    )
    if FLAGS.images and (skipped := images_of_folder(FLAGS.images)[1]):
        print(file_list("Skipped:", skipped), file=sys.stderr)
    if failures:
        sys.exit(file_list("Error: could not be refined:", failures))


@flags_only
def main() -> None:
    """Checks the flags and refines."""
    _check_flags()
    output = pathlib.Path(FLAGS.output)
    with result_folder(_PROGRAM, output):
        _fuse(output)


def run() -> None:
    """Runs the program with the arguments of the command line."""
    run_program(
        sys.modules[__name__], main, _define_flags, config_flags, program=_PROGRAM
    )


if __name__ == "__main__":
    run()
