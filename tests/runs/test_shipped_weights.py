"""The networks that come with the library: their files, and what they predict."""

import csv
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.files.checksums import check_checksums
from dpde_tf.files.depth_maps import read_depth, write_depth
from dpde_tf.files.images import read_image, resize_image
from dpde_tf.files.predictions import read_prediction
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.runs.run_folder import read_run_record
from dpde_tf.runs.trained_networks import (
    PRESETS,
    SHIPPED_CONTEXT_RUN,
    SHIPPED_DEPTH_RUN,
    SHIPPED_GRADIENT_RUN,
    SHIPPED_GUIDED_RUN,
    load_depth_network,
    load_network,
    load_networks,
)
from dpde_tf.visualization.colours import write_image
from tests.fixtures.programs import run_program

ROOT = pathlib.Path(__file__).parents[2]
RUNS = (
    SHIPPED_DEPTH_RUN,
    SHIPPED_GRADIENT_RUN,
    SHIPPED_CONTEXT_RUN,
    SHIPPED_GUIDED_RUN,
)
PHOTOGRAPHS = ROOT / "experiments" / "photographs"
# What the networks predicted when they were shipped, in float32: `fused` of each, every
# second row and column.
STORED = pathlib.Path(__file__).parent / "shipped_predictions.npz"
SCORES = ROOT / "experiments" / "results" / "nyu" / "scores" / "dpde_guided"
NUM_IMAGES = 4
# (height, width) of photographs: across, upright, odd.
SIZES = {"a": (480, 640), "b": (480, 400), "c": (333, 501)}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_shipped_files_are_intact(run):
    check_checksums(run)


def test_shipped_files_are_small_enough():
    sizes = [file.stat().st_size for run in RUNS for file in run.iterdir()]
    assert max(sizes) <= 45e6
    assert sum(sizes) <= 72e6


def test_shipped_networks_were_trained_on_one_image_size():
    sizes = [read_run_record(run)["config"]["data"]["image_size"] for run in RUNS]
    assert sizes == [[240, 320]] * 4


def test_model_card_names_the_checksums_of_the_weights():
    card = (SHIPPED_DEPTH_RUN.parent / "README.md").read_text(encoding="utf-8")
    for run in RUNS:
        for line in (run / "SHA256SUMS").read_text().splitlines():
            if line.endswith(".npz"):
                assert line.split()[0] in card, line


@pytest.mark.slow
def test_shipped_networks_still_predict_the_same(tmp_path):
    run_program("experiments.predict", images=PHOTOGRAPHS, output=tmp_path, fresh=True)
    with np.load(STORED) as stored:
        assert len(stored.files) == 3
        for stem in stored.files:
            fused = read_prediction(tmp_path / f"{stem}.npz")["fused"][::2, ::2]
            np.testing.assert_allclose(fused, stored[stem], atol=1e-3, err_msg=stem)


