"""Losses, validation metrics and pictures of each network."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar, Protocol

import numpy as np
import tensorflow as tf

from dpde_tf import losses
from dpde_tf.config import (
    ContextLossConfig,
    DepthLossConfig,
    GradientLossConfig,
    GuidedLossConfig,
)
from dpde_tf.files.resizing import at_one_size
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.metrics import PixelErrors
from dpde_tf.metrics.boundary_f1 import BoundaryF1
from dpde_tf.metrics.edge_accuracy import EdgeAccuracy
from dpde_tf.metrics.gradient_map_errors import GradientMapErrors
from dpde_tf.visualization.colours import colorize_depth, colorize_gradients

Batch = dict[str, tf.Tensor]


class Objective(Protocol):
    """The part of training that differs between the networks."""

    inputs: tuple[str, ...]
    """Fields of the batch that are inputs of the network."""

    def losses(self, batch: Batch, predicted: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `loss`, its terms, and `measured`, each `[B]`.

        `measured` is the share of the pixels that the loss uses; the loss of an image
        without such pixels has no meaning.

        Args:
            batch: `image` `[B, H, W, 3]` and `depth` `[B, H, W, 1]`.
            predicted: Output of the network.
        """

    def scores(self, batches: Iterable[tuple[Batch, np.ndarray]]) -> dict[str, float]:
        """Returns the validation metrics over (batch, prediction) pairs.

        Args:
            batches: All batches of the validation set, with the output of the network.
        """

    def pictures(self, batch: Batch, predicted: np.ndarray) -> list[np.ndarray]:
        """Returns pictures of the first image: truth and prediction, RGB uint8.

        Args:
            batch: Batch with the first image.
            predicted: Output of the network.
        """


