import dataclasses
import json
import pathlib

import pytest

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
from dpde_tf.reporting.report.deviations import find_deviations
from dpde_tf.reporting.report.runs import Runs, TrainingRun, read_runs
from dpde_tf.runs.run_record import config_as_dict
from dpde_tf.training.presets import depth_preset, gradient_preset
from tests.fixtures.summaries import make_summary

PAPER_NETWORK, PAPER_TRAINING = DepthNetworkConfig(), TrainingConfig()
PAPER_LOSS = DepthLossConfig()
# The baseline, which has neither lateral connections nor the FSIM loss.
FCRN = DepthNetworkConfig(lateral_connections=False)
FCRN_LOSS = DepthLossConfig(lambda_fsim=0.0)
NO_AUGMENTATION = AugmentationConfig()
DATA = {"dataset": "nyu_depth_v2", "num_records": 795, "image_size": [240, 320]}


def training_run(
    network=PAPER_NETWORK,
    training=PAPER_TRAINING,
    augmentation=NO_AUGMENTATION,
    *,
    loss=PAPER_LOSS,
    epochs=30,
    data=DATA,
    init_from=None,
):
    """A run as the training programs record it; by default the paper's."""
    start = InitialisationConfig(init_from)
    config = config_as_dict(network, start, loss, training, augmentation)
    rows = [{"epoch": epoch, "step": epoch} for epoch in range(1, epochs + 1)]
    return TrainingRun({"config": config | {"data": data}}, rows, None)


def deviations(training=None, *, scores=None, records=None, dataset="nyu_depth_v2"):
    runs = Runs(pathlib.Path("runs"), training or {}, {}, records or {}, scores or {})
    return find_deviations(runs, dataset)


def scored(**fields):
    return make_summary(depth=0.7) | fields


def test_find_deviations_of_the_papers_experiment_are_none():
    preset = gradient_preset("paper")
    runs = {
        "depth": training_run(),
        "gradient": training_run(PAPER_NETWORK, *vars(preset).values()),
        "fcrn": training_run(FCRN, loss=FCRN_LOSS),
    }
    records = {"dpde": {"config": config_as_dict(FusionConfig())}}
    assert deviations(runs, scores={"dpde": scored()}, records=records) == []


def test_find_deviations_names_images_held_out():
    runs = {"depth": training_run(training=TrainingConfig(num_validation=40))}
    assert deviations(runs) == [
        "Modified FCRN was trained on 755 images (40 more are held out for "
        "validation); the paper has 795."
    ]
    data = DATA | {"num_records": 200}
    runs = {"fcrn": training_run(FCRN, loss=FCRN_LOSS, data=data)}
    assert deviations(runs) == ["FCRN was trained on 200 images; the paper has 795."]
    data = DATA | {"dataset": "rooms"}
    runs = {"fcrn": training_run(FCRN, loss=FCRN_LOSS, data=data)}
    assert deviations(runs) == [
        "FCRN was trained on 795 images; the paper does not train on rooms."
    ]


def test_find_deviations_names_another_size_of_images():
    data = DATA | {"num_records": 700, "image_size": [120, 160]}
    assert deviations({"depth": training_run(data=data)}) == [
        "Modified FCRN was trained on 700 images; the paper has 795.",
        "Modified FCRN was trained at 120x160; the paper has 240x320.",
    ]


@pytest.mark.parametrize(
    ("name", "epochs", "expected"),
    [
        ("depth", 9, "Modified FCRN was trained for 9 epochs; the paper has 30."),
        ("fcrn", 0, "FCRN was trained for 0 epochs; the paper has 30."),
        (
            "gradient",
            2,
            "Gradient network was trained for 2 epochs; the paper has 30 for the depth "
            "network, and gives none for this one.",
        ),
    ],
)
def test_find_deviations_names_the_epochs_of_every_network(name, epochs, expected):
    run = {"network": FCRN, "loss": FCRN_LOSS} if name == "fcrn" else {}
    assert deviations({name: training_run(**run, epochs=epochs)}) == [expected]


def test_find_deviations_expects_no_fsim_loss_of_the_baseline():
    runs = {"depth": training_run(loss=FCRN_LOSS), "fcrn": training_run(FCRN)}
    assert deviations(runs) == [
        "Modified FCRN: `lambda_fsim` is 0.0 (the paper's: 1.0).",
        "FCRN: `lambda_fsim` is 1.0 (the paper's: 0.0).",
    ]


def test_find_deviations_names_another_network():
    plain = training_run(DepthNetworkConfig(lateral_connections=False))
    assert deviations({"depth": plain}) == [
        "Modified FCRN: `lateral_connections` is False (the paper's: True)."
    ]
    record = {"config": config_as_dict(GuidedNetworkConfig())}
    run = TrainingRun(record, [{"epoch": 30}], None)
    assert deviations({"gradient": run}) == [
        "Gradient network is the guided network, which is not the paper's."
    ]
    record = {"config": {"released_weights": {"title": "FCRN of its authors"}}}
    run = TrainingRun(record, [], None)
    assert deviations({"fcrn": run}) == ["FCRN has the weights of FCRN of its authors."]


