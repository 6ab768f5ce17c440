"""Tests of dpde_tf.training.session and setups."""

import dataclasses
import functools
import json
import math
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import (
    AugmentationConfig,
    CoarseDepthConfig,
    ContextLossConfig,
    ContextNetworkConfig,
    DepthLossConfig,
    DepthNetworkConfig,
    GuidedLossConfig,
    GuidedNetworkConfig,
    InitialisationConfig,
)
from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.predictions import prediction_path, write_prediction
from dpde_tf.training import session as session_module
from dpde_tf.training import setups
from dpde_tf.training.session import Setup, TrainingSession, run_session
from dpde_tf.training.setups import context_setup, depth_setup, guided_setup
from tests.fixtures.record_sets import write_small_record_set
from tests.fixtures.small_training import (
    CONFIG,
    OBJECTIVE,
    same_state,
    tiny_depth_network,
)


def _setup(session, records):
    """The tiny network in place of a full one."""
    return Setup((DepthNetworkConfig(),), tiny_depth_network, OBJECTIVE, None)


def _changed(session, **changes):
    training = dataclasses.replace(session.training, **changes)
    return dataclasses.replace(session, training=training)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    directory = tmp_path_factory.mktemp("records") / "small"
    rng = np.random.default_rng(0)
    return write_small_record_set(directory, rng, size=(32, 32), splits={"train": 6})


@pytest.fixture
def session(records, tmp_path):
    policy = keras.config.dtype_policy()
    yield TrainingSession(
        program="tests.program",
        records=records,
        workdir=tmp_path / "run",
        make_setup=_setup,
        training=dataclasses.replace(CONFIG, epochs=1),
        flags={"epochs": 1},
    )
    keras.config.set_dtype_policy(policy)


def test_run_session_resumes_a_run_of_an_older_version(session, capsys):
    weights = run_session(session)
    assert weights == session.workdir / "weights.weights.h5"
    before, record = weights.read_bytes(), session.workdir / "run.json"
    fields = json.loads(record.read_text())
    assert (fields["program"], fields["flags"]) == ("tests.program", {"epochs": 1})
    # Versions before these options did not record them.
    for name in ("sync_batch_norm", "swap_held_out"):
        del fields["config"]["TrainingConfig"][name]
    del fields["config"]["DepthNetworkConfig"]["output_relu"]
    record.write_text(json.dumps(fields))
    assert run_session(session) == weights
    assert f"Continuing the run in {session.workdir}." in capsys.readouterr().out
    assert weights.read_bytes() == before
    assert len(json.loads(record.read_text())["resumed"]) == 1
    # The reaction to bad steps may change, the rest may not.
    run_session(_changed(session, on_bad_step="skip"))
    written = json.loads(record.read_text())
    assert [one["on_bad_step"] for one in written["resumed"]] == ["stop", "skip"]
    match = "made with other values: TrainingConfig.num_validation: 0 there, 2 now"
    with pytest.raises(ValueError, match=match):
        run_session(_changed(session, num_validation=2))


def test_run_session_keeps_the_folder_of_another_program(session):
    session.workdir.mkdir()
    record = session.workdir / "run.json"
    record.write_text(json.dumps({"program": "experiments.evaluate"}))
    with pytest.raises(ValueError, match=r"a run of experiments\.evaluate, whose run"):
        run_session(session)
    assert json.loads(record.read_text()) == {"program": "experiments.evaluate"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "`epochs` must be finite and > 0. Received: 0."),
        (
            {"learning_rate": -1.0},
            "`learning_rate` must be finite and > 0. Received: -",
        ),
        ({"learning_rate": math.inf}, "`learning_rate` must be finite and > 0. Rec"),
        ({"momentum": 1.0}, "`momentum` must be >= 0 and < 1. Received: 1.0."),
        (
            {"clip_norm": math.inf},
            "`clip_norm` must be finite and >= 0. Rec",
        ),
        ({"on_bad_step": "go"}, "`on_bad_step` must be stop or skip. Received: 'go'."),
        ({"max_loss_growth": 1.0}, "`max_loss_growth` must be more than 1, or 0 for "),
        ({"distribution": "two"}, "must be one of none, mirrored, multi_worker"),
        ({"optimizer": "adam"}, "`optimizer` must be sgd or adamw. Received: 'adam'."),
        ({"schedule": "step"}, "`schedule` must be paper or cosine. Received: 'step'."),
        ({"learning_rate": math.nan}, "`learning_rate` must be finite and > 0. Rec"),
        ({"max_loss_growth": math.nan}, "`max_loss_growth` must be more than 1, or 0"),
        ({"momentum": 1.5}, "momentum"),
        ({"optimizer": "adamw", "momentum": 0.5}, "`momentum` is of `optimizer` sgd"),
        ({"batch_size": 1000}, "fewer than one batch of 1000. Use a smaller"),
    ],
)
def test_run_session_refuses_options_that_would_fail_later(session, changes, message):
    with pytest.raises(ValueError) as caught:
        run_session(_changed(session, **changes))
    assert message in str(caught.value)
    assert not session.workdir.exists()


