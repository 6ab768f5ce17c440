r"""Predicts depth, depth gradients and the fused depth with trained networks.

For a record set, it writes one `<name>.npz` per image:

    dpde predict --depth_run=runs/nyu/depth \
        --gradient_run=runs/nyu/gradient --records=data/records/nyu_depth_v2 \
        --output=runs/nyu/predictions/dpde

For photographs of any size (files or folders), it writes the NPZ and a picture of all
maps, `<name>_prediction.png`, at the size at which the networks see the photograph. It
also writes `<name>_depth.png` and `<name>_fused.png`, in 16-bit millimetres at the size
of the photograph. --export=html adds a page `<name>.html` with the scene in 3D; ply and
glb are for other programs:

    dpde predict photo.jpg --output=out --export=html

Depth is uncertain where the depth network and the context network disagree. The array
`uncertainty` in the NPZ, also shown in the picture, is the expected error in metres.
--max_uncertainty=METRES omits more uncertain pixels from the 3D files.

Depth and 3D files are scaled for the camera given by --fov_x or --focal, or else for
the one in the EXIF of the photograph. Without any of these, a camera like that of the
training images is assumed. Each line of output describes the camera.

Transparent parts of a photograph are composited over grey. The range of files with 16
bits per channel (10, 12, 14 or all bits) is detected and reported, unless --image_bits
gives it. Of a GIF, the first frame is used. In a folder, hidden files are ignored.
Files that are not images are named at the end, and so are those that cannot be
predicted, with exit code 1.

For videos, it writes `<name>_prediction.mp4`: each frame beside its depth, in one
colour scale for the whole video. --every=N predicts the first of every N frames, and
--npz also writes `<name>_frames/<number>.npz`. Ctrl-C leaves a playable video:

    dpde predict clip.mp4 --every=2

Without --depth_run, the networks that come with the library are used.

Existing predictions of records from the same networks, options and records are kept,
so that an interrupted run can be resumed. `run.json` records how the last ones were
made. Files of other names in the folder are not changed.
"""

import contextlib
import functools
import pathlib
import sys
from collections.abc import Callable, Sequence

import keras
from absl import app, flags

from dpde_tf.cli import config_flags, network_flags
from dpde_tf.cli.config_flags import (
    config_from_flags,
    define_config_flags,
)
from dpde_tf.cli.errors import readable_errors
from dpde_tf.cli.image_bits_flag import define_image_bits
from dpde_tf.cli.network_flags import (
    check_network_flags,
    check_network_options,
    define_network_flags,
    network_runs,
)
from dpde_tf.cli.path_flags import define_path, define_paths, expand_home
from dpde_tf.cli.program import run_program
from dpde_tf.cli.result_record import write_result_record
from dpde_tf.cli.run_config import is_of_record
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.config import FusionConfig, PredictionConfig, UncertaintyConfig
from dpde_tf.data import manifest
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.checksums import file_sha256
from dpde_tf.files.errors import file_list
from dpde_tf.files.folders import removed_if_empty
from dpde_tf.files.locks import LOCK_FILE, lock_file, lock_folder
from dpde_tf.inference.former_predictions import (
    former_predictions,
    former_results,
    input_checksum,
    origins_of,
    wait_for_first_worker,
)
from dpde_tf.inference.photograph_batches import predict_photographs
from dpde_tf.inference.photograph_cameras import CameraOptions
from dpde_tf.inference.photograph_files import (
    find_photographs,
    find_videos,
    skipped_files,
)
from dpde_tf.inference.photographs import (
    photograph_files,
    reconstruction_files_of,
)
from dpde_tf.inference.predictor import DepthPredictor, working_size
from dpde_tf.inference.progress import progress_bar
from dpde_tf.inference.records import (
    first_records,
    held_out_records,
    predict_records,
    record_files,
    share_of_worker,
)
from dpde_tf.inference.videos import (
    predict_video,
    video_file,
    video_frame_files,
    video_frames_folder,
)
from dpde_tf.runs.file_origins import FileOrigins
from dpde_tf.runs.precision import PRECISIONS, resolve_precision
from dpde_tf.runs.run_folder import training_dataset
from dpde_tf.runs.run_record import check_program, config_as_dict
from dpde_tf.runs.trained_networks import (
    common_image_size,
    load_networks,
    weights_sha256,
)
from dpde_tf.training.distribution import Distribution
from dpde_tf.training.strategies import DISTRIBUTIONS, make_strategy, worker_rank
from dpde_tf.visualization.reconstruction.files import FORMATS, check_formats

