"""Two grey images to compare, as indices of image quality expect them."""

import tensorflow as tf


def grey_image_pair(
    reference: tf.Tensor, distorted: tf.Tensor, *, max_value: float, min_size: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns both images in float64, on the scale of 0 to 255.

    Args:
        reference: In [0, max_value], `[B, H, W, 1]`.
        distorted: As `reference`.
        max_value: What 255 stands for, in the unit of the images.
        min_size: Smallest height and width, pixels.

    Returns:
        Reference and distorted image. No value is clipped.

    Raises:
        ValueError: If the shapes differ, or one is not as above, or `max_value` <= 0.
    """
    if not max_value > 0.0:
        raise ValueError(f"`max_value` must be positive. Received: {max_value}.")
    pair = [tf.convert_to_tensor(image) for image in (reference, distorted)]
    shapes = [image.shape for image in pair]
    received = f"Received: {shapes[0]} and {shapes[1]}."
    if not shapes[0].is_compatible_with(shapes[1]):
        raise ValueError(f"Two images to compare must have the same shape. {received}")
    for shape in shapes:
        if shape.rank != 4 or shape[3] != 1:
            raise ValueError(f"Both images must be grey, [B, H, W, 1]. {received}")
        if any(size is not None and size < min_size for size in shape[1:3]):
            raise ValueError(
                f"Both images need at least {min_size}x{min_size} pixels. {received}"
            )
    reference, distorted = (
        tf.cast(image, tf.float64) * (255.0 / max_value) for image in pair
    )
    return reference, distorted