@dataclasses.dataclass(frozen=True)
class DepthObjective:
    """BerHu and 1 - FSIM of the depth, at the size of the output of the network.

    Attributes:
        config: Weights and options; `max_depth` must not be None.

    Source: Xu & Liu (2021), Eq. 1.
    """

    config: DepthLossConfig
    inputs: ClassVar = ("image",)

    def __post_init__(self) -> None:
        """Checks the options."""
        losses.DepthLoss(**dataclasses.asdict(self.config))

    def losses(self, batch: Batch, predicted: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `loss`, `berhu`, `measured` and, if weighted, `fsim_loss`, `log`."""
        truth, predicted = at_one_size(batch["depth"], predicted)
        loss = losses.DepthLoss(**dataclasses.asdict(self.config))
        return loss.terms(truth, predicted) | {"measured": _share(truth > 0.0)}

    def scores(self, batches: Iterable[tuple[Batch, np.ndarray]]) -> dict[str, float]:
        """Returns the metrics of the paper at the size of the ground truth."""
        total = np.zeros(PixelErrors.NUM_SUMS)
        for batch, predicted in batches:
            truth = batch["depth"].numpy()
            full = tf.image.resize(predicted, truth.shape[1:3]).numpy()
            for one_truth, one in zip(truth[..., 0], full[..., 0], strict=True):
                total += PixelErrors(one_truth, one_truth > 0).sums(one)
        values = PixelErrors.values(total).tolist()
        return dict(zip(PixelErrors.NAMES, values, strict=True))

    def pictures(self, batch: Batch, predicted: np.ndarray) -> list[np.ndarray]:
        """Returns colour maps of the true and the predicted depth, on one scale."""
        truth = batch["depth"][0, ..., 0].numpy()
        shown = tf.image.resize(predicted[:1], truth.shape).numpy()[0, ..., 0]
        limits = {"min_depth": 0.0, "max_depth": float(truth.max())}
        return [colorize_depth(truth, **limits), colorize_depth(shown, **limits)]


@dataclasses.dataclass(frozen=True)
class GradientObjective:
    """The logarithmic l1 loss of the depth gradients.

    Attributes:
        config: Constant of the loss.

    Source: Xu & Liu (2021), Eq. 4.
    """

    config: GradientLossConfig
    inputs: ClassVar = ("image",)

    def __post_init__(self) -> None:
        """Checks the constant."""
        losses.LogGradient(self.config.alpha)

    def losses(self, batch: Batch, predicted: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `loss` and `measured`."""
        truth, valid_mask = losses.true_gradients(batch["depth"])
        loss = losses.gradient_loss(
            truth, predicted, alpha=self.config.alpha, valid_mask=valid_mask
        )
        return {"loss": loss, "measured": _share(valid_mask)}

    def scores(self, batches: Iterable[tuple[Batch, np.ndarray]]) -> dict[str, float]:
        """Returns `GradientMapErrors`, and loss and absolute error for predicting zero.

        A network that is not better than predicting zero has learned nothing.
        """
        total, total_of_zero = np.zeros([2, GradientMapErrors.NUM_SUMS])
        for batch, predicted in batches:
            truth, valid_mask = (
                x.numpy() for x in losses.true_gradients(batch["depth"])
            )
            errors = GradientMapErrors(truth, valid_mask, alpha=self.config.alpha)
            total += errors.sums(predicted)
            total_of_zero += errors.sums(np.zeros_like(truth))
        names = GradientMapErrors.NAMES
        values = GradientMapErrors.values(total).tolist()
        of_zero = GradientMapErrors.values(total_of_zero).tolist()
        return dict(zip(names, values, strict=True)) | {
            f"{name}_of_zero": value
            for name, value in zip(names[:2], of_zero[:2], strict=True)
        }

    def pictures(self, batch: Batch, predicted: np.ndarray) -> list[np.ndarray]:
        """Returns colour maps of the true and the predicted gradients."""
        truth, _ = losses.true_gradients(batch["depth"][:1])
        return [
            colorize_gradients(maps[..., 0], maps[..., 1], limit=0.2)
            for maps in (truth.numpy()[0], predicted[0])
        ]


@dataclasses.dataclass(frozen=True)
class ContextObjective:
    """Absolute errors of depth, and of its differences, for the context network.

    Attributes:
        config: Weights.
    """

    config: ContextLossConfig
    inputs: ClassVar = ("image",)

    def losses(self, batch: Batch, predicted: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `loss`, `absolute`, `differences` and `measured`."""
        truth, config = batch["depth"], self.config
        absolute = losses.absolute_loss(truth, predicted)
        differences = losses.difference_loss(truth, predicted)
        loss = config.lambda_depth * absolute + config.lambda_differences * differences
        return {
            "loss": loss,
            "absolute": absolute,
            "differences": differences,
            "measured": _share(truth > 0.0),
        }

    def scores(self, batches: Iterable[tuple[Batch, np.ndarray]]) -> dict[str, float]:
        """Returns the scores of `GradientObjective` for the depth differences."""
        return _GRADIENTS.scores(
            (batch, _differences(predicted)) for batch, predicted in batches
        )

    def pictures(self, batch: Batch, predicted: np.ndarray) -> list[np.ndarray]:
        """Returns colour maps of the true and the predicted gradients."""
        return _GRADIENTS.pictures(batch, _differences(predicted))


@dataclasses.dataclass(frozen=True)
class GuidedObjective:
    """Absolute errors of depth, and of its differences, for the guided network.

    Depth is divided by the mean of the coarse map, so the errors have no unit.

    Attributes:
        config: Weights.
    """

    config: GuidedLossConfig
    inputs: ClassVar = ("image", "coarse_depth")

    def losses(self, batch: Batch, predicted: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `loss`, `level`, `steps` and `measured`."""
        mean = tf.reduce_mean(batch["coarse_depth"], axis=[1, 2, 3], keepdims=True)
        truth, predicted = batch["depth"] / mean, predicted / mean
        level = losses.absolute_loss(truth, predicted)
        steps = losses.difference_loss(truth, predicted)
        loss = self.config.lambda_level * level + self.config.lambda_steps * steps
        return {
            "loss": loss,
            "level": level,
            "steps": steps,
            "measured": _share(truth > 0.0),
        }

    def scores(self, batches: Iterable[tuple[Batch, np.ndarray]]) -> dict[str, float]:
        """Returns pixel, edge and boundary scores of the depth and the coarse map."""
        kinds = (PixelErrors, EdgeAccuracy, BoundaryF1)
        totals = {name: [0.0] * len(kinds) for name in ("", "_of_coarse")}
        for batch, predicted in batches:
            maps = {"": predicted, "_of_coarse": batch["coarse_depth"].numpy()}
            for row, truth in enumerate(batch["depth"].numpy()[..., 0].astype(float)):
                measures = [kind(truth, truth > 0) for kind in kinds]
                for name, depths in maps.items():
                    one = depths[row, ..., 0].astype(float)
                    for index, measure in enumerate(measures):
                        totals[name][index] += measure.sums(one)
        return {
            f"{measure}{name}": float(value)
            for name, sums in totals.items()
            for kind, total in zip(kinds, sums, strict=True)
            for measure, value in zip(kind.NAMES, kind.values(total), strict=True)
        }

    def pictures(self, batch: Batch, predicted: np.ndarray) -> list[np.ndarray]:
        """Returns colour maps of the true, the coarse and the sharp depth."""
        truth = batch["depth"][0, ..., 0].numpy()
        limits = {"min_depth": 0.0, "max_depth": float(truth.max())}
        maps = (truth, batch["coarse_depth"][0, ..., 0].numpy(), predicted[0, ..., 0])
        return [colorize_depth(one, **limits) for one in maps]


def network_inputs(objective: Objective, batch: Batch) -> tf.Tensor | Batch:
    """Returns the inputs of a network.

    Args:
        objective: Objective of the network, which names the inputs.
        batch: Batch with these fields.

    Returns:
        A single field, or a dictionary of several fields.
    """
    fields = {name: batch[name] for name in objective.inputs}
    return fields if len(fields) > 1 else fields.popitem()[1]


_GRADIENTS = GradientObjective(GradientLossConfig())


def _share(valid_mask: tf.Tensor) -> tf.Tensor:
    """The share of valid pixels of each image, `[B]`."""
    return tf.reduce_mean(tf.cast(valid_mask, tf.float32), axis=[1, 2, 3])


def _differences(depth: np.ndarray) -> np.ndarray:
    """Both gradients of a depth map, `[B, H, W, 2]`."""
    return np.concatenate(image_gradients(depth), axis=-1)
