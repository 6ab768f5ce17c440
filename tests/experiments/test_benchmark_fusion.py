import sys
import types

import numpy as np
import pytest

from dpde_tf.fusion import fuse_depth_and_gradients
from experiments import benchmark_fusion
from experiments.benchmark_fusion import format_cores, format_limit, format_scene
from experiments.benchmarks import fusion_baselines as baselines
from experiments.benchmarks.fusion_gradient_check import format_errors, relative_errors
from experiments.benchmarks.fusion_measurements import make_scene
from experiments.benchmarks.process_memory import peak_memory
from tests.fixtures import references

SETTINGS = {"omega": baselines.OMEGA, "epsilon": baselines.EPSILON}


@pytest.fixture
def maps(rng):
    return references.piecewise_planar_scene(rng, 24, 33)[1:]


def test_baselines_take_the_steps_of_the_reference(maps):
    problem = baselines.Problem(*maps)
    expected = references.fuse_by_direct_solver(*maps, num_irls_iterations=2)[-1]
    energy = references.fusion_energy(expected, *maps, **SETTINGS)
    for solver in (baselines.exact(), baselines.jacobi_cg(1e-10)):
        outcome = baselines.minimise(problem, solver, 0.0, max_steps=2)
        assert outcome.num_steps == 2
        np.testing.assert_allclose(outcome.energy, energy, rtol=1e-9)
    np.testing.assert_allclose(problem.energy(expected - maps[0]), energy, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", baselines.SOLVERS)
def test_every_baseline_reaches_our_minimum(maps, name):
    if "PyAMG" in name:
        pytest.importorskip("pyamg")
    ours = fuse_depth_and_gradients(*(m[None, ..., None] for m in maps), cg_rtol=1e-6)
    goal = float(ours.energy[0, -1]) * 1.001
    solver = baselines.SOLVERS[name]()
    outcome = baselines.minimise(baselines.Problem(*maps), solver, goal, 60)
    assert outcome.energy <= goal
    assert outcome.num_steps < 30


def test_hessian_of_baselines_is_the_derivative_of_the_gradient(maps, rng):
    problem = baselines.Problem(*maps, omega=3.0, epsilon=0.1)
    u, change = rng.normal(size=(2, *problem.shape))
    hessian, descent = problem.system(u, newton=True)
    _, ahead = problem.system(u + 1e-6 * change)
    _, behind = problem.system(u - 1e-6 * change)
    # Central difference of float64: 1e-16 / 1e-6 of the values.
    expected = (behind - ahead) / 2e-6
    np.testing.assert_allclose(hessian @ change.ravel(), expected, atol=1e-7)
    rise = (
        problem.energy(u + 1e-6 * change) - problem.energy(u - 1e-6 * change)
    ) / 2e-6
    np.testing.assert_allclose(-descent @ change.ravel(), rise, rtol=1e-6)


@pytest.mark.slow
def test_derivatives_of_all_inputs_agree_with_finite_differences():
    errors = relative_errors(make_scene((24, 32)))
    assert set(errors) == {"depth", "gradient_x", "gradient_y", "omega", "epsilon"}
    # Those of the minimum, which IRLS reaches to the eighth digit, of a curved energy.
    assert max(errors.values()) < 1e-5, errors


def test_format_errors_has_one_digit():
    assert format_errors({"depth": 8.4e-9}).endswith("errors: depth 8e-09.")


def test_make_scene_has_sharp_gradients():
    depth, gradient_x, gradient_y = make_scene((48, 64))
    assert depth.dtype == gradient_x.dtype == gradient_y.dtype == np.float32
    assert depth.shape == gradient_x.shape == gradient_y.shape == (48, 64)
    assert np.abs(gradient_x).max() > 10 * np.median(np.abs(gradient_x))
    np.testing.assert_array_equal(depth, make_scene((48, 64))[0])


def test_tables_are_hand_computed():
    maps = (np.zeros((10, 10), np.float32),) * 3
    row = {
        "seconds": 0.02,
        "steps": 3,
        "iterations": 5,
        "gap": 1e-5,
        "peak_memory": 3e6,
    }
    table = format_scene(maps, {"ours": row, "other": row | {"seconds": 0.1}})
    assert "| ours | 20.0 ms | 200000 ns | 3 | 5 | 3 MB | 1e-05 | 1.0 |" in table
    assert table.splitlines()[-1].endswith("| 5.0 |")
    # 21 images of 400 bytes, five times, are 42 kB: at 4.2 MB/s 10 ms.
    limit = format_limit(maps, row, 4.2e6)
    assert "takes 10.0 ms at" in limit
    assert limit.endswith("Our solver takes 2.0 times as long.")
    rows = {"ours": row | {"cores": 1.96}, "other": row}
    assert format_cores(rows) == "Busy cores: ours 2.0."


def test_peak_memory_sees_an_array():
    bytes_used = peak_memory(lambda: np.ones(4_000_000))
    if sys.platform.startswith("linux"):
        assert bytes_used > 30e6
    else:
        assert np.isnan(bytes_used)


def test_scenes_of_predictions_are_spread_and_as_many_as_asked_for(
    tmp_path, monkeypatch
):
    zero = np.zeros((2, 3), np.float32)
    for name in "abcdefg":
        maps = dict.fromkeys(("depth", "gradient_x", "gradient_y"), zero)
        np.savez(tmp_path / name, **maps)
    options = {"sizes": [], "predictions": tmp_path, "num_predictions": 4}
    monkeypatch.setattr(benchmark_fusion, "FLAGS", types.SimpleNamespace(**options))
    names = [name for name, _ in benchmark_fusion._scenes()]
    assert names == [f"prediction {name}, 2x3" for name in "abcd"]
    np.savez(tmp_path / "a", depth=zero)
    with pytest.raises(ValueError, match="gradient_x"):
        list(benchmark_fusion._scenes())
