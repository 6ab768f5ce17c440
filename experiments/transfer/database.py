"""Training images with their depth, and the search for those like an image."""

import dataclasses

import numpy as np

from dpde_tf.data import records
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.metrics.support import nearest_measured
from experiments.transfer.features import orientation_histograms


@dataclasses.dataclass(frozen=True)
class Database:
    """Images with depth.

    Attributes:
        images: RGB, uint8 `[N, H, W, 3]`.
        depths: Metres, float32 `[N, H, W]`, without holes.
        features: Descriptors of the images less their mean, float32 `[N, F]`, of length
            1. Descriptors of photographs are mostly alike: without their mean, the
            images that are found have more similar depth.
        mean_feature: Mean of the descriptors, float32 `[F]`.
        mean_depth: Mean of the depth maps, float32 `[H, W]`, metres.
    """

    images: np.ndarray
    depths: np.ndarray
    features: np.ndarray
    mean_feature: np.ndarray
    mean_depth: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, depths: np.ndarray) -> "Database":
        """Returns the database of images with depth.

        Args:
            images: RGB, uint8 `[N, H, W, 3]`.
            depths: Metres, float32 `[N, H, W]`, without holes.

        Returns:
            The database.
        """
        features = np.stack([orientation_histograms(image) for image in images])
        mean = features.mean(axis=0)
        features = features - mean
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        features /= np.maximum(lengths, 1e-12)
        return cls(images, depths, features, mean, depths.mean(axis=0))

    @classmethod
    def read(cls, record_set: RecordSet) -> "Database":
        """Returns the database of the selected records of a split.

        Args:
            record_set: Records, such as the training images of NYU.

        Returns:
            The database; holes of the depth take the nearest measured depth.

        Raises:
            ValueError: If a depth map has no measurement, or there is no record.
        """
        images, depths = [], []
        for _, serialized in record_set.serialized():
            record = records.decode_record(serialized)
            depth = record["depth"].numpy()[..., 0]
            if not np.any(depth > 0):
                name = record["name"].numpy().decode()
                raise ValueError(
                    f"{name!r} in {record_set.directory} has no measured depth, so "
                    "that nothing can be transferred from it. Leave it out of the set."
                )
            nearest = nearest_measured(depth > 0)
            images.append(record["image"].numpy())
            depths.append(depth if nearest is None else depth[nearest])
        if not images:
            raise ValueError(f"{record_set.directory} has no record to transfer from.")
        return cls.of(np.stack(images), np.stack(depths))

    def nearest(self, image: np.ndarray, count: int) -> np.ndarray:
        """Returns the images that are most like another one.

        Args:
            image: RGB, uint8 `[h, w, 3]`.
            count: Number of images.

        Returns:
            Indices, `[count]` or fewer if the database is smaller, best first.
        """
        likeness = self.features @ (orientation_histograms(image) - self.mean_feature)
        return np.argsort(-likeness, kind="stable")[:count]