def test_run_session_refuses_constants_of_the_loss(session):
    loss = DepthLossConfig(lambda_fsim=0.0, berhu_c="foo")
    setup = functools.partial(depth_setup, DepthNetworkConfig(), loss)
    with pytest.raises(ValueError, match=r"`berhu_c` must be 'image' or 'batch'"):
        run_session(dataclasses.replace(session, make_setup=setup))
    assert not session.workdir.exists()


def test_finished_run_gets_its_weights_back(session):
    weights = run_session(session)
    trained, again = tiny_depth_network(), tiny_depth_network()
    trained.load_weights(weights)
    weights.unlink()
    again.load_weights(run_session(session))
    assert same_state(trained.get_weights(), again.get_weights())


def _make(session, make_setup, *configs, crop_size=None, init_from=""):
    session = dataclasses.replace(
        session,
        start=InitialisationConfig(init_from=init_from),
        augmentation=AugmentationConfig(crop_size=crop_size),
    )
    return make_setup(*configs, session, RecordSet.open(session.records, "train"))


def test_depth_setup_takes_open_values_from_the_records(session):
    loss = DepthLossConfig(lambda_fsim=0.0)
    setup = _make(session, depth_setup, DepthNetworkConfig(), loss, init_from="x")
    network, loss = setup.configs
    split = RecordSet.open(session.records, "train").split
    assert network.output_offset == split.depth_mean
    assert loss.max_depth == split.depth_max
    assert network.encoder_weights == "none"  # Those of init_from replace them.
    network = DepthNetworkConfig(output_offset=1.5)
    assert _make(session, depth_setup, network, loss).configs == (network, loss)


def test_context_setup_takes_an_open_offset_from_the_records(session):
    configs = ContextNetworkConfig(), ContextLossConfig()
    network, _ = _make(session, context_setup, *configs, init_from="x").configs
    split = RecordSet.open(session.records, "train").split
    assert network.context_offset == split.depth_mean
    assert network.context_encoder_weights == "none"


def test_encoder_weights_that_would_be_replaced_are_refused(session):
    depth = DepthNetworkConfig(encoder_weights="mine.weights.h5"), DepthLossConfig()
    configs = ContextNetworkConfig(context_encoder_weights="mine.weights.h5")
    context = configs, ContextLossConfig()
    for make_setup, configs, name in (
        (depth_setup, depth, "`encoder_weights`"),
        (context_setup, context, "`context_encoder_weights`"),
    ):
        match = f"{name} has no effect with .* Received: mine.weights.h5 and x. Leave"
        with pytest.raises(ValueError, match=match):
            _make(session, make_setup, *configs, init_from="x")


@pytest.mark.parametrize("crop_size", [None, (16, 144)])
def test_depth_setup_refuses_images_too_small_for_fsim(session, crop_size):
    size = "32x32" if crop_size is None else "16x144"
    match = rf"at least \d+ pixels .* Received: {size}\..* `crop_size`"
    configs = DepthNetworkConfig(), DepthLossConfig()
    with pytest.raises(ValueError, match=match):
        _make(session, depth_setup, *configs, crop_size=crop_size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warmup_steps": -5}, "`warmup_steps` must be finite and >= 0. Rec"),
        ({"clip_norm": -1.0}, "`clip_norm` must be finite and >= 0. Rec"),
        (
            {"weight_decay": -1.0},
            "`weight_decay` must be finite and >= 0. Received: -1.0",
        ),
        ({"weight_decay": math.nan}, "`weight_decay` must be finite and >= 0"),
        ({"seed": 3_000_000_000}, "`seed` must be from 0 to 2147483647. Received: 3"),
        ({"num_validation": 99}, "99"),
    ],
)
def test_refused_training_leaves_no_folder(session, changes, message):
    with pytest.raises(ValueError) as caught:
        run_session(_changed(session, **changes))
    assert message in str(caught.value)
    assert not session.workdir.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_zoom": 0.5}, "`max_zoom` must be finite and >= 1. Received: 0.5."),
        ({"max_rotation": -1.0}, "`max_rotation` must be from 0 to 180. Received: -1"),
        ({"colour": 1.5}, "`colour` must be from 0 to 1. Received: 1.5"),
        ({"crop_size": (33, 8)}, "33x8 must fit into the images"),
    ],
)
def test_augmentation_out_of_range_is_refused(session, changes, message):
    with pytest.raises(ValueError) as caught:
        augmentation = AugmentationConfig(**changes)
        run_session(dataclasses.replace(session, augmentation=augmentation))
    assert message in str(caught.value)
    assert not session.workdir.exists()


