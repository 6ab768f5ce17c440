"""Scores with their origin: the row of the tables and the runs behind them.

The record `run.json` beside the scores names the predictions, and their record names
the training runs. The tables tell if a record is missing.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from dpde_tf.reporting.blocks import Cell, Table
from dpde_tf.reporting.run_records import is_context_network, read_summary
from dpde_tf.runs.run_folder import RECORD_FILE, read_metrics, read_run_record

FUSED_ROWS = {
    "network": "dpde",
    "zero": "zero_gradients",
    "image": "image_gradients",
    "truth": "true_gradients",
}
"""Gradient source of each row of Table 4."""

CONTEXT_ROWS = {
    "fused": "context",
    "network": "context_gradients",
    "context_depth": "context_depth",
}
"""Output of the context network in each row of Table 4."""

GUIDED_ROW = "guided"
"""Row of depth fused with the gradients of the guided network."""

_ROWS_BY_LABEL = {"fcrn": "fcrn", "dpde": "modified_fcrn", "lateral": "lateral"}
# Rows of depth networks whose record is missing.

_NO_RECORD = "no record of the training"


@dataclasses.dataclass(frozen=True)
class Step:
    """A run of a program.

    Attributes:
        record: Content of `run.json`; empty if missing.
        epochs: Number of trained epochs; 0 for other programs.
    """

    record: dict
    epochs: int = 0

    @property
    def config(self) -> dict:
        """Configurations of the run."""
        return self.record.get("config", {})

    @property
    def command(self) -> str:
        """Command line, possibly empty."""
        if "program" not in self.record:
            return ""
        given = self.record.get("flags", {}).items()
        return " ".join(
            ["python -m", self.record["program"], *(_argument(*flag) for flag in given)]
        )

    @property
    def summary(self) -> str:
        """Epochs, image size, seed and initial weights, as far as known."""
        training = self.config.get("TrainingConfig")
        if training is None:
            return _NO_RECORD
        size = self.config.get("data", {}).get("image_size")
        at = f" at {size[0]}x{size[1]}" if size else ""
        start = self.config.get("InitialisationConfig", {}).get("init_from")
        after = f", started from {start}" if start else ""
        seed = training.get("seed", "not given")
        return f"{self.epochs} epochs{at}, seed {seed}{after}"


@dataclasses.dataclass(frozen=True)
class ScoredRun:
    """Scores of a folder of predictions.

    Attributes:
        label: Name in the tables.
        summary: Content of `summary.json`.
        scoring: Run of the scoring program.
        prediction: Run of the program that predicted or fused.
        depth: Training run of the depth network.
        gradient: Training run of the gradient network.
    """

    label: str
    summary: dict
    scoring: Step
    prediction: Step
    depth: Step
    gradient: Step

    @property
    def name(self) -> str:
        """Label without the leading folder."""
        return self.label.rpartition("/")[2]

    @property
    def trainings(self) -> tuple[Step, Step]:
        """Training runs of the depth network and of the gradient network."""
        return self.depth, self.gradient

    def row(self, key: str) -> str | None:
        """Returns the row of the tables to which an array belongs.

        Args:
            key: Name of the array, such as `fused`.

        Returns:
            A row of `paper_values`, `lateral` for the modified FCRN without the FSIM
            loss, a row of `FUSED_ROWS` or `CONTEXT_ROWS`, or `GUIDED_ROW`; for depth of
            `experiments.transfer_depth` the name of the method. None for other arrays.
        """
        if transfer := self.prediction.config.get("transfer"):
            return transfer["method"]
        network = self._depth_row()
        if key == "depth":
            return network
        if key == "context_depth":
            return CONTEXT_ROWS[key]
        if key != "fused" or network == "fcrn":
            return None
        substitute = self.prediction.config.get("gradients")
        if "guided_run" in self.prediction.config.get("networks", {}):
            return GUIDED_ROW
        if self._has_context and substitute in (None, "network"):
            return CONTEXT_ROWS[substitute or "fused"]
        return FUSED_ROWS.get(substitute or "network")

    @property
    def _has_context(self) -> bool:
        """Whether a context network predicted the gradients."""
        return is_context_network(self.gradient.config)

    def _depth_row(self) -> str | None:
        """The row of the depth network, according to its training."""
        if "DepthNetworkConfig" not in self.depth.config:
            return _ROWS_BY_LABEL.get(self.name)
        if not self.depth.config["DepthNetworkConfig"]["lateral_connections"]:
            return "fcrn"
        return "modified_fcrn" if self._lambda_fsim() else "lateral"

    def _lambda_fsim(self) -> float:
        """Weight of the FSIM loss in the training of the depth network."""
        return self.depth.config.get("DepthLossConfig", {}).get("lambda_fsim", 0.0)

    def details(self, key: str) -> str:
        """Returns a short description of how an array was obtained.

        Args:
            key: Name of the array.

        Returns:
            Images, epochs, seeds and loss.
        """
        images = f"{self.summary['num_images']} images"
        if transfer := self.prediction.config.get("transfer"):
            return (
                f"{images}; our implementation (`experiments.transfer_depth`), depth "
                f"from {transfer['images']} training images"
            )
        parts = [images, self.depth.summary]
        if "DepthLossConfig" in self.depth.config:
            parts.append("BerHu + FSIM" if self._lambda_fsim() else "BerHu")
        of_networks = ("dpde", *CONTEXT_ROWS.values(), GUIDED_ROW)
        if self.row(key) in of_networks and self.gradient.record:
            kind = "context" if self._has_context else "gradient"
            parts.append(f"{kind} network {self.gradient.summary}")
        if self.prediction.config.get("PredictionConfig", {}).get("test_time_flip"):
            parts.append("test-time flip")
        if self.summary["dataset"] == "middlebury":
            limit = self.summary.get("similarity_range", "split")
            parts.append(f"range of SSIM and GSM: {limit}")
        return "; ".join(parts)

    def results(self, protocol: str) -> dict[str, dict]:
        """Returns the results of all arrays under a protocol.

        Args:
            protocol: Name of the protocol.

        Returns:
            Results by array; empty if the protocol was not used.
        """
        return self.summary["protocols"].get(protocol, {}).get("results", {})


def read_scored_run(label: str, folder: str | pathlib.Path) -> ScoredRun:
    """Returns scores with the records of the runs behind them.

    Args:
        label: Name for the tables.
        folder: Folder with `summary.json`, as `experiments.evaluate` writes it.

    Returns:
        Scored run; missing records are empty.

    Raises:
        FileNotFoundError: If there are no scores.
        ValueError: If a file is damaged.
    """
    summary = read_summary(folder)
    prediction = read_step(summary["predictions"])
    # A program that fuses predictions also records how they were made.
    runs = (
        prediction.config.get("prediction_flags", {})
        | prediction.record.get("flags", {})
        | prediction.config.get("networks", {})
    )
    return ScoredRun(
        label=label,
        summary=summary,
        scoring=read_step(folder),
        prediction=prediction,
        depth=read_step(runs.get("depth_run")),
        gradient=read_step(runs.get("gradient_run")),
    )


def read_step(folder: str | pathlib.Path | None) -> Step:
    """Returns the run that wrote a folder.

    Args:
        folder: Folder, or None.

    Returns:
        Record and epochs; empty if the folder or its record is missing.
    """
    if folder is None or not (pathlib.Path(folder) / RECORD_FILE).is_file():
        return Step({})
    epochs = read_metrics(folder)
    return Step(read_run_record(folder), epochs[-1]["epoch"] if epochs else 0)


def runs_table(runs: Sequence[ScoredRun]) -> Table:
    """Returns a table of the commands behind the scores.

    Args:
        runs: Scored runs.

    Returns:
        One row per run.
    """
    header = ("Run", "Scores", "Depth network", "Gradient network", "Predictions")
    rows = []
    for run in runs:
        data = f"{run.summary['dataset']}, {run.summary['split']}"
        trainings = [f"{step.summary}\n{_command(step)}" for step in run.trainings]
        texts = [f"{data}\n{_command(run.scoring)}", *trainings]
        rows.append(tuple(map(Cell, (run.label, *texts, _command(run.prediction)))))
    return Table(header, tuple(rows), kind="settings")


def _command(step: Step) -> str:
    """A command as code."""
    return f"`{step.command}`" if step.command else "no command"


def _argument(name: str, value: object) -> str:
    """A flag as typed on the command line."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return f"--{name}={value}"
