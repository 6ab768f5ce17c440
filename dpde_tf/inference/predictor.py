"""The whole method on images: the networks, then the fusion."""

import collections
import contextlib
import dataclasses
import functools
import math
import threading
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from dpde_tf.config import FusionConfig, PredictionConfig, UncertaintyConfig
from dpde_tf.files.images import resize_image
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.fusion.image_gradients import image_gradients, resize_gradients
from dpde_tf.fusion.irls import XLA_FROM
from dpde_tf.inference.network_call import call_network
from dpde_tf.inference.network_graphs import NetworkGraphs
from dpde_tf.inference.sharpening import check_sharpening, sharpened
from dpde_tf.inference.uncertainty import expected_error
from dpde_tf.metrics import MIN_DEPTH

SMALLEST_SIDE = 32
"""Pixels that the networks need along each side."""
# How far resizing may carry values out of [0, 1].
_OVERSHOOT = 1e-3
_NOTHING = contextlib.nullcontext()


class _EndedError(Exception):
    """The prediction has ended, or needs no further graph."""


@dataclasses.dataclass(frozen=True)
class DepthPredictor:
    """Predicts depth, its gradients and their fusion.

    Attributes:
        depth_network: As `build_depth_network` returns it.
        gradient_network: As `build_gradient_network` returns it, or None.
        fusion: Parameters of the fusion.
        options: How the networks are applied.
        context_network: As `build_context_network` returns it, in the place of a
            gradient network, or None.
        guided_network: As `build_guided_network` returns it, or None. It sees the depth
            that the fusion starts from, and its gradients take the place of all others.
            Without any of the three there is no fusion.
        uncertainty: Coefficients of the uncertainty, which needs a context network.
        apply: `apply(function, image)` spreads the images over several devices; None
            for `function(image)`.
        graphs_from: Number of images of a size from which the networks have graphs,
            which take time and memory to make; a batch counts all its images.
    """

    depth_network: keras.Model
    gradient_network: keras.Model | None = None
    fusion: FusionConfig = dataclasses.field(default_factory=FusionConfig)
    options: PredictionConfig = dataclasses.field(default_factory=PredictionConfig)
    context_network: keras.Model | None = None
    guided_network: keras.Model | None = None
    uncertainty: UncertaintyConfig = dataclasses.field(
        default_factory=UncertaintyConfig
    )
    apply: Callable[[Callable, tf.Tensor], tf.Tensor] | None = None
    graphs_from: int = 2
    _images_by_size: collections.Counter = dataclasses.field(
        default_factory=collections.Counter, init=False, repr=False, compare=False
    )
    _graphs: NetworkGraphs = dataclasses.field(
        default_factory=NetworkGraphs, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Checks the options."""
        check_sharpening(self.options.sharpening)

    def predict(self, image: tf.Tensor | np.ndarray) -> dict[str, np.ndarray]:
        """Returns the predictions for a batch of images.

        The first images of a size are computed without graphs, see `graphs_from`, and
        `fuse_depth_and_gradients` for the fusion.

        Args:
            image: RGB, `[B, H, W, 3]`: uint8, or floating-point in [0, 1]. H and W may
                differ from call to call; the networks know images of at least 32x32.

        Returns:
            Maps by name, each float32 `[B, H, W]`, in metres: `depth`, the output of
            the depth network, resized bilinearly to the image; with a context network,
            its `context_depth` and `uncertainty`, the expected error; with a guided
            network, its output `sharp_depth`, after `sharpening`; with any network for
            gradients, `gradient_x` and `gradient_y` (metres per pixel) and `fused`.

        Raises:
            ValueError: If `image` has another form, see `network_input`.

        Source: Xu & Liu (2021), Fig. 1.
        """
        image = network_input(image)
        size = tuple(image.shape[1:3])
        self._images_by_size[size] += image.shape[0]
        compiled = self._images_by_size[size] >= self.graphs_from
        with self._tracing(image) if compiled and self._is_new(size) else _NOTHING:
            maps = self.maps_of(
                image,
                run=functools.partial(self._run, compiled=compiled),
                fuse=functools.partial(_fuse, self.fusion),
            )
        return {name: values.numpy()[..., 0] for name, values in maps.items()}

    def _is_new(self, size: tuple[int, int]) -> bool:
        """Whether graphs for images of a size can be, and are not yet made."""
        alone = self.apply is None and not tf.config.functions_run_eagerly()
        return alone and not self._graphs.has("depth", size)

    def maps_of(
        self,
        image: tf.Tensor,
        *,
        run: Callable[[str, object], tf.Tensor],
        fuse: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        """Returns the predictions as tensors; the graph of the whole method.

        Args:
            image: As `network_input` returns it, `[B, H, W, 3]`.
            run: Applies a network: `run("depth", image)`, see `apply_network`.
            fuse: From the initial depth and the two gradients to the fused depth.

        Returns:
            The maps of `predict`, each `[B, H, W, 1]`.
        """
        maps = {"depth": run("depth", image)}
        start = maps["depth"]
        if self.context_network is not None:
            context = maps["context_depth"] = run("context_depth", image)
            maps["uncertainty"] = expected_error(start, context, self.uncertainty)
            start += self.options.context_share * (context - start)
        if self.guided_network is not None:
            maps["sharp_depth"] = run("sharp_depth", (image, start))
            gradients = image_gradients(maps["sharp_depth"])
            maps["gradient_x"], maps["gradient_y"] = gradients
        elif self.context_network is not None:
            maps["gradient_x"], maps["gradient_y"] = image_gradients(context)
        elif self.gradient_network is not None:
            gradients = run("gradients", image)
            maps["gradient_x"] = gradients[..., :1]
            maps["gradient_y"] = gradients[..., 1:]
        if "gradient_x" in maps:
            maps["fused"] = fuse(start, maps["gradient_x"], maps["gradient_y"])
        return maps

    def apply_network(self, name: str, inputs: object) -> tf.Tensor:
        """Returns the output of a network at the size of the image.

        Args:
            name: `depth`, `context_depth`, `sharp_depth` or `gradients`.
            inputs: Images `[B, H, W, 3]`; for `sharp_depth` images and depth.

        Returns:
            `[B, H, W, 1]`, or `[B, H, W, 2]` for `gradients`.
        """
        return getattr(self, f"_{name}")(inputs)

    def _run(self, name: str, inputs: object, *, compiled: bool) -> tf.Tensor:
        """The output of one of the methods below."""
        function = getattr(self, f"_{name}")
        if compiled:
            image = inputs[0] if name == "sharp_depth" else inputs
            function = self._graphs(name, function, tuple(image.shape[1:3]))
        return self.apply(function, inputs) if self.apply else function(inputs)

    @contextlib.contextmanager
    def _tracing(self, image: tf.Tensor) -> Iterator[None]:
        """Makes the graphs of an image in a thread, ahead of the block that uses them.

        Python makes the next graph while TensorFlow computes the last one. What fails
        in the thread is left to the block, which makes the graph itself then.
        """
        batch, size = tuple(image.shape[:3]), tuple(image.shape[1:3])
        ended = threading.Event()

        def trace(name: str, _: object) -> tf.Tensor:
            if ended.is_set():
                raise _EndedError
            graph = self._graphs(name, getattr(self, f"_{name}"), size)
            graph.get_concrete_function()
            return tf.zeros([*batch, 2 if name == "gradients" else 1])

        def fuse(*maps: tf.Tensor) -> tf.Tensor:
            """Needs no iteration: the gradients are 0, as those of the depth."""
            if ended.is_set() or batch[0] >= XLA_FROM:
                raise _EndedError
            options = dataclasses.asdict(self.fusion)
            return fuse_depth_and_gradients(*maps, **options, jit_compile=False).depth

        def make_graphs() -> None:
            with contextlib.suppress(Exception):
                self.maps_of(image, run=trace, fuse=fuse)

        thread = threading.Thread(target=make_graphs)
        try:
            with contextlib.suppress(RuntimeError):  # Python is about to end.
                thread.start()
            yield
            if thread.ident is not None:
                thread.join()
        finally:
            ended.set()

    def _depth(self, image: tf.Tensor) -> tf.Tensor:
        """The global depth at the image's size."""
        return self._depth_of(self.depth_network, image)

    def _context_depth(self, image: tf.Tensor) -> tf.Tensor:
        """The depth of the context network at the image's size."""
        return self._depth_of(self.context_network, image)

    def _sharp_depth(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """The depth that the guided network makes of an image and a depth map."""
        image, depth = inputs
        # Its logarithm is taken.
        depth = tf.maximum(depth, MIN_DEPTH)
        sharp = self._averaged(self._guided, image, depth)
        return sharpened(depth, sharp, self.options.sharpening)

    def _guided(self, image: tf.Tensor, depth: tf.Tensor) -> tf.Tensor:
        """The output of the guided network."""
        inputs = {"image": image, "coarse_depth": depth}
        return call_network(self.guided_network, inputs)

    def _depth_of(self, network: keras.Model, image: tf.Tensor) -> tf.Tensor:
        """The depth that a network gives, at the image's size."""
        return self._averaged(functools.partial(_resized_output, network), image)

    def _gradients(self, image: tf.Tensor) -> tf.Tensor:
        """The depth gradients, `[B, H, W, 2]`."""
        apply = functools.partial(call_network, self.gradient_network)
        return self._averaged(apply, image, mirror=mirrored_gradients)

    def _averaged(
        self,
        apply: Callable[..., tf.Tensor],
        *inputs: tf.Tensor,
        mirror: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """The output for the inputs; with a flip, its mean with the mirrored one."""
        output = apply(*inputs)
        if not self.options.test_time_flip:
            return output
        flipped = (mirror or _mirrored)(apply(*map(_mirrored, inputs)))
        return (output + flipped) / 2.0


def check_images(image: tf.Tensor | np.ndarray) -> None:
    """Raises an error for images that the networks do not take.

    Args:
        image: RGB, `[B, H, W, 3]`: uint8, or floating-point in [0, 1].

    Raises:
        ValueError: If the shape, the type or the range is another one, or a value is
            not finite.
    """
    kind, shape = tf.as_dtype(image.dtype), tuple(image.shape)
    if len(shape) != 4 or shape[3] != 3 or not math.prod(shape):
        raise ValueError(
            f"`image` must be RGB images, [B, H, W, 3]. Received: {kind.name} {shape}. "
            "One image becomes a batch by image[np.newaxis], a grey one RGB by "
            "repeating its channel; RGBA must be composited over a colour."
        )
    if kind == tf.uint8:
        return
    if not kind.is_floating:
        raise ValueError(
            "`image` must be uint8, or floating-point in [0, 1]. Received: "
            f"{kind.name}. Divide it by its white."
        )
    broken = math.prod(shape) - np.count_nonzero(np.isfinite(image))
    if broken:
        raise ValueError(
            f"`image` must be finite. Received: {kind.name} {shape}, of which {broken} "
            f"of {math.prod(shape)} values are NaN or infinite. Replace them."
        )
    lowest, highest = float(tf.reduce_min(image)), float(tf.reduce_max(image))
    if lowest < -_OVERSHOOT or highest > 1.0 + _OVERSHOOT:
        raise ValueError(
            "`image` must be uint8, or floating-point in [0, 1]. Received: "
            f"{kind.name} from {lowest:g} to {highest:g}. Divide it by its white, such "
            "as 255."
        )


def network_input(image: tf.Tensor | np.ndarray) -> tf.Tensor:
    """Returns images as the networks take them.

    Args:
        image: As for `check_images`.

    Returns:
        RGB in [0, 1], float32 `[B, H, W, 3]`.

    Raises:
        ValueError: As `check_images`.
    """
    image = tf.convert_to_tensor(image)
    check_images(image)
    if image.dtype == tf.uint8:
        return tf.image.convert_image_dtype(image, tf.float32)
    return tf.cast(image, tf.float32)


def _mirrored(maps: tf.Tensor) -> tf.Tensor:
    """Maps `[B, H, W, C]` with left and right exchanged."""
    return tf.reverse(maps, [2])


def _resized_output(network: keras.Model, image: tf.Tensor) -> tf.Tensor:
    """The output of a network, brought bilinearly to the image's size."""
    return tf.image.resize(call_network(network, image), tf.shape(image)[1:3])


def mirrored_gradients(gradients: tf.Tensor) -> tf.Tensor:
    """Returns the gradients of the mirrored depth map.

    Where a map has d[x + 1] - d[x], the mirrored one has the same with the other sign,
    one pixel to the left, since differences are taken forwards.

    Args:
        gradients: gradient_x and gradient_y, `[B, H, W, 2]`; the last column of
            gradient_x is not used.

    Returns:
        The same of the map mirrored left and right; 0 in the last column of
        gradient_x.
    """
    gradient_x, gradient_y = tf.split(_mirrored(gradients), 2, axis=-1)
    gradient_x = tf.pad(-gradient_x[:, :, 1:], [[0, 0], [0, 0], [0, 1], [0, 0]])
    return tf.concat([gradient_x, gradient_y], axis=-1)


def _fuse(fusion: FusionConfig, *maps: tf.Tensor) -> tf.Tensor:
    """The fused depth; warns of images that were not solved."""
    result = fuse_depth_and_gradients(*maps, **dataclasses.asdict(fusion))
    if failed := int(np.sum(~result.converged.numpy())):
        logging.warning(
            "%d of %d fusions stopped before their tolerance; their energy is lower "
            "than before, but not the lowest.",
            failed,
            len(result.converged),
        )
    return result.depth


def predict_at_size(
    predictor: DepthPredictor, image: tf.Tensor | np.ndarray, size: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Returns the predictions for images that the networks see at another size.

    Args:
        predictor: The networks.
        image: Images `[B, H, W, 3]`, as for `DepthPredictor.predict`.
        size: (height, width) at which the networks and the fusion work.

    Returns:
        The result of `DepthPredictor.predict`, resized bilinearly to `[B, H, W]`;
        gradients are in metres per pixel of `image`.

    Raises:
        ValueError: As `DepthPredictor.predict`.
    """
    given = np.asarray(image)
    check_images(given)
    full = given.shape[1:3]
    if size == full:
        return predictor.predict(given)
    # As photographs are in files: uint8 is resized as it is, and rounded.
    given = given if given.dtype == np.uint8 else given.astype(np.float32)
    small = predictor.predict(np.stack([resize_image(one, size) for one in given]))
    small = {key: tf.constant(values[..., np.newaxis]) for key, values in small.items()}
    maps = {}
    if "gradient_x" in small:
        gradients = small.pop("gradient_x"), small.pop("gradient_y")
        gradients = resize_gradients(*gradients, full)
        maps["gradient_x"], maps["gradient_y"] = gradients
    maps |= {key: tf.image.resize(values, full) for key, values in small.items()}
    return {key: values.numpy()[..., 0] for key, values in maps.items()}


def working_size(
    image_size: tuple[int, int], training_size: tuple[int, int]
) -> tuple[int, int]:
    """Returns the size at which a network should see an image of any size.

    The aspect is kept, and the number of pixels is that of the training images, since
    the apparent size of things tells a network their distance.

    Args:
        image_size: (height, width) of the image.
        training_size: (height, width) of the images that the network was trained on.

    Returns:
        (height, width), each at least 32.
    """
    scale = math.sqrt(math.prod(training_size) / math.prod(image_size))
    return tuple(max(SMALLEST_SIDE, round(side * scale)) for side in image_size)
