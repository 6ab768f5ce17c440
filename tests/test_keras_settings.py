"""Tests of user settings of Keras, and of the log messages of TensorFlow."""

import gc
import inspect
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import dpde_tf
from dpde_tf.config import AugmentationConfig
from dpde_tf.data.augmentation import augment
from dpde_tf.keras_settings import (
    _without_useless_lines,
    keep_objects,
    set_up_keras,
    without_garbage_collection,
)
from dpde_tf.visualization.colours import write_image

# As TensorFlow 2.21 prints them on a machine without a GPU.
SAYS_NOTHING = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to "
    "STDERR\n"
    "I0000 00:00:1795940208.433380    6821 port.cc:153] oneDNN custom operations are "
    "on. You may see slightly different numerical results due to floating-point "
    "round-off errors from different computation orders.\n"
    "I0000 00:00:1795940208.433683    6821 cudart_stub.cc:31] Could not find cuda "
    "drivers on your machine, GPU will not be used.\n"
    "I0000 00:00:1795940208.621142    6821 cpu_feature_guard.cc:227] This TensorFlow "
    "binary is optimized to use available CPU instructions in performance-critical "
    "operations.\n"
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild "
    "TensorFlow with the appropriate compiler flags.\n"
    "E0000 00:00:1795940211.433785    6821 cuda_platform.cc:52] failed call to cuInit: "
    "INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)\n"
)
REAL = (
    "W0000 00:00:1795940211.433785    6821 cpu_allocator_impl.cc:84] Allocation of "
    "1990656000 exceeds 10% of free system memory.\n"
    "E0000 00:00:1795940211.433785    6821 cuda_platform.cc:52] failed call to cuInit: "
    "INTERNAL: CUDA error: Failed call to cuInit: CUDA_ERROR_NO_DEVICE (100)\n"
)


# `dpde_tf.keras_settings` without `dpde_tf`, which would import TensorFlow.
WITHOUT_TENSORFLOW = (
    "import os, sys, types\n"
    "package = sys.modules['dpde_tf'] = types.ModuleType('dpde_tf')\n"
    f"package.__path__ = {list(dpde_tf.__path__)}\n"
    "from dpde_tf.keras_settings import _without_useless_lines, choose_backend\n"
    "choose_backend()\n"
)


def _python(code, home, *switches, **variables):
    """Runs Python with its settings in a folder, and returns the ended process."""
    chosen = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    env = chosen | {"HOME": str(home)} | variables
    command = [sys.executable, "-c", code, *switches]
    return subprocess.run(command, capture_output=True, text=True, env=env)


@pytest.fixture(scope="module")
def hostile_home(tmp_path_factory):
    """A home whose keras.json has unsuitable settings."""
    settings = {
        "backend": "jax",
        "floatx": "float16",
        "image_data_format": "channels_first",
        "epsilon": 1e-7,
    }
    home = tmp_path_factory.mktemp("home")
    path = home / ".keras" / "keras.json"
    path.parent.mkdir()
    path.write_text(json.dumps(settings))
    return home


@pytest.fixture(scope="module")
def started(hostile_home):
    """The end of a process that loads the library first; a start takes seconds."""
    code = (
        "import dpde_tf.models, gc, json, keras\n"
        "from keras import config\n"
        "print(config.backend(), config.floatx(), config.dtype_policy().name,"
        " config.image_data_format())\n"
        "layer = keras.layers.Conv2D(2, 3, padding='same')\n"
        "result = layer(keras.ops.zeros((1, 5, 7, 3)))\n"
        "print(result.shape, result.dtype.name)\n"
        "from dpde_tf import losses, metrics\n"
        "print(losses.FeatureSimilarity().dtype, metrics.FeatureSimilarity().dtype)\n"
        "import tensorflow as tf\n"
        "from dpde_tf.config import AugmentationConfig\n"
        "from dpde_tf.data.augmentation import augment\n"
        f"{inspect.getsource(_rotated)}\n"
        "print(json.dumps(_rotated()))\n"
        "print(gc.isenabled(), gc.get_freeze_count())\n"
        "tf.get_logger().warning('the learning rate is odd')"
    )
    return _python(code, hostile_home, KERAS_BACKEND="torch")


def test_settings_of_the_user_do_not_matter(started):
    assert started.stdout.splitlines()[:2] == [
        "tensorflow float32 float32 channels_last",
        "(1, 5, 7, 2) float32",
    ], started.stderr


def test_only_warnings_of_tensorflow_itself_reach_the_terminal(started):
    assert started.stderr == "WARNING:tensorflow:the learning rate is odd\n"


def test_import_leaves_the_collection_of_garbage_as_it_was(started):
    assert started.stdout.splitlines()[4] == "True 0", started.stdout


@pytest.mark.parametrize("enabled", [True, False])
def test_collection_of_garbage_is_as_it_was_after_a_block(enabled):
    try:
        if not enabled:
            gc.disable()
        with pytest.raises(OSError, match="in the block"), without_garbage_collection():
            assert not gc.isenabled()
            raise OSError("in the block")
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


