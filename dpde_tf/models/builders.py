"""Builders of the networks that need no configuration."""

import dataclasses
import difflib
from typing import Any

import keras

from dpde_tf.config import (
    ContextNetworkConfig,
    DepthNetworkConfig,
    GradientNetworkConfig,
    GuidedNetworkConfig,
)
from dpde_tf.models.context import build_context_network
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.guided import build_guided_network

# Mean depth of the 795 training images of NYU Depth v2, metres.
_MEAN_DEPTH = 2.8


def modified_fcrn(weights: str | None = "imagenet", **options: Any) -> keras.Model:
    """Returns the depth network of the paper: FCRN with lateral connections.

    Args:
        weights: Weights of the encoder: `imagenet`, None or `none` for random ones, or
            a `.weights.h5` file of `keras.applications.ResNet50(include_top=False)`.
        **options: Fields of `DepthNetworkConfig`, such as `output_offset`, the depth
            in metres that an untrained network predicts (default: 2.8).

    Returns:
        Model from RGB `[B, H, W, 3]` in [0, 1] to depth in metres at half resolution,
        see `build_depth_network`.

    Raises:
        TypeError: If an option does not exist.

    Source: Xu & Liu (2021), Fig. 2.
    """
    defaults = {"encoder_weights": weights or "none", "output_offset": _MEAN_DEPTH}
    return build_depth_network(_config(DepthNetworkConfig, defaults | options))


def fcrn(weights: str | None = "imagenet", **options: Any) -> keras.Model:
    """Returns FCRN, the baseline: `modified_fcrn` without lateral connections.

    Args:
        weights: As for `modified_fcrn`.
        **options: As for `modified_fcrn`.

    Returns:
        Model, as for `modified_fcrn`.

    Source: Laina et al. (2016).
    """
    return modified_fcrn(weights, **{**options, "lateral_connections": False})


def gradient_network(**options: Any) -> keras.Model:
    """Returns the gradient network of the paper.

    Args:
        **options: Fields of `GradientNetworkConfig`, such as `width`.

    Returns:
        Model from RGB `[B, H, W, 3]` in [0, 1] to gradient_x and gradient_y in metres
        per pixel, `[B, H, W, 2]`, see `build_gradient_network`.

    Source: Xu & Liu (2021), Sect. 3.1.
    """
    return build_gradient_network(_config(GradientNetworkConfig, options))


def context_network(weights: str | None = "imagenet", **options: Any) -> keras.Model:
    """Returns the context network, which is not part of the paper.

    Args:
        weights: As for `modified_fcrn`.
        **options: Fields of `ContextNetworkConfig`.

    Returns:
        Model from RGB `[B, H, W, 3]` in [0, 1] to depth in metres, whose differences
        are the gradients, see `build_context_network`.
    """
    defaults = {
        "context_encoder_weights": weights or "none",
        "context_offset": _MEAN_DEPTH,
    }
    return build_context_network(_config(ContextNetworkConfig, defaults | options))


def guided_gradient_network(**options: Any) -> keras.Model:
    """Returns the guided network, which is not part of the paper.

    Args:
        **options: Fields of `GuidedNetworkConfig`.

    Returns:
        Model from an image and a coarse depth map to sharp depth, whose differences are
        the gradients, see `build_guided_network`.
    """
    return build_guided_network(_config(GuidedNetworkConfig, options))


def _config(kind: type, options: dict[str, Any]) -> Any:
    """Options of a network as an object; an unknown one is named."""
    known = [field.name for field in dataclasses.fields(kind)]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise TypeError(
                f"There is no option {name!r}. {hint}The options are those of "
                f"`dpde_tf.config.{kind.__name__}`: {', '.join(known)}."
            )
    return kind(**options)
