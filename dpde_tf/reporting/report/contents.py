"""The contents of a report, in order."""

import dataclasses
from collections.abc import Sequence

from dpde_tf.data.manifest import Manifest
from dpde_tf.reporting import paper_values
from dpde_tf.reporting.blocks import (
    NOT_RUN,
    Banner,
    Block,
    Heading,
    Items,
    Paragraph,
    Table,
)
from dpde_tf.reporting.report import scores as score_tables
from dpde_tf.reporting.report import training as training_tables
from dpde_tf.reporting.report.deviations import find_deviations
from dpde_tf.reporting.report.figures import FigureSet, figure_blocks
from dpde_tf.reporting.report.pictures import Example, picture_table
from dpde_tf.reporting.report.runs import PREDICTION_FOLDERS, TRAINING_TITLES, Runs

_DATASET_TITLES = {
    dataset: paper_values.TABLE_TITLES[table]
    for dataset, table in paper_values.DATASET_TABLES.items()
}
_NETWORKS = {"fcrn": "FCRN", "dpde": "modified FCRN and DPDE"}


@dataclasses.dataclass(frozen=True)
class Source:
    """Inputs of a report.

    Attributes:
        runs: Content of the folder of runs.
        manifest: Manifest of the record set, or None if no set is given.
        split: Split that was scored and that the pictures show.
        examples: Images to show, with their predictions.
        note: Text for a banner, possibly empty.
        tables: Titles and contents of the tables of the paper on the data set.
        figures: Figures of the paper and 3D pages, or None.
    """

    runs: Runs
    manifest: Manifest | None
    split: str
    examples: Sequence[Example]
    note: str = ""
    tables: Sequence[tuple[str, Table]] = ()
    figures: FigureSet | None = None

    @property
    def dataset(self) -> str:
        """Name of the data set, or `unknown`."""
        if self.manifest:
            return self.manifest.dataset
        names = [summary["dataset"] for summary in self.runs.scores.values()]
        return names[0] if names else "unknown"


def report_blocks(source: Source) -> tuple[Block, ...]:
    """Returns the blocks of the whole report.

    Args:
        source: Inputs of the report.

    Returns:
        Blocks in order, the title first.
    """
    title = _DATASET_TITLES.get(source.dataset, source.dataset)
    return (
        Heading(f"DPDE on {title}", level=1),
        Paragraph(
            "Detail-preserving depth estimation from a single image: a modified FCRN "
            "predicts depth, a gradient network predicts its gradients, and both are "
            "fused. These are results of an independent implementation, beside the "
            "numbers of the paper: "
            f"{paper_values.TITLE}"
        ),
        *_banners(source),
        *_scores(source),
        *_tables(source),
        *_pictures(source),
        *figure_blocks(source.figures),
        *_training(source),
        *_missing(source),
    )


def _banners(source: Source) -> list[Banner]:
    """The given note, and the deviations of the runs from the paper."""
    banners = [Banner(source.note)] if source.note else []
    if found := find_deviations(source.runs, source.dataset):
        title = "Deviations from the experiment of the paper:"
        banners.append(Banner(title, tuple(found)))
    return banners


def _scores(source: Source) -> list[Block]:
    """Tables of scores for each protocol."""
    scores = source.runs.scores
    if not scores:
        return [Heading("Scores"), Paragraph(f"Scores of any predictions: {NOT_RUN}.")]
    origins = (
        f"`{name}`: {summary['num_images']} images of the split `{summary['split']}` "
        f"of `{summary['records']}`, predictions `{summary['predictions']}`."
        for name, summary in scores.items()
    )
    descriptions = {
        name: entry["description"]
        for summary in scores.values()
        for name, entry in summary["protocols"].items()
    }
    blocks = [Heading("Scores"), Items(tuple(origins))]
    for protocol, description in descriptions.items():
        blocks += _protocol_scores(source, protocol, description)
    return blocks


def _protocol_scores(source: Source, protocol: str, description: str) -> list[Block]:
    """Tables of scores for one protocol."""
    scores = source.runs.scores
    options = {"dataset": source.dataset, "protocol": protocol}
    footnotes = score_tables.footnotes(scores, **options)
    gradients = source.runs.gradient_sources.get("dpde")
    return [
        Heading(f"Protocol `{protocol}`: pooled over pixels", level=3),
        Paragraph(description),
        score_tables.score_table(scores, gradients=gradients, **options),
        *([Items(footnotes)] if footnotes else []),
        Heading(f"Protocol `{protocol}`: contribution of each part", level=3),
        Paragraph(
            "Lateral connections turn FCRN into the modified FCRN. The gradient stream "
            "and its fusion turn the modified FCRN into DPDE."
        ),
        score_tables.gain_table(scores, **options),
        Heading(f"Protocol `{protocol}`: mean over images", level=3),
        score_tables.mean_table(scores, protocol=protocol, gradients=gradients),
    ]


def _tables(source: Source) -> list[Block]:
    """Tables of the paper with all competitors."""
    blocks: list[Block] = [Heading("Tables of the paper")] if source.tables else []
    for title, table in source.tables:
        blocks += [Heading(title, level=3), table]
    return blocks


def _pictures(source: Source) -> list[Block]:
    """Rows of pictures."""
    blocks: list[Block] = [Heading("Pictures")]
    if source.examples:
        return [*blocks, picture_table(source.examples)]
    why = "no record set, no predictions, or none chosen"
    return [*blocks, Paragraph(f"No images are shown: {why}.")]


def _training(source: Source) -> list[Block]:
    """Training curves, settings and numbers of parameters."""
    training = source.runs.training
    records = {TRAINING_TITLES[name]: run.record for name, run in training.items()}
    for name, record in source.runs.prediction_records.items():
        records[f"Prediction `{name}`"] = record
    blocks: list[Block] = [Heading("Training")]
    for name, title in TRAINING_TITLES.items():
        blocks.append(Heading(title, level=3))
        if name not in training:
            blocks.append(Paragraph(f"{title}: {NOT_RUN}."))
            continue
        blocks.append(Paragraph(training_tables.run_summary(training[name])))
        if training[name].epochs:
            blocks.append(training_tables.curve_figures(name, training[name]))
    blocks += [
        Heading("Numbers of parameters"),
        training_tables.trained_parameter_table(training),
    ]
    if records:
        blocks += [Heading("Settings"), training_tables.settings_table(records)]
    return blocks


def _missing(source: Source) -> list[Block]:
    """List of everything that was not run."""
    runs = source.runs
    texts = [
        f"Training of {title}: {NOT_RUN} (no `{runs.directory / name}/run.json`)."
        for name, title in TRAINING_TITLES.items()
        if name not in runs.training
    ]
    for kind, present in (("predictions", runs.predictions), ("scores", runs.scores)):
        texts += [
            f"{kind.capitalize()} of {_NETWORKS[name]}: {NOT_RUN} (no "
            f"`{runs.directory / kind / name}`)."
            for name in PREDICTION_FOLDERS
            if name not in present
        ]
    if source.manifest is None:
        texts.append("Pictures: no record set was given with `--records`.")
    texts += [
        f"Table {table} ({paper_values.TABLE_TITLES[table]}): {NOT_RUN} in this report."
        for dataset, table in paper_values.DATASET_TABLES.items()
        if dataset != source.dataset
    ]
    return [Heading("Not run"), Items(tuple(texts) or ("Nothing is missing.",))]
