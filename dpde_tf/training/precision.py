"""The choice of the numerical precision of a run."""

import pathlib

import tensorflow as tf

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")

_CPU_INFO = pathlib.Path("/proc/cpuinfo")
# The instruction set, as Linux names it, whose bfloat16 products are faster than those
# of float32. AVX512_BF16 alone is none: with it a step of the modified FCRN took
# 1.5 times as long as in float32, in TensorFlow 2.21.
_CPU_BFLOAT16_FLAG = "amx_bf16"
# NVIDIA GPUs compute in bfloat16 from the Ampere generation on.
_GPU_BFLOAT16_CAPABILITY = (8, 0)


def resolve_precision(precision: str) -> str:
    """Returns the Keras dtype policy of a run.

    Args:
        precision: One of `PRECISIONS`. `auto` is `mixed_bfloat16` where the GPU, or
            without a GPU the processor (AMX), computes faster in bfloat16, else
            `float32`.

    Returns:
        `float32`, `mixed_bfloat16` or `mixed_float16`.

    Raises:
        ValueError: If it is another word.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. "
            f"Received: {precision!r}."
        )
    if precision != "auto":
        return precision
    gpus = tf.config.list_physical_devices("GPU")
    has_bfloat16 = (
        all(_gpu_has_bfloat16(gpu) for gpu in gpus) if gpus else _cpu_has_bfloat16()
    )
    return "mixed_bfloat16" if has_bfloat16 else "float32"


def _cpu_has_bfloat16() -> bool:
    """Whether Linux lists an instruction set with fast bfloat16 products."""
    if not _CPU_INFO.is_file():
        return False
    return _CPU_BFLOAT16_FLAG in _CPU_INFO.read_text(encoding="utf-8").split()


def _gpu_has_bfloat16(gpu: tf.config.PhysicalDevice) -> bool:
    """Whether the GPU is of a generation that has bfloat16."""
    details = tf.config.experimental.get_device_details(gpu)
    capability = details.get("compute_capability", (0, 0))
    return tuple(capability) >= _GPU_BFLOAT16_CAPABILITY
