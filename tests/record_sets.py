"""Small record sets for tests."""

import numpy as np

from data_prep.conversion import Pair, write_record_set


def write_small_record_set(directory, rng, *, size=(32, 48), splits=None):
    """Writes smooth depth maps with images that show them; returns the folder."""
    splits = splits or {"train": 12, "test": 3}
    pairs = {
        split: [_pair(f"{split}{index:03d}", rng, size) for index in range(count)]
        for split, count in splits.items()
    }
    write_record_set(
        directory, dataset="small", image_size=size, splits=pairs, raw_files={}
    )
    return directory


def _pair(name, rng, size):
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    depth = 2.0 + rng.uniform(0, 0.03) * rows + rng.uniform(0, 0.03) * columns
    depth[: size[0] // 2] += rng.uniform(0, 1)
    image = np.repeat((depth[..., None] * 40).astype(np.uint8), 3, axis=2)
    image += rng.integers(0, 10, image.shape, np.uint8)
    return Pair(name, name, lambda: (image, depth.astype(np.float32)))
