"""Small record sets for tests."""

import numpy as np

from data_prep.conversion import Pair, write_record_set


def write_small_record_set(directory, rng, *, size=(32, 48), splits=None, measured=1.0):
    """Writes smooth depth maps with images that show them; returns the folder.

    `measured` is the share of the pixels whose depth is kept.
    """
    splits = splits or {"train": 12, "test": 3}
    pairs = {
        split: [
            _pair(f"{split}{index:03d}", rng, size, measured) for index in range(count)
        ]
        for split, count in splits.items()
    }
    write_record_set(
        directory, dataset="small", image_size=size, splits=pairs, raw_files={}
    )
    return directory


def _pair(name, rng, size, measured):
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    depth = 2.0 + rng.uniform(0, 0.03) * rows + rng.uniform(0, 0.03) * columns
    depth[: size[0] // 2] += rng.uniform(0, 1)
    image = np.repeat((depth[..., None] * 40).astype(np.uint8), 3, axis=2)
    image += rng.integers(0, 10, image.shape, np.uint8)
    if measured < 1.0:
        depth *= rng.random(size) < measured
    return Pair(name, name, lambda: (image, depth.astype(np.float32)))