def test_find_deviations_names_the_flip_of_predictions():
    record = {"config": config_as_dict(PredictionConfig(test_time_flip=True))}
    (found,) = deviations(records={"dpde": record})
    assert found.startswith("Prediction `dpde`: `test_time_flip` is True (the paper's:")


def test_find_deviations_names_the_recommended_recipe():
    preset = depth_preset("recommended")
    run = training_run(training=preset.training, augmentation=preset.augmentation)
    (text,) = deviations({"depth": run})
    assert text.startswith("Modified FCRN: `optimizer` is adamw (the paper's: sgd), ")
    for name in ("learning_rate", "schedule", "weight_decay", "warmup_steps"):
        assert f"`{name}` is " in text
    for name in ("clip_norm", "flip", "max_zoom", "max_rotation", "colour"):
        assert f"`{name}` is " in text


def test_find_deviations_names_augmentation_alone():
    crop = AugmentationConfig(flip=True, crop_size=(64, 64))
    assert deviations({"depth": training_run(augmentation=crop)}) == [
        "Modified FCRN: `flip` is True (the paper's: False), `crop_size` is [64, 64] "
        "(the paper's: none)."
    ]
    assert deviations({"gradient": training_run(augmentation=crop)}) == [
        "Gradient network: `flip` is True (the paper's: False)."
    ]


def test_find_deviations_names_an_encoder_without_imagenet():
    run = training_run(DepthNetworkConfig(encoder_weights="none"))
    assert deviations({"depth": run}) == [
        "Modified FCRN: `encoder_weights` is none (the paper's: imagenet)."
    ]
    file = training_run(DepthNetworkConfig(encoder_weights="resnet50.weights.h5"))
    assert deviations({"depth": file}) == []


def test_find_deviations_names_another_start_but_not_its_encoder():
    network = DepthNetworkConfig(encoder_weights="none")
    run = training_run(network, init_from="runs/half/nyu/depth")
    assert deviations({"depth": run}) == [
        "Modified FCRN: `init_from` is runs/half/nyu/depth (the paper's: none)."
    ]


def test_find_deviations_names_the_context_network():
    run = training_run(ContextNetworkConfig())
    assert deviations({"gradient": run}) == [
        "Gradient network is the context network, which is not the paper's."
    ]


def test_find_deviations_names_another_weight_in_the_fusion():
    records = {"dpde": {"config": config_as_dict(FusionConfig(omega=3.0))}}
    assert deviations(records=records) == [
        "Prediction `dpde`: `omega` is 3.0 (the paper's: 10.0)."
    ]


def test_find_deviations_of_middlebury_use_the_simple_division():
    simple = {"dataset": "middlebury", "split": "simple", "num_images": 35}
    calibrated = simple | {"split": "calibrated", "num_images": 27}
    scores = {"dpde": scored(**simple), "calibrated": scored(**calibrated)}
    assert deviations(scores=scores, dataset="middlebury") == []
    scores = {"dpde": scored(**calibrated)}
    assert deviations(scores=scores, dataset="middlebury") == [
        "Scores `dpde`: 27 images of the split `calibrated`; the paper's 35 are those "
        "of `simple`."
    ]


def test_find_deviations_names_other_test_images():
    found = deviations(scores={"dpde": scored(num_images=16)})
    assert found == ["Scores `dpde`: 16 images of the split `test`; the paper has 654."]
    found = deviations(scores={"fcrn": scored(split="train", num_images=795)})
    assert found == [
        "Scores `fcrn`: 795 images of the split `train`; the paper's 654 are those of "
        "`test`."
    ]
    found = deviations(scores={"dpde": scored()}, dataset="rooms")
    assert found == [
        "Scores `dpde`: 654 images of the split `test`; rooms is not a data set of the "
        "paper."
    ]


def test_find_deviations_names_the_gradients_of_stored_predictions(tmp_path):
    """Also if their maps are not there, as in exported results."""
    record = {"config": {"networks": {"depth_run": "a", "guided_run": "b"}}}
    folder = tmp_path / "predictions" / "dpde"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record))
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / "run.json").write_text(json.dumps(training_run().record))
    runs = read_runs(tmp_path)
    assert runs.predictions == {}
    assert find_deviations(dataclasses.replace(runs, training={}), "nyu_depth_v2") == [
        "Prediction `dpde` takes the gradients of the guided network, which is not the "
        "paper's."
    ]


def test_find_deviations_counts_the_images_of_the_other_fold():
    training = TrainingConfig(num_validation=95, swap_held_out=True)
    (found,) = deviations({"depth": training_run(training=training)})
    assert "trained on 95 images (700 more are held out for validation)" in found
