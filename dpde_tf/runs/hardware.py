"""What computes: the processor and the GPUs."""

import os
import pathlib
import platform

import tensorflow as tf

_CPU_INFO = pathlib.Path("/proc/cpuinfo")


def hardware() -> dict:
    """Returns the processor, its number of cores, and the GPUs, in JSON types."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpus": [detail.get("device_name", "unknown") for detail in details],
    }


def _processor() -> str:
    """The processor's name."""
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
