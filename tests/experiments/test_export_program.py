"""Tests of `dpde export`, with small networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import app, flags

from dpde_tf.cli import export
from dpde_tf.inference.export.formats import find_format
from tests.fixtures.program_flags import flags_of


def _networks(**runs):
    keras.utils.set_random_seed(3)
    image = keras.Input((None, None, 3))
    depth = keras.layers.Conv2D(1, 3, strides=2, padding="same")(image)
    return {"depth_network": keras.Model(image, depth)}


@pytest.fixture
def run_export(monkeypatch, tmp_path):
    """Runs `dpde export` into a folder."""
    monkeypatch.setattr(export, "load_networks", _networks)
    with flags_of(export) as run_main:

        def run(kind="savedmodel", network="depth", **values):
            where = {"output": tmp_path / "exported"}
            run_main(format=kind, network=network, **where | values)

        yield run


def test_export_writes_and_checks(run_export, tmp_path, capsys):
    run_export(check=True, num_images=1, image_size="32,40")
    written, checked = capsys.readouterr().out.splitlines()
    assert written.startswith(f"Written: {tmp_path / 'exported'} (")
    assert checked.startswith("depth: largest difference ")
    assert checked.endswith("over 1 images")
    module = tf.saved_model.load(tmp_path / "exported")
    image = np.zeros([1, 32, 40, 3], np.float32)
    found = module.signatures["serving_default"](image=tf.constant(image))
    assert found["depth"].shape == (1, 16, 20, 1)


def test_unknown_formats_are_refused(run_export):
    allowed = r"<savedmodel\|tflite\|onnx>"
    with pytest.raises(flags.IllegalFlagValueError, match=f"--format=pb: .*{allowed}"):
        run_export(kind="pb")
    with pytest.raises(ValueError, match="must be one of savedmodel, tflite, onnx"):
        find_format("pb")


def test_export_that_differs_ends_with_an_error(run_export, monkeypatch):
    monkeypatch.setattr(export, "FLOAT_TOLERANCE", -1.0)
    with pytest.raises(SystemExit, match=r"Error: .*exported differs by .*, more than"):
        run_export(check=True, num_images=1, image_size="32,40")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"int8": True}, "--int8 needs one of the formats tflite, onnx"),
        ({"image_size": "32"}, "--image_size must be height and width, each at"),
        ({"image_size": "20,400"}, ".* each at least 32, .* Received: 20,400"),
        ({"network": "guided"}, "--network=guided is none of the networks of"),
    ],
)
def test_invalid_flags_are_reported_in_one_line(run_export, tmp_path, values, message):
    with pytest.raises(SystemExit, match=f"Error: {message}") as caught:
        run_export(**values)
    assert "\n" not in caught.value.code
    assert not (tmp_path / "exported").exists()


def test_existing_output_is_kept(run_export, tmp_path):
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "mine").write_text("mine")
    with pytest.raises(SystemExit, match=r"exported exists already\. Give another"):
        run_export()
    assert (tmp_path / "exported" / "mine").read_text() == "mine"


def test_records_need_a_check(run_export):
    with pytest.raises(app.UsageError, match="--records needs --check"):
        run_export(records="data")


def test_flags_without_effect_are_refused(run_export):
    with pytest.raises(app.UsageError, match="--omega needs --network=method"):
        run_export(network="depth", omega=1.0)
    with pytest.raises(app.UsageError, match="--at_training_size needs record sets"):
        run_export(at_training_size=False)
