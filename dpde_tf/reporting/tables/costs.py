"""Table 5: parameters and arithmetic of the networks."""

import dataclasses
from collections.abc import Mapping, Sequence

import keras

from dpde_tf.config import (
    ContextNetworkConfig,
    DepthNetworkConfig,
    GradientNetworkConfig,
    GuidedNetworkConfig,
)
from dpde_tf.models.context import build_context_network
from dpde_tf.models.costs import LayerCost, layer_costs, training_flops
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.guided import build_guided_network
from dpde_tf.models.initial_values import without_drawing
from dpde_tf.reporting import paper_values
from dpde_tf.reporting.blocks import NOT_RUN, Cell, Table
from dpde_tf.reporting.score_cells import NOT_FOUND

_NOTE = (
    "Parameters include the moving averages of batch normalisation. GFLOP: 1e9 "
    "floating-point operations for one image, two per multiply-add of a convolution; a "
    "training step is a forward and a backward pass. The paper's text gives the ratio, "
    "not the counts. For the released FCRN at 228x304, OpenVINO's Open Model Zoo lists "
    "63.5421 GFLOP and 34.5255 M parameters. These two numbers are exchanged: the "
    "graph, with folded batch normalisation, has 63,542,145 parameters and takes 34.44 "
    "GFLOP in convolutions."
)
_BENCHMARK_NOTE = (
    "Times are medians per image (for a training step, the time of a batch divided by "
    "its images); memory is the peak of the whole process. Both were measured by "
    "`python -m experiments.benchmark`: {name}."
)

_CONTEXT = ContextNetworkConfig(context_encoder_weights="none", context_offset=0.0)


@dataclasses.dataclass(frozen=True)
class Timing:
    """Time and memory of one part of the method.

    Attributes:
        seconds: Median time for one image.
        peak_memory: Peak memory of the process, bytes.
    """

    seconds: float
    peak_memory: int


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Benchmark results of the networks.

    Attributes:
        forward: Forward passes by network, as in `network_costs`.
        training: Training steps by network.
        name: Measured parts and machine.
    """

    forward: Mapping[str, Timing]
    training: Mapping[str, Timing]
    name: str


@dataclasses.dataclass(frozen=True)
class NetworkCost:
    """Costs of one network.

    Attributes:
        title: Name in the table.
        layers: Costs of the layers from input to output.
    """

    title: str
    layers: Sequence[LayerCost]

    @property
    def num_parameters(self) -> int:
        """Number of values in all weights."""
        return sum(layer.num_parameters for layer in self.layers)

    @property
    def gflop(self) -> float:
        """10^9 floating-point operations of the forward pass of one image."""
        return sum(layer.flops for layer in self.layers) / 1e9

    @property
    def training_gflop(self) -> float:
        """10^9 floating-point operations of a training step on one image."""
        return training_flops(self.layers) / 1e9


def network_costs(image_size: tuple[int, int]) -> dict[str, NetworkCost]:
    """Returns the costs of the networks, with their default options.

    Args:
        image_size: (height, width), pixels.

    Returns:
        Costs of `fcrn`, `modified_fcrn`, `gradient` and our `context` and `guided`.
        Nothing is downloaded.
    """

    def depth_network(lateral_connections: bool) -> keras.Model:
        return build_depth_network(
            DepthNetworkConfig(
                lateral_connections=lateral_connections,
                encoder_weights="none",
                output_offset=0.0,
            )
        )

    with without_drawing():
        networks = {
            "fcrn": ("FCRN", depth_network(False)),
            "modified_fcrn": ("Modified FCRN", depth_network(True)),
            "gradient": (
                "Gradient network",
                build_gradient_network(GradientNetworkConfig()),
            ),
            "context": (
                "Context network (ours)",
                build_context_network(_CONTEXT),
            ),
            "guided": (
                "Guided network (ours)",
                build_guided_network(GuidedNetworkConfig()),
            ),
        }
    return {
        name: NetworkCost(title, layer_costs(network, image_size))
        for name, (title, network) in networks.items()
    }


def parameter_table(
    costs: Mapping[str, NetworkCost],
    image_size: tuple[int, int],
    benchmark: Benchmark | None = None,
) -> Table:
    """Returns a table of parameters with their ratios, arithmetic and times.

    Args:
        costs: Result of `network_costs`.
        image_size: (height, width) for which the costs hold, pixels.
        benchmark: Benchmark results; None if not run.

    Returns:
        One row per network.

    Source: Xu & Liu (2021), Table 5.
    """
    size = "x".join(map(str, image_size))
    header = (
        "Network",
        "Parameters",
        "Ratio to the gradient network",
        "Ratio in the paper",
        f"GFLOP, forward, {size}",
        f"GFLOP, training step, {size}",
        "Forward pass (ms)",
        "Forward memory (GiB)",
        "Training step (ms)",
        "Training memory (GiB)",
    )
    benchmark = benchmark or Benchmark({}, {}, "")
    rows = []
    for name, cost in costs.items():
        paper = paper_values.find_value(5, name, "parameter_ratio")
        ratio = cost.num_parameters / costs["gradient"].num_parameters
        rows.append(
            (
                Cell(cost.title),
                Cell(f"{cost.num_parameters:,}"),
                Cell(f"{ratio:.1f}"),
                Cell(f"{paper.value:.0f}") if paper else Cell(NOT_FOUND, "missing"),
                Cell(f"{cost.gflop:.1f}"),
                Cell(f"{cost.training_gflop:.1f}"),
                *_timing_cells(benchmark.forward.get(name)),
                *_timing_cells(benchmark.training.get(name)),
            )
        )
    note = _BENCHMARK_NOTE.format(name=benchmark.name) if benchmark.name else ""
    return Table(header, tuple(rows), note=f"{_NOTE} {note}".strip())


def _timing_cells(timing: Timing | None) -> tuple[Cell, Cell]:
    """Cells for milliseconds and GiB."""
    if timing is None:
        return Cell(NOT_RUN, "missing"), Cell(NOT_RUN, "missing")
    memory = timing.peak_memory / 2**30
    return Cell(f"{1000 * timing.seconds:.1f}"), Cell(f"{memory:.2f}")


def layer_table(cost: NetworkCost) -> Table:
    """Returns a table of the costs of each layer, with their sums.

    Args:
        cost: Costs of the network.

    Returns:
        One row per layer with parameters, and one for all layers.
    """
    rows = [
        (
            Cell(f"`{layer.name}`"),
            Cell(layer.kind),
            Cell("x".join(map(str, layer.output_shape))),
            Cell(f"{layer.num_parameters:,}"),
            Cell(f"{layer.num_trainable:,}"),
            Cell(f"{layer.num_multiply_adds:,}"),
        )
        for layer in cost.layers
        if layer.num_parameters
    ]
    columns = ("num_parameters", "num_trainable", "num_multiply_adds")
    sums = [sum(getattr(layer, name) for layer in cost.layers) for name in columns]
    rows.append((Cell("all"), Cell(), Cell(), *(Cell(f"{s:,}") for s in sums)))
    header = ("Layer", "Kind", "Output", "Parameters", "Trainable", "Multiply-adds")
    return Table(header, tuple(rows))