FLAGS = flags.FLAGS
_PROGRAM = "experiments.predict"
_INTERRUPTED = 130  # The exit code of programs that Ctrl-C ended.
# Flags of the camera of photographs.
_CAMERA = ("fov_x", "focal", "exif")
_OF_RECORDS = ("split", "num_records", "held_out", "batch_size")
_CONFIGS = (PredictionConfig, FusionConfig, UncertaintyConfig)


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_network_flags()
    define_path("records", None, "Folder of a record set to predict.")
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_integer(
        "num_records",
        None,
        "Predict only records that are among the first N of the split.",
        lower_bound=1,
    )
    flags.DEFINE_bool(
        "held_out",
        False,
        "Predict only the records that the training of --depth_run held out, into a "
        "folder of their own.",
    )
    define_paths("images", None, "Image, video or folder of images; may be repeated.")
    define_path("output", "predictions", "Folder of the predictions.")
    flags.DEFINE_list("export", [], "3D files of photographs: some of ply, glb, html.")
    flags.DEFINE_float(
        "fov_x", None, "Angle of view across the width of the photographs, degrees."
    )
    flags.DEFINE_float("focal", None, "Focal length of the photographs, in pixels.")
    flags.DEFINE_bool("exif", True, "Use the focal length in the EXIF of photographs.")
    flags.DEFINE_float(
        "max_uncertainty",
        None,
        "Omit pixels of larger uncertainty (metres) from the 3D files.",
    )
    define_image_bits()
    flags.DEFINE_integer(
        "every", 1, "For videos: predict the first of every N frames.", lower_bound=1
    )
    flags.DEFINE_bool("npz", False, "For videos: also write all maps of each frame.")
    flags.DEFINE_integer("batch_size", 8, "Records per batch.", lower_bound=1)
    flags.DEFINE_enum(
        "precision",
        "float32",
        PRECISIONS,
        "Precision of the networks; float32 gives the same numbers on all machines.",
    )
    flags.DEFINE_enum(
        "distribution",
        "none",
        DISTRIBUTIONS,
        "Use one device, all GPUs of this machine, or the machines of TF_CONFIG.",
    )
    flags.DEFINE_bool("overwrite", False, "Replace what earlier commands predicted.")
    define_config_flags(*_CONFIGS)


def _run_config(configs: Sequence[object], precision: str, data: dict) -> dict:
    """Returns all that affects the numbers: weights, options, precision and data."""
    runs = network_runs()
    return config_as_dict(*configs) | {
        "networks": runs,
        "weights_sha256": {name: weights_sha256(run) for name, run in runs.items()},
        "data": data,
        "precision": {"precision": precision},
    }


def _records_data() -> dict:
    """Which records are predicted; the manifest tells conversions apart."""
    path = pathlib.Path(FLAGS.records) / manifest.FILE_NAME
    return {
        "records": FLAGS.records,
        "split": FLAGS.split,
        "held_out": FLAGS.held_out,
        "manifest_sha256": file_sha256(path),
    }


def _prepare_output(
    output: pathlib.Path, config: dict, former: Callable[..., list[pathlib.Path]]
) -> None:
    """Writes the run's record; refuses predictions of another one, or replaces them."""
    worker, _ = worker_rank(FLAGS.distribution)
    if worker:
        wait_for_first_worker(output, config)
        return
    check_program(output, _PROGRAM)
    # They would be taken for this run's.
    for path in former(output, config, overwrite=FLAGS.overwrite):
        path.unlink()
    write_result_record(output, _PROGRAM, config)


def _lock_output() -> contextlib.AbstractContextManager:
    """The lock of the folder; each further worker has one of its own."""
    output, (worker, _) = pathlib.Path(FLAGS.output), worker_rank(FLAGS.distribution)
    if not worker:
        return lock_folder(output)
    return lock_file(output / f"{LOCK_FILE}-worker-{worker}", guarded=output)


