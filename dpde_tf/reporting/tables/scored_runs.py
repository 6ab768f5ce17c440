"""Scores with their origin: the row of the tables and the runs behind them.

The record `run.json` beside the scores names the predictions, and their record names
the training runs. The tables tell if a record is missing.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from dpde_tf.reporting.blocks import Cell, Table
from dpde_tf.reporting.run_records import (
    Step,
    is_context_network,
    read_step,
    read_summary,
)

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

# Rows of depth networks whose record is missing.
_ROWS_BY_LABEL = {"fcrn": "fcrn", "dpde": "modified_fcrn", "lateral": "lateral"}


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
        guided: Training run of the guided network; empty without one.
    """

    label: str
    summary: dict
    scoring: Step
    prediction: Step
    depth: Step
    gradient: Step
    guided: Step

    @property
    def name(self) -> str:
        """Label without the leading folder."""
        return self.label.rpartition("/")[2]

    def row(self, key: str) -> str | None:
        """Returns the row of the tables to which an array belongs.

        Args:
            key: Name of the array, such as `fused`.

        Returns:
            A row of `paper_values`, `lateral` for the modified FCRN without the FSIM
            loss, a row of `FUSED_ROWS` or `CONTEXT_ROWS`, or `GUIDED_ROW`; for depth of
            `experiments.transfer_depth` the name of the method. None for other arrays,
            and for those of networks that the tables do not have.
        """
        if transfer := self.prediction.config.get("transfer"):
            return transfer["method"]
        network = self._depth_row()
        if key == "depth":
            return network
        if key == "context_depth":
            return CONTEXT_ROWS[key]
        if key != "fused" or network in (None, "fcrn"):
            return None
        substitute = self.prediction.config.get("gradients")
        if "guided_run" in self.prediction.config.get("networks", {}):
            # The row is for the mean of two depths.
            options = self.prediction.config.get("PredictionConfig", {})
            is_mean = self._has_context and options.get("context_share", 0.5)
            return GUIDED_ROW if is_mean else None
        flags = self.prediction.config.get("prediction_flags", {})
        if substitute == "network" and "guided_run" in flags:
            return None  # Guided gradients, fused with `depth` alone.
        if self._has_context and substitute in (None, "network"):
            return CONTEXT_ROWS[substitute or "fused"]
        return FUSED_ROWS.get(substitute or "network")

    @property
    def _has_context(self) -> bool:
        """Whether there is a context network, even if its run is gone."""
        results = (p["results"] for p in self.summary["protocols"].values())
        scored = {key for result in results for key in result}
        return "context_depth" in scored or is_context_network(self.gradient.config)

    def _depth_row(self) -> str | None:
        """The row of the depth network, according to its training."""
        if "DepthNetworkConfig" not in self.depth.config:
            return _ROWS_BY_LABEL.get(self.name)
        network = self.depth.config["DepthNetworkConfig"]
        if network.get("architecture") == "harsanyi":
            return None
        if not network["lateral_connections"]:
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
        parts = [images]
        if rooms := self.summary.get("bootstrap", {}).get("scenes"):
            parts.append(f"intervals over images or over {rooms} rooms, the wider")
        if key != "context_depth":
            parts.append(self.depth.summary)
            if "DepthLossConfig" in self.depth.config:
                parts.append("BerHu + FSIM" if self._lambda_fsim() else "BerHu")
        of_networks = ("dpde", *CONTEXT_ROWS.values(), GUIDED_ROW)
        if self.row(key) in of_networks and self.gradient.record:
            kind = "context" if self._has_context else "gradient"
            parts.append(f"{kind} network {self.gradient.summary}")
        if self.row(key) == GUIDED_ROW:
            parts.append(f"guided network {self.guided.summary}")
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
        guided=read_step(runs.get("guided_run")),
    )


def runs_table(runs: Sequence[ScoredRun]) -> Table:
    """Returns a table of the commands behind the scores.

    Args:
        runs: Scored runs.

    Returns:
        One row per run.
    """
    networks = ("Depth network", "Gradient network", "Guided network")
    header = ("Run", "Scores", *networks, "Predictions")
    rows = []
    for run in runs:
        data = f"{run.summary['dataset']}, {run.summary['split']}"
        steps = [run.depth, run.gradient, *([run.guided] if run.guided.record else [])]
        trainings = [f"{step.summary}\n{_command(step)}" for step in steps]
        trainings += ["none"] * (len(networks) - len(steps))
        texts = [f"{data}\n{_command(run.scoring)}", *trainings]
        rows.append(tuple(map(Cell, (run.label, *texts, _command(run.prediction)))))
    return Table(header, tuple(rows), kind="settings")


def _command(step: Step) -> str:
    """A command as code."""
    return f"`{step.command}`" if step.command else "no command"