@pytest.mark.slow
def test_folded_networks_predict_the_same_to_a_hundredth_of_a_millimetre():
    """With kernels in float32, in whole numbers, and restored from these for good."""
    image = read_image(PHOTOGRAPHS / "bedroom.jpg")
    image = resize_image(image, (240, 320))[np.newaxis]
    expected = DepthPredictor(
        load_depth_network(SHIPPED_DEPTH_RUN),
        context_network=load_network(SHIPPED_CONTEXT_RUN),
        guided_network=load_network(SHIPPED_GUIDED_RUN),
    ).predict(image)
    compact = DepthPredictor(**load_networks(**PRESETS["nyu"], compact=True))
    for predictor in (
        DepthPredictor(**load_networks(**PRESETS["nyu"])),
        compact,
        compact,
    ):
        actual = predictor.predict(image)
        assert len(actual) == len(expected) == 7
        for key, values in actual.items():
            np.testing.assert_allclose(
                values, expected[key], rtol=0, atol=1e-5, err_msg=key
            )


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of photographs of several sizes."""
    folder = tmp_path_factory.mktemp("photographs")
    for (stem, size), path in zip(
        SIZES.items(), sorted(PHOTOGRAPHS.glob("*.jpg")), strict=True
    ):
        write_image(folder / f"{stem}.png", resize_image(read_image(path), size))
    return folder


@pytest.mark.slow
def test_predict_accepts_photographs_of_several_sizes(photographs, tmp_path):
    run_program("experiments.predict", images=photographs, output=tmp_path / "all")
    for stem, size in SIZES.items():
        fused = read_depth(tmp_path / "all" / f"{stem}_fused.png", depth_scale=0.001)
        assert fused.shape == size
    # The last one by itself.
    run_program(
        "experiments.predict", images=photographs / "c.png", output=tmp_path / "one"
    )
    alone = read_prediction(tmp_path / "one" / "c.npz")
    for key, values in read_prediction(tmp_path / "all" / "c.npz").items():
        np.testing.assert_allclose(values, alone[key], atol=1e-4, err_msg=key)


@pytest.mark.slow
def test_fuse_accepts_images_of_several_sizes(photographs, tmp_path):
    for stem, size in SIZES.items():
        write_depth(tmp_path / "depth" / f"{stem}.npy", np.full(size, 2.0))
    options = {"images": photographs, "depth": tmp_path / "depth"}
    for run in (SHIPPED_GUIDED_RUN, SHIPPED_CONTEXT_RUN):
        output = tmp_path / run.name
        run_program("experiments.fuse", gradient_run=run, output=output, **options)
        for stem, size in SIZES.items():
            fused = read_depth(output / f"{stem}.npy")
            assert fused.shape == size
            if run is SHIPPED_GUIDED_RUN:  # A flat map has no edges to sharpen.
                np.testing.assert_allclose(fused, 2.0, atol=0.1)
            else:  # What was flat has the relief of the image.
                assert np.ptp(fused) > 0.1


@pytest.mark.slow
def test_shipped_predictor_accepts_any_mix_of_sizes(rng):
    depth = load_depth_network(SHIPPED_DEPTH_RUN)
    context = load_network(SHIPPED_CONTEXT_RUN)
    one = DepthPredictor(depth, context_network=context)
    for size in ((64, 96), (96, 64), (61, 83)):
        # Four images of a size are predicted in a graph, one is not.
        image = rng.uniform(0, 1, [4, *size, 3]).astype(np.float32)
        alone = DepthPredictor(depth, context_network=context).predict(image[:1])
        for key, values in one.predict(image).items():
            np.testing.assert_allclose(values[:1], alone[key], atol=1e-4, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "run"),
    [
        (load_depth_network, SHIPPED_DEPTH_RUN),
        (load_network, SHIPPED_CONTEXT_RUN),
    ],
)
def test_shipped_networks_are_exported_with_a_dynamic_size(load, run, tmp_path, rng):
    network = load(run)
    network.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    for size in ((64, 96), (61, 83)):
        image = rng.uniform(0, 1, [1, *size, 3]).astype(np.float32)
        np.testing.assert_allclose(exported.serve(image), network(image), atol=1e-4)


@pytest.mark.slow
@pytest.mark.data
def test_shipped_networks_have_the_stored_scores_on_real_images(real_data, tmp_path):
    folder = real_data / "nyu_240x320"
    lines = (folder / "test_654.txt").read_text().split()[:NUM_IMAGES]
    (tmp_path / "test.txt").write_text("\n".join(lines) + "\n")
    run_program(
        "data_prep.rgbd_folder",
        images=folder / "rgb",
        depths=folder / "depth",
        depth_scale=0.001,
        test_list=tmp_path / "test.txt",
        output=tmp_path / "records",
    )
    records = {"records": tmp_path / "records"}
    output = tmp_path / "predictions" / "dpde"
    run_program("experiments.predict", output=output, **records)
    run_program("experiments.evaluate", predictions=output, protocol="paper", **records)
    scores = output.parent.parent / "scores" / "dpde"
    result = run_program("experiments.compare_scores", scores=scores, reference=SCORES)
    assert "rows agree within 0.001" in result.stdout
    with (scores / "per_image.csv").open(newline="") as file:
        keys = {row["key"] for row in csv.DictReader(file)}
    assert keys == {"depth", "context_depth", "sharp_depth", "fused"}
