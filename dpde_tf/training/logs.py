"""Logs of a training run: `metrics.jsonl` and TensorBoard events."""

import json
import os
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.files.atomic import atomic_write, unwritable
from dpde_tf.runs.run_folder import METRICS_FILE, TENSORBOARD, read_metrics
from dpde_tf.visualization.colours import encode_png

_Summary = tf.compat.v1.Summary


class TrainingLog:
    """The log of one run; a resumed run continues it."""

    def __init__(
        self, workdir: str | pathlib.Path, finished_epochs: int, *, writes: bool = True
    ) -> None:
        """Opens the log, and drops the lines of `metrics.jsonl` after the given epoch.

        TensorBoard keeps the events of steps that are taken again.

        With `writes=False`, nothing is written: another process writes the same.
        """
        self._path = pathlib.Path(workdir) / METRICS_FILE
        self._writes = writes
        rows = read_metrics(workdir)
        self._rows = [row for row in rows if row["epoch"] <= finished_epochs]
        self._writer = tf.summary.create_noop_writer()
        if writes:
            folder = pathlib.Path(workdir) / TENSORBOARD
            try:
                self._writer = tf.summary.create_file_writer(os.fspath(folder))
            except tf.errors.OpError as error:
                raise unwritable(folder, error) from error

    def progress_bar(self, title: str, num_steps: int) -> keras.utils.Progbar:
        """Returns a progress bar of an epoch, which shows `loss` and `images/s`.

        Args:
            title: Title, printed above the bar.
            num_steps: Steps in the epoch.

        Returns:
            The bar; a silent one with `writes=False`.
        """
        if self._writes:
            print(title, flush=True)
        names = ["loss", "images/s"]
        return keras.utils.Progbar(
            num_steps, stateful_metrics=names, verbose=int(self._writes)
        )

    def write_step(self, step: int, values: dict[str, float]) -> None:
        """Writes scalars of one step to TensorBoard.

        Args:
            step: Finished steps of the run.
            values: Values by name.
        """
        self._write(step, {f"train/{name}": value for name, value in values.items()})

    def write_epoch(self, row: dict) -> None:
        """Appends one line to `metrics.jsonl`, and writes its scores to TensorBoard.

        Args:
            row: Fields of the line; the optional field `validation` is a dictionary of
                scores.
        """
        if not self._writes:
            return
        self._rows.append(row)
        with atomic_write(self._path) as path:
            path.write_text("".join(json.dumps(row) + "\n" for row in self._rows))
        if scores := row.get("validation", {}):
            print("validation: " + ", ".join(f"{k} {v:.4f}" for k, v in scores.items()))
        self._write(row["step"], {f"validation/{k}": v for k, v in scores.items()})
        self._writer.flush()

    def write_pictures(self, step: int, pictures: Sequence[np.ndarray]) -> None:
        """Writes pictures of equal height, side by side, to TensorBoard.

        Args:
            step: Finished steps of the run.
            pictures: RGB uint8, `[H, W, 3]` each.
        """
        picture = np.concatenate(pictures, axis=1)
        height, width, channels = picture.shape
        image = _Summary.Image(
            height=height,
            width=width,
            colorspace=channels,
            encoded_image_string=encode_png(picture),
        )
        value = _Summary.Value(tag="pictures", image=image)
        self._write_summary(step, _Summary(value=[value]))

    def _write(self, step: int, scalars: dict[str, float]) -> None:
        """Writes scalars under their full names."""
        values = [_Summary.Value(tag=k, simple_value=v) for k, v in scalars.items()]
        self._write_summary(step, _Summary(value=values))

    def _write_summary(self, step: int, summary: "_Summary") -> None:
        """Writes one event; `tf.summary.scalar` would need the package tensorboard."""
        with self._writer.as_default():
            tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step)
