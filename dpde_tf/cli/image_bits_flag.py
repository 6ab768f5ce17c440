"""The flag `--image_bits`, for programs that read images from any source."""

from absl import flags

# The flag belongs to the modules that call this function.
flags.disclaim_key_flags()


def define_image_bits() -> None:
    """Defines `--image_bits`."""
    flags.DEFINE_integer(
        "image_bits",
        None,
        "Significant bits of images with 16 bits per channel, such as 10 or 12. "
        "Default: found from the largest number.",
        lower_bound=8,
        upper_bound=16,
    )
