"""How runs deviate from the experiment of the paper."""

from dpde_tf.config import (
    AugmentationConfig,
    ContextNetworkConfig,
    DepthLossConfig,
    DepthNetworkConfig,
    FusionConfig,
    GuidedNetworkConfig,
    InitialisationConfig,
    PredictionConfig,
    TrainingConfig,
)
from dpde_tf.reporting import paper_values
from dpde_tf.reporting.comparability import is_paper_split, paper_split
from dpde_tf.reporting.report.runs import (
    PREDICTION_FOLDERS,
    TRAINING_TITLES,
    Runs,
    TrainingRun,
)

_PAPER_SETTINGS = {
    DepthNetworkConfig: (
        "architecture",
        "lateral_connections",
        "encoder_weights",
        "encoder_batch_norm",
        "output_relu",
    ),
    InitialisationConfig: ("init_from",),
    DepthLossConfig: ("lambda_berhu", "lambda_fsim", "berhu_c", "lambda_log"),
    TrainingConfig: (
        "optimizer",
        "learning_rate",
        "schedule",
        "momentum",
        "weight_decay",
        "warmup_steps",
        "clip_norm",
    ),
    AugmentationConfig: ("flip", "max_zoom", "max_rotation", "colour", "crop_size"),
    FusionConfig: ("omega",),
    PredictionConfig: ("test_time_flip",),
}
"""Settings whose default follows the paper or, if it does not mention them, is off."""


def find_deviations(runs: Runs, dataset: str) -> list[str]:
    """Returns the deviations of runs from the experiment of the paper.

    Args:
        runs: Content of the folder of runs.
        dataset: Name of the data set.

    Returns:
        Sentences; none if epochs, data, settings and test images are those of the
        paper.
    """
    found = []
    for name, run in runs.training.items():
        title, config = TRAINING_TITLES[name], run.record.get("config", {})
        found += _network_deviation(title, config)
        found += _epoch_deviation(name, run)
        found += _data_deviations(title, config)
        found += _changed_settings(title, name, config)
    for name, record in runs.prediction_records.items():
        title = f"Prediction `{name}`"
        found += _changed_settings(title, name, record.get("config", {}))
    found += [
        f"Prediction `{name}` takes the gradients of the {source} network, which is "
        "not the paper's."
        for name, source in runs.gradient_sources.items()
    ]
    for name in PREDICTION_FOLDERS:
        if name in runs.scores:
            found += _score_deviation(name, runs.scores[name], dataset)
    return found


def _network_deviation(title: str, config: dict) -> list[str]:
    """A sentence if our own network replaces the gradient network of the paper."""
    return [
        f"{title} is the {word} network, which is not the paper's."
        for kind, word in (
            (ContextNetworkConfig, "context"),
            (GuidedNetworkConfig, "guided"),
        )
        if kind.__name__ in config
    ]


def _epoch_deviation(name: str, run: TrainingRun) -> list[str]:
    """A sentence if the number of epochs differs, or is that of other authors."""
    if released := run.record.get("config", {}).get("released_weights"):
        return [f"{TRAINING_TITLES[name]} has the weights of {released['title']}."]
    epochs = run.epochs[-1]["epoch"] if run.epochs else 0
    if epochs == paper_values.EPOCHS:
        return []
    paper = f"the paper has {paper_values.EPOCHS}"
    if name == "gradient":
        paper += " for the depth network, and gives none for this one"
    return [f"{TRAINING_TITLES[name]} was trained for {epochs} epochs; {paper}."]


def _data_deviations(title: str, config: dict) -> list[str]:
    """Sentences if number (less those held out) or size of training images differ."""
    if "dataset" not in config.get("data", {}):
        return []
    dataset = config["data"]["dataset"]
    training = config.get("TrainingConfig", {})
    held_out = training.get("num_validation", 0)
    count = config["data"]["num_records"] - held_out
    if training.get("swap_held_out"):
        count, held_out = held_out, count
    aside = f" ({held_out} more are held out for validation)" if held_out else ""
    trained = f"{title} was trained on {count} images{aside}"
    paper_count = paper_values.SPLIT_SIZES.get(dataset, {}).get("train")
    if paper_count is None:
        return [f"{trained}; the paper does not train on {dataset}."]
    found = []
    if count != paper_count:
        found.append(f"{trained}; the paper has {paper_count}.")
    paper_size = paper_values.IMAGE_SIZES[dataset]
    size = tuple(config["data"].get("image_size", paper_size))
    if size != paper_size:
        sizes = [f"{height}x{width}" for height, width in (size, paper_size)]
        found.append(f"{title} was trained at {sizes[0]}; the paper has {sizes[1]}.")
    return found


def _changed_settings(title: str, name: str, config: dict) -> list[str]:
    """A sentence if settings differ."""
    changed = []
    for config_class, fields in _PAPER_SETTINGS.items():
        given = config.get(config_class.__name__, {})
        for field in fields:
            paper = _paper_value(name, config_class, field)
            value = given.get(field, paper)
            if value != paper and not _is_ours(name, field, value, config):
                paper = "none" if paper is None else paper
                changed.append(f"`{field}` is {value} (the paper's: {paper})")
    return [f"{title}: {', '.join(changed)}."] if changed else []


def _paper_value(name: str, config_class: type, field: str) -> object:
    """The value in the paper; the baseline has no FSIM loss and no lateral links."""
    if name == "fcrn" and field in ("lambda_fsim", "lateral_connections"):
        return 0.0 if field == "lambda_fsim" else False
    return getattr(config_class(), field)


def _is_ours(name: str, field: str, value: object, config: dict) -> bool:
    """Whether a changed value still agrees with the recipe of the paper.

    The gradient network is trained on crops in either recipe. A file of encoder weights
    may hold those of ImageNet, for computers without network access. A run that starts
    from another one needs no encoder weights.
    """
    if field == "encoder_weights":
        start = config.get("InitialisationConfig", {}).get("init_from")
        return str(value).endswith(".h5") or start is not None
    return name == "gradient" and field == "crop_size"


def _score_deviation(name: str, summary: dict, dataset: str) -> list[str]:
    """A sentence if the scored images differ."""
    count, split = summary["num_images"], summary["split"]
    scored = f"Scores `{name}`: {count} images of the split `{split}`"
    if paper_split(dataset) is None:
        return [f"{scored}; {dataset} is not a data set of the paper."]
    size = paper_values.SPLIT_SIZES[dataset][paper_split(dataset)]
    if not is_paper_split(summary, dataset):
        return [f"{scored}; the paper's {size} are those of `{paper_split(dataset)}`."]
    return [f"{scored}; the paper has {size}."] if count != size else []
