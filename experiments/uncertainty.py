r"""Evaluates the predicted uncertainty, or fits its coefficients.

Fit them on images that the networks have not seen, or say so beside the coefficients:

    python -m experiments.predict --records=data/records/nyu_depth_v2 --split=train \
        --held_out --depth_run=DEPTH --gradient_run=CONTEXT --output=runs/held_out
    python -m experiments.uncertainty --records=data/records/nyu_depth_v2 \
        --split=train --predictions=runs/held_out --fit

prints the flags with the coefficients. Without --fit, the program prints the areas of
the sparsification curves (AUSE: 0 is perfect; AURG: 0 is chance), averaged over the
images, and the mean error of each tenth of the pixels, sorted by uncertainty. --figure
draws the curves; it needs matplotlib (`pip install 'dpde_tf[report]'`).

Records without a prediction are left out, and their number is printed.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from absl import flags

from dpde_tf.cli import config_flags
from dpde_tf.cli.config_flags import (
    config_from_flags,
    define_config_flags,
)
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.config import UncertaintyConfig
from dpde_tf.data.manifest import read_manifest
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.predictions import PredictionFolder
from dpde_tf.inference.uncertainty import expected_error, fit_uncertainty
from dpde_tf.metrics.sparsification import SHARES, Sparsification, sparsification
from dpde_tf.reporting.extra import import_extra

FLAGS = flags.FLAGS
_KEYS = ("depth", "context_depth", "fused")
_TENTHS = 10


class Pixels(NamedTuple):
    """The measured pixels of an image, each `[N]`, metres.

    Attributes:
        depth: Of the depth network.
        context_depth: Of the context network.
        error: |fused - true depth|.
    """

    depth: np.ndarray
    context_depth: np.ndarray
    error: np.ndarray


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("predictions", None, "Folder of .npz files.", required=True)
    define_path("records", None, "Folder of the record set.", required=True)
    flags.DEFINE_string("split", "test", "Split of the record set.")
    flags.DEFINE_bool("fit", False, "Print coefficients that fit these predictions.")
    define_path("figure", None, "PNG or PDF of the sparsification curves.")
    define_config_flags(UncertaintyConfig)


def read_pixels(folder: pathlib.Path, records: str, split: str) -> Iterator[Pixels]:
    """Yields the measured pixels of each record that has a prediction.

    Args:
        folder: Folder of predictions, with a context network.
        records: Folder of the record set.
        split: Name of the split.

    Yields:
        One image at a time.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If no record has a prediction, or one is damaged, has another size
            or has no context network.
    """
    predictions = PredictionFolder.open(folder)
    names = [path.stem for path in predictions.files.values()]
    for name, _, truth in read_split(records, split, names=names):
        maps = predictions.read(name, _KEYS)
        if maps["fused"].shape != truth.shape:
            raise ValueError(
                f"The prediction of {name!r} in {folder} must have the size of the "
                f"record, {truth.shape}. Received: {maps['fused'].shape}."
            )
        known = truth > 0
        if not known.any():
            continue
        depth, context_depth, fused = (maps[key][known] for key in _KEYS)
        yield Pixels(depth, context_depth, np.abs(fused - truth[known]))


def sparsifications(
    images: Sequence[Pixels], config: UncertaintyConfig
) -> list[Sparsification]:
    """Returns the sparsification of each image.

    Args:
        images: The pixels.
        config: The coefficients.

    Returns:
        One for each image.
    """
    return [
        sparsification(
            image.error,
            expected_error(image.depth, image.context_depth, config).numpy(),
        )
        for image in images
    ]


def reliability(images: Sequence[Pixels], config: UncertaintyConfig) -> np.ndarray:
    """Returns the mean uncertainty and error of tenths of all pixels.

    Args:
        images: The pixels.
        config: The coefficients.

    Returns:
        `[10, 2]`, metres, from the least doubtful tenth on.
    """
    doubt = np.concatenate(
        [expected_error(i.depth, i.context_depth, config).numpy() for i in images]
    )
    error = np.concatenate([image.error for image in images])
    tenths = np.array_split(np.argsort(doubt, kind="stable"), _TENTHS)
    return np.array([[doubt[part].mean(), error[part].mean()] for part in tenths])


def draw_curves(path: pathlib.Path, curves: Sequence[Sparsification]) -> None:
    """Draws the mean of the curves of all images.

    Args:
        path: PNG or PDF to write.
        curves: One for each image.

    Raises:
        ValueError: If matplotlib is not installed.
    """
    drawing = import_extra("matplotlib.figure")
    figure = drawing.Figure(figsize=(5, 3.5), layout="constrained")
    axes = figure.subplots()
    curve = np.mean([one.curve for one in curves], axis=0)
    axes.plot(SHARES, np.full_like(curve, curve[0]), ":", label="by chance")
    axes.plot(SHARES, curve, label="by the uncertainty")
    axes.plot(SHARES, np.mean([c.oracle for c in curves], axis=0), "--", label="oracle")
    axes.set_xlabel("share of the pixels removed, the most doubtful first")
    axes.set_ylabel("RMS error of the others (m)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150, format=path.suffix[1:])


@flags_only
def main() -> None:
    """Fits, or prints scores."""
    if FLAGS.fit:
        coefficients = [field.name for field in dataclasses.fields(UncertaintyConfig)]
        check_unset("figure", *coefficients, needs="a run without --fit")
    images = list(read_pixels(FLAGS.predictions, FLAGS.records, FLAGS.split))
    if not images:
        raise ValueError("No predicted record has true depth. Use another --split.")
    total = read_manifest(FLAGS.records).split(FLAGS.split).num_records
    if left_out := total - len(images):
        print(f"Left out, without prediction or depth: {left_out} records.")
    if FLAGS.fit:
        found = fit_uncertainty(*zip(*images, strict=True))
        values = dataclasses.asdict(found).items()
        chosen = " ".join(f"--{name}={value:.4g}" for name, value in values)
        print(f"{len(images)} images: {chosen}")
        return
    config = config_from_flags(UncertaintyConfig(), FLAGS.flag_values_dict())
    curves = sparsifications(images, config)
    ause, aurg = (
        np.mean([getattr(c, name) for c in curves]) for name in ("ause", "aurg")
    )
    print(f"{len(images)} images: AUSE {ause:.3f}, AURG {aurg:.3f}")
    print("mean uncertainty and error (m) of tenths of the pixels:")
    for doubt, error in reliability(images, config):
        print(f"  {doubt:.3f}  {error:.3f}")
    if FLAGS.figure:
        draw_curves(pathlib.Path(FLAGS.figure), curves)
        print(f"Written: {FLAGS.figure}")


if __name__ == "__main__":
    _define_flags()
    flags.adopt_module_key_flags(config_flags)
    run_main(main)
