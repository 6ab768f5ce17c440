"""FSIM, the feature similarity index of two grey images, for TensorFlow and Keras 3.

Zhang, L., Zhang, L., Mou, X. & Zhang, D. (2011). FSIM: a feature similarity index for
image quality assessment. IEEE Transactions on Image Processing 20(8), 2378-2386.

`fsim` is the grey index of the authors' FeatureSIM.m (phase congruency with noise
compensation, after P. Kovesi's phasecong2), batched and differentiable. The metric
`FeatureSimilarity` and the loss `dpde_tf.losses.FeatureSimilarity` use it in Keras:

    scores = fsim(reference, distorted, max_value=10.0)  # [B, H, W, 1] -> [B]
    model.compile("sgd", metrics=[FeatureSimilarity(max_value=10.0)])

Use one `max_value` for a whole data set, since T2 is absolute. No value is clipped.

| constant of FeatureSIM.m                   | value                                  |
|--------------------------------------------|----------------------------------------|
| subsampling by F, of the F x F mean        | F = max(1, round(min(H, W) / 256))     |
| scales: nscale, minWaveLength, mult        | 4, 6, 2: wavelengths 6, 12, 24, 48     |
| orientations: norient, dThetaOnSigma       | 4, 1.2                                 |
| sigmaOnf; low-pass cut-off, order          | 0.55; 0.45, 15                         |
| noise: k, empirical divisor; epsilon       | 2, 1.7; 1e-4                           |
| gradient magnitude                         | Scharr, zeros outside the image        |
| T1 (phase congruency), T2 (gradient)       | 0.85, 160                              |

Deviations, none of which changes the score of a natural image or depth map by 1e-6:

- The median in the noise threshold is constant in the gradient (`stop_gradient`): an
  order statistic would pass the derivative of a whole image through one or two pixels.
- 1e-12 is added under each square root, which bounds its derivative; it is 0 at 0.
- 1e-4 is added to both final sums, so that two flat maps, 0 / 0 in MATLAB, score 1.

The local energy has kinks, |.| and max(., 0), where a subgradient is returned. Since
phase congruency is relative to contrast, the gradient on flat maps grows as
1 / contrast.
"""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

MIN_SIZE = 32  # pixels, of the height and of the width

_NUM_SCALES, _MIN_WAVELENGTH, _WAVELENGTH_FACTOR = 4, 6.0, 2.0
_NUM_ORIENTATIONS, _D_THETA_ON_SIGMA = 4, 1.2
_SIGMA_ON_F, _LOW_PASS_CUTOFF, _LOW_PASS_ORDER = 0.55, 0.45, 15
_NOISE_K, _NOISE_DIVISOR, _ENERGY_EPSILON = 2.0, 1.7, 1e-4
_T1, _T2 = 0.85, 160.0
_ROOT_GUARD, _WEIGHT_GUARD = 1e-12, 1e-4


def fsim(
    reference: tf.Tensor, distorted: tf.Tensor, *, max_value: float = 255.0
) -> tf.Tensor:
    """Returns the feature similarity index of each pair of images.

    FSIM = sum_x S_PC(x) S_G(x) PC_m(x) / sum_x PC_m(x), PC_m = max(PC_1, PC_2), with
    S_PC = (2 PC_1 PC_2 + T1) / (PC_1^2 + PC_2^2 + T1) of the phase congruencies, and
    S_G the same with T2 of the gradient magnitudes.

    Args:
        reference: Images in [0, max_value], `[B, H, W, 1]`, H and W at least 32 (and
            static for XLA). float64 images are compared in float64, all other types in
            float32.
        distorted: Images like `reference`; the index is symmetric.
        max_value: Value in the unit of the images that corresponds to 255.

    Returns:
        Index in (0, 1], 1 for identical images, `[B]`.

    Raises:
        ValueError: If the shapes differ or are not as above, or if `max_value` <= 0.

    Source: Zhang et al. (2011), FeatureSIM.m.
    """
    if not max_value > 0.0:
        raise ValueError(f"`max_value` must be positive. Received: {max_value}.")
    images = [tf.convert_to_tensor(reference), tf.convert_to_tensor(distorted)]
    images = _of_one_shape(*images)
    dtype = tf.float64 if tf.float64 in [i.dtype for i in images] else tf.float32
    images = [tf.cast(i, dtype)[..., 0] for i in images]  # [B, H, W]
    images = [_subsample(i * (255.0 / max_value)) for i in images]
    congruency = [_phase_congruency(i) for i in images]
    magnitude = [_gradient_magnitude(i) for i in images]
    weight = tf.maximum(*congruency)
    similarity = _similarity(*congruency, _T1) * _similarity(*magnitude, _T2)
    total = tf.reduce_sum(similarity * weight, axis=[1, 2]) + _WEIGHT_GUARD
    return total / (tf.reduce_sum(weight, axis=[1, 2]) + _WEIGHT_GUARD)