def _load_predictor(
    options: PredictionConfig, fusion: FusionConfig, uncertainty: UncertaintyConfig
) -> DepthPredictor:
    """The networks that the flags name, on the devices of this process."""
    runs = network_runs()
    alone = FLAGS.distribution == "none"
    distribution = Distribution(make_strategy("none" if alone else "mirrored"))
    once = alone and not FLAGS.records and not options.test_time_flip
    with distribution.strategy.scope():
        networks = load_networks(**runs, compact=once)
    check_network_options(networks)
    return DepthPredictor(
        **networks,
        fusion=fusion,
        options=options,
        uncertainty=uncertainty,
        apply=distribution.apply if distribution.num_replicas > 1 else None,
    )


def _predict(output: pathlib.Path) -> None:
    """Loads the networks, and predicts what the flags say."""
    precision = resolve_precision(FLAGS.precision)
    keras.config.set_dtype_policy(precision)
    values = FLAGS.flag_values_dict()
    configs = [config_from_flags(one(), values) for one in _CONFIGS]
    check_formats(FLAGS.export)
    videos = _videos()
    only_videos = videos and len(videos) == len(FLAGS.images)
    if only_videos:
        check_unset("image_bits", needs="photographs")
    predictor = _load_predictor(*configs)
    if FLAGS.records:
        records = RecordSet.open(FLAGS.records, FLAGS.split)
        config = _run_config(configs, precision, _records_data())
        _predict_records(predictor, records, output, config)
    else:
        names = ("image_bits", "every", *_CAMERA)
        data = {name: FLAGS[name].value for name in names}
        config = _run_config(configs, precision, data)
        _predict_images(predictor, videos, output, config)


def _predict_records(
    predictor: DepthPredictor, records: RecordSet, output: pathlib.Path, config: dict
) -> None:
    """Predicts the records that the flags name."""
    size = records.manifest.image_size
    if predictor.options.at_training_size:
        size = working_size(size, common_image_size(network_runs().values()))
    chosen = records
    if FLAGS.held_out:
        chosen = held_out_records(records, network_runs()["depth_run"])
    first = first_records(chosen, FLAGS.num_records)
    later = record_files(records.without(first.selected), output)
    due = record_files(first, output)
    former = functools.partial(former_predictions, due=due, later=later)
    _prepare_output(output, config, former)
    share = share_of_worker(first, *worker_rank(FLAGS.distribution))
    predict_records(predictor, share, output, batch_size=FLAGS.batch_size, size=size)
    print(f"Predicted records in {output}: {share.num_records}.")


def _files_of(
    photographs: Sequence[pathlib.Path],
    videos: Sequence[pathlib.Path],
    origins: FileOrigins,
) -> tuple[dict[pathlib.Path, str], dict[pathlib.Path, str]]:
    """The files that are written, and 3D files and frames that are left of former runs.

    Each has the checksum of its photograph or video. Without a record of them, 3D files
    and frames are not from this program.
    """
    output, written, left = origins.folder, {}, {}
    for path in photographs:
        files = photograph_files(path, output)
        files += reconstruction_files_of(path, output, FLAGS.export)
        others = reconstruction_files_of(path, output, FORMATS)
        others = [f for f in others if origins.of(f) and f not in files]
        checksum = input_checksum(path, [*files, *others])
        written |= dict.fromkeys(files, checksum)
        left |= dict.fromkeys(others, checksum)
    for path in videos:
        folder = video_frames_folder(path, output)
        files = [video_file(path, output), *([folder] if FLAGS.npz else [])]
        frames = FLAGS.npz or origins.of(folder)
        others = video_frame_files(path, output) if frames else []
        checksum = input_checksum(path, [*files, *others])
        written |= dict.fromkeys(files, checksum)
        left |= dict.fromkeys(others, checksum)
    return written, left


def _predict_images(
    predictor: DepthPredictor,
    videos: Sequence[pathlib.Path],
    output: pathlib.Path,
    config: dict,
) -> None:
    """Predicts the files that the flags name; exits with 1 if one of them fails."""
    names = [name for name in FLAGS.images if pathlib.Path(name) not in videos]
    photographs = find_photographs(names, output) if names else []
    options = {
        "training_size": common_image_size(network_runs().values()),
        "dataset": training_dataset(network_runs()["depth_run"]),
        "camera": CameraOptions(FLAGS.fov_x, FLAGS.focal, read_exif=FLAGS.exif),
    }
    origins = FileOrigins.read(output)
    written, left = _files_of(photographs, videos, origins)
    record = origins_of(origins, config, written, left, overwrite=FLAGS.overwrite)

    def former(_: pathlib.Path, config: dict, *, overwrite: bool) -> list[pathlib.Path]:
        return former_results(origins, config, written, left, overwrite=overwrite)

    _prepare_output(output, config | {"origins": record}, former)
    failures = {}
    if photographs:
        failures |= _predict_photographs(predictor, photographs, output, options)
    interrupted, failed_videos = _predict_videos(predictor, videos, output, options)
    failures |= failed_videos
    if skipped := skipped_files(names):
        print(file_list("Skipped:", skipped), file=sys.stderr)
    failed = file_list("Error: could not be predicted:", failures)
    if interrupted:
        if failures:
            print(failed, file=sys.stderr)
        sys.exit(_INTERRUPTED)
    if failures:
        sys.exit(failed)


