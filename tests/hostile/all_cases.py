"""All cases."""

import itertools

from . import (
    archive_cases,
    array_cases,
    image_cases,
    mat_cases,
    record_cases,
    text_cases,
    weight_cases,
)


def cases():
    """Every case, in the order of the entry points."""
    return list(
        itertools.chain(
            image_cases.image_cases(),
            image_cases.png_depth_cases(),
            image_cases.tiff_depth_cases(),
            array_cases.npy_cases(),
            array_cases.npz_cases(),
            array_cases.pfm_cases(),
            mat_cases.mat5_cases(),
            mat_cases.hdf5_cases(),
            record_cases.record_cases(),
            text_cases.list_cases(),
            text_cases.dmin_cases(),
            text_cases.run_cases(),
            text_cases.record_name_cases(),
            text_cases.manifest_cases(),
            weight_cases.keras_cases(),
            weight_cases.torch_cases(),
            weight_cases.layer_cases(),
            archive_cases.archive_cases(),
        )
    )