def _of_one_shape(
    reference: tf.Tensor, distorted: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns both images, after checking that they have one shape."""
    received = f"Received: {reference.shape} and {distorted.shape}."
    if not reference.shape.is_compatible_with(distorted.shape):
        raise ValueError(f"FSIM needs two images of the same shape. {received}")
    shape = reference.shape.merge_with(distorted.shape)
    if shape.rank != 4 or shape[3] != 1:
        raise ValueError(f"FSIM needs grey images [B, H, W, 1]. {received}")
    rule = (
        f"FSIM needs at least {MIN_SIZE}x{MIN_SIZE} pixels; a depth network gives half "
        "the size of its images."
    )
    if None in shape[1:3]:
        size = tf.shape(reference)[1:3]
        with tf.control_dependencies(
            [
                tf.debugging.assert_equal(size, tf.shape(distorted)[1:3]),
                tf.debugging.assert_greater_equal(size, MIN_SIZE, message=rule),
            ]
        ):
            return tf.identity(reference), tf.identity(distorted)
    if min(shape[1:3]) < MIN_SIZE:
        raise ValueError(f"{rule} {received}")
    return tuple(tf.ensure_shape(image, shape) for image in (reference, distorted))


def _size(image: tf.Tensor) -> tuple[int | tf.Tensor, int | tf.Tensor]:
    """Returns the last two sides of `[..., H, W]`, as numbers if they are static."""
    if None in image.shape[-2:]:
        return tuple(tf.unstack(tf.shape(image)[-2:]))
    return tuple(image.shape[-2:])


def _subsample(image: tf.Tensor) -> tf.Tensor:
    """Returns every F-th pixel of the F x F mean, zeros outside (conv2 'same')."""
    size = _size(image)
    if isinstance(size[0], int):
        factor = max(1, int(min(size) / 256 + 0.5))
        if factor == 1:
            return image
    else:
        factor = tf.maximum(1, (2 * tf.minimum(*size) + 256) // 512)
    margin = [(factor - 1) // 2, factor // 2]
    image = tf.pad(image, [[0, 0], margin, margin])
    rows, columns = (side // factor for side in _size(image))
    image = image[:, : rows * factor, : columns * factor]
    blocks = tf.reshape(image, [-1, rows, factor, columns, factor])
    return tf.reduce_mean(blocks, axis=[2, 4])


def _similarity(a: tf.Tensor, b: tf.Tensor, constant: float) -> tf.Tensor:
    return (2.0 * a * b + constant) / (a * a + b * b + constant)


def _gradient_magnitude(image: tf.Tensor) -> tf.Tensor:
    """Returns the length of the Scharr gradient, zeros outside the image."""
    # Slices, since GPUs may round the inputs of a convolution to 10 bits (TF32).
    padded = tf.pad(image, [[0, 0], [1, 1], [1, 1]])
    rows = 3.0 * (padded[:, :-2] + padded[:, 2:]) + 10.0 * padded[:, 1:-1]
    columns = 3.0 * (padded[..., :-2] + padded[..., 2:]) + 10.0 * padded[..., 1:-1]
    gradient_x = (rows[..., 2:] - rows[..., :-2]) / 16.0
    gradient_y = (columns[:, 2:] - columns[:, :-2]) / 16.0
    return tf.sqrt(gradient_x * gradient_x + gradient_y * gradient_y + _ROOT_GUARD)


def _phase_congruency(image: tf.Tensor) -> tf.Tensor:
    """Returns the phase congruency of `[B, H, W]`, in [0, 1]; 0 for a flat image."""
    complex_type = tf.complex128 if image.dtype == tf.float64 else tf.complex64
    *filters, noise = _filters(_size(image), complex_type)
    responses = _log_gabor_responses(image, *filters)
    power = [e * e + o * o for e, o in responses]
    amplitude = tf.add_n([tf.sqrt(p + _ROOT_GUARD) for p in power])  # [B, O, H, W]
    sum_even, sum_odd = (tf.add_n(part) for part in zip(*responses, strict=True))
    squared_sum = sum_even * sum_even + sum_odd * sum_odd
    # |A sin(phase deviation)| of each scale, times the length of the summed response.
    across = tf.add_n([tf.abs(e * sum_odd - o * sum_even) for e, o in responses])
    length = tf.sqrt(squared_sum + _ROOT_GUARD) + _ENERGY_EPSILON
    energy = tf.nn.relu(
        (squared_sum - across) / length - _noise_threshold(power[0], noise)
    )
    return tf.reduce_sum(energy, axis=1) / tf.reduce_sum(amplitude, axis=1)


def _log_gabor_responses(
    image: tf.Tensor, radial: tf.Tensor, *parts: tf.Tensor
) -> list[list[tf.Tensor]]:
    """Returns for each scale the even and the odd response, `[B, O, H, W]`."""
    # All filters are 0 at frequency 0; subtracting the mean reduces rounding errors.
    mean = tf.reduce_mean(image, axis=[1, 2], keepdims=True)
    spectrum = tf.signal.rfft2d(image - tf.stop_gradient(mean))
    # Scale by scale: smaller tensors fit into the caches and are faster.
    bands = [(spectrum * scale)[:, tf.newaxis] for scale in tf.unstack(radial)]
    return [
        [tf.signal.irfft2d(band * part, _size(image)) for part in parts]
        for band in bands
    ]


def _noise_threshold(power: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Returns `[B, O, 1, 1]`, the energy that noise of the median power explains."""
    height, width = _size(power)
    power = tf.stop_gradient(power)
    power = tf.reshape(power, [-1, _NUM_ORIENTATIONS, height * width])
    return (tf.sqrt(_median(power)) * factor)[..., tf.newaxis, tf.newaxis]


def _median(values: tf.Tensor) -> tf.Tensor:
    """Returns the median over the last axis."""
    count = _size(values)[1]
    if any(device.device_type != "CPU" for device in tf.config.list_physical_devices()):
        ordered = tf.sort(values, axis=-1)
        return (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2.0
    # Several times faster than sorting, but not available on GPUs and in XLA.
    low = tf.raw_ops.NthElement(input=values, n=(count - 1) // 2)
    return (low + tf.raw_ops.NthElement(input=values, n=count // 2)) / 2.0


def _filters(
    size: tuple[int | tf.Tensor, int | tf.Tensor], dtype: tf.DType
) -> list[tf.Tensor]:
    """Returns `_filter_bank` of a size that may be known in the graph alone."""
    kinds = [dtype, dtype, dtype, dtype.real_dtype]
    if isinstance(size[0], int):
        pairs = zip(_filter_bank(*size), kinds, strict=True)
        return [tf.constant(array, kind) for array, kind in pairs]
    filters = tf.numpy_function(
        lambda *size: [
            array.astype(kind.as_numpy_dtype)
            for array, kind in zip(_filter_bank(*size), kinds, strict=True)
        ],
        size,
        kinds,
        stateful=False,
    )
    counts = [_NUM_SCALES, _NUM_ORIENTATIONS, _NUM_ORIENTATIONS]
    shapes = [*([count, None, None] for count in counts), [_NUM_ORIENTATIONS]]
    return [tf.ensure_shape(f, shape) for f, shape in zip(filters, shapes, strict=True)]


@functools.lru_cache(maxsize=16)
def _filter_bank(*size: int) -> tuple[np.ndarray, ...]:
    """Returns radial [S], even [O] and odd [O] filters for `rfft2d`, noise factors [O].

    radial * angular is the log-Gabor filter, one-sided in frequency. The parts of
    `angular` that are even and odd in frequency give the real and the imaginary part
    of its response, each by a real transform.
    """
    # Cycles per pixel; FeatureSIM.m divides those of an odd size by size - 1.
    y, x = (np.fft.ifftshift(np.arange(n) - n // 2) / (n - n % 2) for n in size)
    y = y[:, None]
    radius = np.hypot(x, y)
    radius[0, 0] = 1.0  # its logarithm is taken; the filters are set to 0 there
    scale = np.arange(_NUM_SCALES)[:, None, None]
    log_ratio = np.log(radius * _MIN_WAVELENGTH * _WAVELENGTH_FACTOR**scale)
    radial = np.exp(-(log_ratio**2) / (2.0 * np.log(_SIGMA_ON_F) ** 2))
    radial /= 1.0 + (radius / _LOW_PASS_CUTOFF) ** (2 * _LOW_PASS_ORDER)
    radial[:, 0, 0] = 0.0
    spacing = np.pi / _NUM_ORIENTATIONS
    turn = np.exp(-1j * spacing * np.arange(_NUM_ORIENTATIONS))[:, None, None]
    angle = np.angle((x - 1j * y) * turn)  # y points down
    angular = np.exp(-(angle**2) / (2.0 * (spacing / _D_THETA_ON_SIGMA) ** 2))
    mirrored = np.roll(angular[:, ::-1, ::-1], 1, axis=(1, 2))  # at minus the frequency
    even, odd = (angular + mirrored) / 2.0, (angular - mirrored) / 2j
    # White noise of median power 1 at the smallest scale has this Rayleigh parameter
    # in the sum over the scales; the threshold is its mean plus k deviations.
    summed = np.sum((radial.sum(axis=0) * even) ** 2, axis=(1, 2))
    smallest = np.sum((radial[0] * angular) ** 2, axis=(1, 2))
    tau = np.sqrt(summed / (np.log(2.0) * smallest)) / _NOISE_DIVISOR
    noise = tau * (np.sqrt(np.pi / 2) + _NOISE_K * np.sqrt(2 - np.pi / 2))
    half = size[1] // 2 + 1
    return radial[..., :half], even[..., :half], odd[..., :half], noise


@keras.saving.register_keras_serializable(package="dpde_tf.metrics")
class FeatureSimilarity(keras.metrics.MeanMetricWrapper):
    """Mean FSIM over all images.

    Args:
        max_value: Value in the unit of the images that corresponds to 255.
        **kwargs: `name` and `dtype`, as for every Keras metric.
    """

    def __init__(self, max_value: float = 255.0, **kwargs: Any) -> None:
        options = {"name": "fsim", "dtype": "float32", **kwargs}
        super().__init__(fsim, max_value=max_value, **options)
        self.max_value = max_value

    def get_config(self) -> dict:
        """Returns the arguments for creating an equal metric."""
        return {"name": self.name, "dtype": self.dtype, "max_value": self.max_value}