def _videos() -> list[pathlib.Path]:
    """The videos that the flags name."""
    videos = find_videos(FLAGS.images or (), pathlib.Path(FLAGS.output))
    if videos:
        check_unset("export", needs="photographs; there are videos")
    else:
        check_unset("npz", "every", needs="a video")
    return videos


def _predict_photographs(
    predictor: DepthPredictor,
    paths: Sequence[pathlib.Path],
    output: pathlib.Path,
    options: dict,
) -> dict[pathlib.Path, str]:
    """Predicts photographs; returns those that failed, with their reasons."""
    with progress_bar(len(paths), "photograph") as advance:

        def done(picture: pathlib.Path, camera: object) -> None:
            stem = picture.name.removesuffix("_prediction.png")
            page = f", {stem}.html" if "html" in FLAGS.export else ""
            print(f"{picture}{page}: {camera}")
            advance(1)

        return predict_photographs(
            predictor,
            paths,
            output,
            done=done,
            export=FLAGS.export,
            max_uncertainty=FLAGS.max_uncertainty if FLAGS.export else None,
            image_bits=FLAGS.image_bits,
            **options,
        )


def _predict_videos(
    predictor: DepthPredictor,
    paths: Sequence[pathlib.Path],
    output: pathlib.Path,
    options: dict,
) -> tuple[bool, dict[pathlib.Path, str]]:
    """Predicts videos; returns whether the user ended it, and those that failed."""
    failures = {}
    options = options | {"every": FLAGS.every, "npz": FLAGS.npz}
    for path in paths:
        try:
            video = predict_video(predictor, path, output, **options)
        except (ValueError, OSError) as error:
            failures[path] = str(error)
            continue
        print(f"{video.path}: {video.camera}")
        if video.interrupted:
            print(
                f"Interrupted: {video.path} has the first {video.num_frames} of "
                f"{video.num_due} frames.",
                file=sys.stderr,
            )
            return True, failures
    return False, failures


def main(argv: Sequence[str]) -> None:
    """Checks the flags and predicts; other arguments are images and videos."""
    if argv[1:]:
        former = [] if is_of_record("images") else FLAGS.images or []
        with readable_errors():
            FLAGS.images = [*former, *map(expand_home, argv[1:])]
        FLAGS["images"].present += 1  # For the record of the run.
    elif is_of_record("images") and not is_of_record("records"):
        FLAGS.images = None if FLAGS.records else FLAGS.images
    if FLAGS.images and is_of_record("records"):
        FLAGS.records = None
    check_network_flags()
    if bool(FLAGS.records) == bool(FLAGS.images):
        raise app.UsageError(
            "Give either photographs, as in `dpde predict photo.jpg`, or --records."
        )
    if FLAGS.records:
        check_unset(*_CAMERA, "export", "image_bits", needs="photographs (--images)")
    else:
        check_unset(*_OF_RECORDS, needs="--records")
    if not FLAGS.export:
        check_unset("max_uncertainty", needs="--export")
    if FLAGS.images and FLAGS.distribution == "multi_worker":
        raise app.UsageError("--distribution=multi_worker needs --records.")
    if FLAGS.images and FLAGS.at_training_size is False:
        raise app.UsageError("--noat_training_size needs --records.")
    output = pathlib.Path(FLAGS.output)
    with readable_errors():
        first = worker_rank(FLAGS.distribution)[0] == 0
        unused = removed_if_empty(output) if first else contextlib.nullcontext()
        with unused, _lock_output():
            _predict(output)


def run() -> None:
    """Runs the program with the arguments of the command line."""
    run_program(
        sys.modules[__name__],
        main,
        _define_flags,
        config_flags,
        network_flags,
        program=_PROGRAM,
    )


if __name__ == "__main__":
    run()