@pytest.mark.parametrize("epochs", [1, 2])
def test_trained_network_without_a_checkpoint_is_left_alone(session, epochs):
    session = _changed(session, epochs=epochs)
    weights = run_session(session)
    before = {path.name: path.read_bytes() for path in session.workdir.glob("*.*")}
    shutil.rmtree(session.workdir / "checkpoints")
    with pytest.raises(ValueError, match="holds a trained network, but no checkpoint"):
        run_session(session)
    after = {path.name: path.read_bytes() for path in session.workdir.glob("*.*")}
    assert after == before and weights.name in after


def test_compact_weights_are_not_trained_over(session):
    session.workdir.mkdir()
    (session.workdir / "compact-1.npz").write_bytes(b"weights")
    record = {"program": "tests.program", "config": {}}
    (session.workdir / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="with that folder as `init_from`"):
        run_session(session)
    assert json.loads((session.workdir / "run.json").read_text()) == record


def test_resumed_run_keeps_its_precision_and_needs_the_same_records(
    session, records, tmp_path, monkeypatch
):
    session = _changed(session, precision="auto")
    for precision in ("float32", "mixed_float16"):  # As measured.
        resolve = "dpde_tf.training.session.resolve_precision"
        monkeypatch.setattr(resolve, lambda _, precision=precision: precision)
        run_session(session)
    rng = np.random.default_rng(1)
    other = write_small_record_set(
        tmp_path / "other", rng, size=(32, 32), splits={"train": 6}
    )
    with pytest.raises(ValueError, match=r"other values: data\.shards_sha256"):
        run_session(dataclasses.replace(session, records=other))
    # Older versions did not record them.
    record = session.workdir / "run.json"
    fields = json.loads(record.read_text())
    del fields["config"]["data"]["shards_sha256"], fields["config"]["data"]["split"]
    record.write_text(json.dumps(fields))
    run_session(session)


def test_checkpoint_makes_weights_of_the_encoder_unnecessary(session, monkeypatch):
    built = []
    monkeypatch.setattr(setups, "build_depth_network", built.append)
    network = DepthNetworkConfig(output_offset=1.5, encoder_weights="gone.weights.h5")
    configs = network, DepthLossConfig(lambda_fsim=0.0)
    for there, weights in ((False, "gone.weights.h5"), (True, "none")):
        monkeypatch.setattr(setups, "has_checkpoint", lambda _, there=there: there)
        setup = _make(session, depth_setup, *configs)
        setup.build_network()
        assert built[-1].encoder_weights == weights
        assert setup.configs[0] == network


def test_deterministic_run_has_the_threads_of_the_machine(monkeypatch):
    chosen = {}
    for name in ("inter", "intra"):
        setter = f"set_{name}_op_parallelism_threads"
        note = functools.partial(chosen.__setitem__, name)
        monkeypatch.setattr(tf.config.threading, setter, note)
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)
    # Not those that this process may use, which another shell may change.
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    session_module._make_deterministic()
    assert chosen == {"inter": 1, "intra": 7}


def test_guided_setup_reads_the_named_predictions(session, tmp_path):
    for name in RecordSet.open(session.records, "train").split.names:
        depth = np.full([4, 5], 2.0, np.float32)
        write_prediction(prediction_path(tmp_path / "maps", name), {"depth": depth})
    coarse = CoarseDepthConfig(coarse_predictions=f" {tmp_path / 'maps'}, ")
    configs = GuidedNetworkConfig(guided_width=2), GuidedLossConfig(), coarse
    setup = _make(session, guided_setup, *configs)
    assert setup.coarse.predictions.shape == (6, 4, 5, 1)


def test_resumed_run_needs_the_same_coarse_predictions(session):
    def setup(session, records, value):
        coarse = CoarseDepths(CoarseDepthConfig(), tf.fill([6, 32, 32, 1], value))
        return dataclasses.replace(_setup(session, records), coarse=coarse)

    def run(value):
        made = functools.partial(setup, value=value)
        return run_session(dataclasses.replace(session, make_setup=made))

    run(2.0)
    run(2.0)
    with pytest.raises(ValueError, match=r"other values: data\.coarse_sha256: '"):
        run(3.0)