def test_kept_objects_are_old_and_frozen_ones_stay_frozen():
    made = [object()]
    keep_objects()
    assert any(made is one for one in gc.get_objects(generation=2))
    try:
        gc.freeze()
        made = [object()]
        keep_objects()
        assert gc.get_freeze_count()
        assert not any(made is one for one in gc.get_objects(generation=2))
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("package", ["experiments", "data_prep"])
def test_programs_load_the_library_before_keras(package, tmp_path):
    code = (
        "import sys\n"
        "class First:\n"
        "    def find_spec(name, *rest):\n"
        "        if name in ('dpde_tf', 'keras', 'tensorflow'):\n"
        "            sys.exit(name)\n"
        "sys.meta_path.insert(0, First)\n"
        f"import {package}"
    )
    assert _python(code, tmp_path).stderr == "dpde_tf\n"


@pytest.mark.slow
def test_import_after_keras_without_stderr_and_modules_of_unix(hostile_home):
    code = (
        "import os, sys\n"
        "os.close(2)\n"
        "sys.modules['fcntl'] = None\n"
        "import keras\n"
        "print(keras.config.dtype_policy().name)\n"
        "import dpde_tf\n"
        "print(*keras.saving.get_custom_objects())\n"
        "import dpde_tf.files.locks, dpde_tf.training.session, dpde_tf.cli.predict\n"
        "print(keras.config.dtype_policy().name, keras.config.image_data_format())"
    )
    result = _python(code, hostile_home, KERAS_BACKEND="tensorflow")
    before, registered, after = result.stdout.splitlines()
    assert (before, after) == ("float16", "float32 channels_last")
    # Any model with them can be loaded after `import dpde_tf`.
    names = {*_exported(dpde_tf.losses), *_exported(dpde_tf.metrics)}
    names |= {"FusedBatchNormalization", "UnpoolConv2D", "PointwiseConv2D", "CropLike"}
    names |= {"FusedSGD", "FusedAdamW"}
    assert {f"dpde_tf>{name}" for name in names} <= set(registered.split())


def _exported(module):
    """Names of the classes of a module that Keras must know."""
    kinds = (keras.Loss, keras.Metric)
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, kinds) and name[0] != "_"
    ]


def _rotated():
    """The image and the depth that augmentation makes of a ramp."""
    ramp = tf.reshape(tf.range(1.0, 49.0), (6, 8, 1))
    options = AugmentationConfig(max_rotation=30.0)
    pair = augment(tf.repeat(ramp / 48, 3, 2), ramp, tf.constant([0, 1]), options)
    return [part.numpy().tolist() for part in pair]


def test_settings_do_not_matter_to_parts_that_build_no_network(started):
    types, arrays = started.stdout.splitlines()[2:4]
    assert types == "float32 float32"
    assert json.loads(arrays) == _rotated()


def test_policy_that_was_chosen_is_kept():
    keras.config.set_dtype_policy("mixed_bfloat16")
    set_up_keras()
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_loaded_keras_of_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ImportError, match=r"loaded with jax\. Import dpde_tf before"):
        set_up_keras()


@pytest.mark.slow
def test_hostile_settings_change_no_number(hostile_home, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    write_image(tmp_path / "a.png", image)
    code = (
        "import runpy, sys\n"
        "runpy.run_module('experiments.predict', run_name='__main__', alter_sys=True)"
    )
    files = []
    for home in (hostile_home, tmp_path / "empty"):
        switches = f"--images={tmp_path / 'a.png'}", f"--output={home / 'output'}"
        result = _python(code, home, *switches)
        assert (result.returncode, result.stderr) == (0, "")
        files.append((home / "output" / "a.npz").read_bytes())
    assert files[0] == files[1]


def test_uninformative_messages_are_hidden(capfd):
    with _without_useless_lines():
        os.write(2, (SAYS_NOTHING + REAL).encode())
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == REAL + "afterwards\n"


def test_all_messages_are_shown_on_request(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with _without_useless_lines():
        os.write(2, SAYS_NOTHING.encode())
    assert capfd.readouterr().err == SAYS_NOTHING


def test_messages_before_a_crash_are_kept(tmp_path):
    code = (
        f"{WITHOUT_TENSORFLOW}"
        "with _without_useless_lines():\n"
        "    os.write(2, b'illegal instruction')\n"
        "    os.abort()"
    )
    result = _python(code, tmp_path)
    assert result.returncode < 0
    assert result.stderr.strip() == "illegal instruction"


def test_stderr_is_filtered_without_grep(tmp_path):
    code = (
        f"{WITHOUT_TENSORFLOW}"
        "os.environ['PATH'] = ''\n"
        "with _without_useless_lines():\n"
        "    os.write(2, b'oneDNN custom operations are on')\n"
        "print('loaded')"
    )
    result = _python(code, tmp_path)
    assert (result.stdout, result.stderr[:6]) == ("loaded\n", "oneDNN")
