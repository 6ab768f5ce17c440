"""Curves, settings and numbers of parameters of training runs."""

from collections.abc import Mapping

from dpde_tf.reporting import paper_values
from dpde_tf.reporting.blocks import NOT_RUN, Cell, Figures, Picture, Table
from dpde_tf.reporting.report import curves
from dpde_tf.reporting.report.runs import TRAINING_TITLES, TrainingRun

_NOT_TERMS = {
    "epoch",
    "step",
    "learning_rate",
    "images",
    "images_per_second",
    "measured",
    "seconds",
    "validation",
}
_OF_ZERO = "_of_zero"
_EMPTY = Cell("–", "missing")


def curve_figures(name: str, run: TrainingRun) -> Figures:
    """Returns one chart for each loss term, each metric and the learning rate.

    Training and validation values of a quantity share a chart. Validation metrics also
    share it with those of a network that predicts zero (`<metric>_of_zero`).

    Args:
        name: Name of the run, for the file names.
        run: Training run.

    Returns:
        Charts as pictures.
    """
    charts: dict[str, dict[str, list]] = {}
    for row in run.epochs:
        series = {(key, "training"): row[key] for key in row if key not in _NOT_TERMS}
        for key, value in row.get("validation", {}).items():
            label = "predicting zero" if key.endswith(_OF_ZERO) else "validation"
            series[key.removesuffix(_OF_ZERO), label] = value
        if "learning_rate" in row:
            series["learning_rate", "learning rate"] = row["learning_rate"]
        for (chart, label), value in series.items():
            points = charts.setdefault(chart, {}).setdefault(label, [])
            points.append((row["epoch"], value))
    # The learning rate always comes last.
    names = sorted(charts, key=lambda chart: chart == "learning_rate")
    pictures = []
    for chart in names:
        title = chart.replace("_", " ")
        svg = curves.line_chart(title, charts[chart], x_title="epoch")
        text = f"{TRAINING_TITLES[name]}: {title} by epoch"
        pictures.append(Picture(f"{name}_{chart}.svg", svg.encode(), text))
    return Figures(tuple(pictures))


def run_summary(run: TrainingRun) -> str:
    """Returns a sentence on the length of a training run.

    Args:
        run: Training run.

    Returns:
        Epochs, steps, time and speed, as far as logged.
    """
    if not run.epochs:
        return "No epoch has finished."
    last = run.epochs[-1]
    parts = [f"{last['epoch']} epochs, {last['step']} steps"]
    if seconds := sum(row.get("seconds", 0) for row in run.epochs):
        hours, minutes = divmod(round(seconds / 60), 60)
        parts.append(f"{hours} h {minutes:02d} min" if hours else f"{minutes} min")
    if "images_per_second" in last:
        speed = last["images_per_second"]
        parts.append(f"{speed:.1f} images per second in the last epoch")
    return ", ".join(parts) + "."


def settings_table(run_records: Mapping[str, dict]) -> Table:
    """Returns a table of the settings of all runs.

    Args:
        run_records: Content of `run.json` by title.

    Returns:
        One row for each recorded setting.
    """
    columns = [_settings(record) for record in run_records.values()]
    names = dict.fromkeys(name for settings in columns for name in settings)
    rows = (
        (
            Cell(f"`{name}`" if "." in name else name),
            *(Cell(column[name]) if name in column else _EMPTY for column in columns),
        )
        for name in names
    )
    return Table(("Setting", *run_records), tuple(rows), kind="settings")


def _settings(record: Mapping) -> dict[str, str]:
    """Settings by name, as text."""
    hardware = record.get("hardware", {})
    gpus = hardware.get("gpus")
    versions = (f"{name} {v}" for name, v in record.get("versions", {}).items())
    settings = {
        "Program": f"`{record['program']}`" if "program" in record else None,
        "Started": record.get("started"),
        "Commit": record.get("commit"),
        "Processor": hardware.get("processor"),
        "Cores": hardware.get("cores"),
        "GPUs": ", ".join(gpus) or "none" if gpus is not None else None,
        "Versions": ", ".join(versions),
        **_flattened(record.get("config", {})),
    }
    return {name: str(value) for name, value in settings.items() if value is not None}


def _flattened(config: Mapping, prefix: str = "") -> dict[str, object]:
    """Flattens a nested configuration to dotted names."""
    flat = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = "none" if value is None else value
    return flat


def trained_parameter_table(training: Mapping[str, TrainingRun]) -> Table:
    """Returns a table of the numbers of parameters and their ratios.

    Args:
        training: Training runs by name.

    Returns:
        One row per network.

    Source: Xu & Liu (2021), Table 5.
    """
    counts = {
        name: training[name].num_parameters if name in training else None
        for name in TRAINING_TITLES
    }
    gradient = counts["gradient"]
    paper = paper_values.find_value(5, "fcrn", "parameter_ratio").value
    rows = []
    for name in ("fcrn", "depth", "gradient"):
        count = counts[name]
        ratio = f"{count / gradient:.1f}" if count and gradient else NOT_RUN
        rows.append(
            (
                Cell(TRAINING_TITLES[name]),
                _count_cell(count, trained=name in training),
                Cell(ratio, "" if count and gradient else "missing"),
                Cell(f"{paper:.0f}") if name == "fcrn" else _EMPTY,
            )
        )
    return Table(
        (
            "Network",
            "Parameters",
            "Ratio to the gradient network",
            "Ratio in the paper",
        ),
        tuple(rows),
        note="Counted in the saved weights, including the moving averages of batch "
        "normalisation. The paper's text gives the ratio, not the counts.",
    )


def _count_cell(count: int | None, *, trained: bool) -> Cell:
    """A number of parameters with thousands separators."""
    if count:
        return Cell(f"{count:,}", "strong")
    return Cell("no weights" if trained else NOT_RUN, "missing")
