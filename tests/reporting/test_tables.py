"""Tests of Table 5, of the formats of all tables, and of the program."""

import csv
import json

import pytest

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.models.costs import layer_costs
from dpde_tf.models.depth import build_depth_network
from dpde_tf.reporting.blocks import Cell, Table
from dpde_tf.reporting.tables import costs, formats
from experiments import tables
from experiments.benchmarks import rows as benchmark
from tests.fixtures.programs import run_program

SIZE = (240, 320)


@pytest.fixture(scope="module")
def networks():
    return costs.network_costs(SIZE)


def resnet_50():
    """Parameters by layer: weights and bias of a convolution, 4 a channel of BN."""
    expected = {"conv1_conv": 7 * 7 * 3 * 64 + 64, "conv1_bn": 4 * 64}
    channels = 64
    for stage, blocks, width in ((2, 3, 64), (3, 4, 128), (4, 6, 256), (5, 3, 512)):
        for block in range(1, blocks + 1):
            shapes = {1: (1, channels, width), 2: (3, width, width)}
            shapes[3] = (1, width, 4 * width)
            if block == 1:
                shapes[0] = (1, channels, 4 * width)
            for number, (kernel, inputs, outputs) in shapes.items():
                name = f"conv{stage}_block{block}_{number}"
                expected[f"{name}_conv"] = kernel**2 * inputs * outputs + outputs
                expected[f"{name}_bn"] = 4 * outputs
            channels = 4 * width
    return expected


DECODER = {
    "reduce_conv": 2_097_152,  # 2048 * 1024
    "reduce_bn": 4_096,  # 4 * 1024
    **dict.fromkeys(
        ("up1_unpool_conv1", "up1_unpool_conv2"), 13_107_200
    ),  # 25 * 1024 * 512
    **dict.fromkeys(("up1_unpool_bn1", "up1_unpool_bn2"), 2_048),
    "up1_conv": 2_359_296,  # 3 * 3 * 512 * 512
    "up1_bn": 2_048,  # 4 * 512
    **dict.fromkeys(
        ("up2_unpool_conv1", "up2_unpool_conv2"), 3_276_800
    ),  # 25 * 512 * 256
    **dict.fromkeys(("up2_unpool_bn1", "up2_unpool_bn2"), 1_024),
    "up2_conv": 589_824,  # 3 * 3 * 256 * 256
    "up2_bn": 1_024,
    **dict.fromkeys(
        ("up3_unpool_conv1", "up3_unpool_conv2"), 819_200
    ),  # 25 * 256 * 128
    **dict.fromkeys(("up3_unpool_bn1", "up3_unpool_bn2"), 512),
    "up3_conv": 147_456,  # 3 * 3 * 128 * 128
    "up3_bn": 512,
    **dict.fromkeys(("up4_unpool_conv1", "up4_unpool_conv2"), 204_800),  # 25 * 128 * 64
    **dict.fromkeys(("up4_unpool_bn1", "up4_unpool_bn2"), 256),
    "up4_conv": 36_864,  # 3 * 3 * 64 * 64
    "up4_bn": 256,
    "depth_conv": 577,  # 3 * 3 * 64 + 1
}
LATERALS = {
    "lateral1_conv": 786_944,  # (1024 + 512) * 512 + 512
    "lateral2_conv": 196_864,  # (512 + 256) * 256 + 256
    "lateral3_conv": 49_280,  # (256 + 128) * 128 + 128
    "lateral4_conv": 8_256,  # (64 + 64) * 64 + 64
}
GRADIENT = {
    "conv1": 3_024,  # 3 * 3 * 3 * 108 + 108
    **{f"conv{k}": 105_084 for k in range(2, 10)},  # 3 * 3 * 108 * 108 + 108
    "conv10": 1_946,  # 3 * 3 * 108 * 2 + 2
}


@pytest.mark.parametrize(
    ("name", "expected", "total"),
    [
        ("fcrn", resnet_50() | DECODER, 63_650_497),
        ("modified_fcrn", resnet_50() | DECODER | LATERALS, 64_691_841),
        ("gradient", GRADIENT, 845_642),
    ],
)
def test_parameters_layer_by_layer(networks, name, expected, total):
    counted = {
        layer.name: layer.num_parameters
        for layer in networks[name].layers
        if layer.num_parameters
    }
    assert counted == expected
    assert sum(expected.values()) == networks[name].num_parameters == total


def test_resnet_50_has_the_parameters_that_keras_documents():
    # 25,636,712 with the classifier, which has 2048 * 1000 + 1000.
    assert sum(resnet_50().values()) == 25_636_712 - 2_049_000


def test_arithmetic_of_the_gradient_network_by_hand(networks):
    # Every weight but the 974 biases is multiplied at every pixel.
    products = (845_642 - 9 * 108 - 2) * 240 * 320
    assert networks["gradient"].gflop == pytest.approx(2 * products / 1e9)
    # The first layer, 27 * 108 weights, has no gradient by the image.
    saved = 2 * 27 * 108 * 240 * 320
    assert networks["gradient"].training_gflop == pytest.approx(
        (6 * products - saved) / 1e9
    )


def test_lateral_connections_cost_what_they_add(networks):
    # 1x1 convolutions at 15x20, 30x40, 60x80 and 120x160, without their biases.
    products = 300 * 1536 * 512 + 1200 * 768 * 256 + 4800 * 384 * 128
    products += 19200 * 128 * 64
    difference = networks["modified_fcrn"].gflop - networks["fcrn"].gflop
    assert difference == pytest.approx(2 * products / 1e9)


def test_guided_network_costs_a_tenth_of_the_gradient_network(networks):
    # Two 3x3 convolutions a level, down and up again; a level has a quarter of the
    # pixels of the one before. The last one gives the logarithm of a factor.
    filters, products, before = [32, 48, 64, 96, 128], 0, 3 + 3
    for level, count in enumerate(filters):
        pixels = 240 * 320 // 4**level
        products += 9 * pixels * (before * count + count * count)
        before = count
    for level in (3, 2, 1, 0):
        count, pixels = filters[level], 240 * 320 // 4**level
        products += 9 * pixels * ((before + count) * count + count * count)
        before = count
    products += 9 * 240 * 320 * 32
    assert networks["guided"].gflop == pytest.approx(2 * products / 1e9)
    assert networks["guided"].gflop < 0.13 * networks["gradient"].gflop


def test_parameter_table(networks):
    table = costs.parameter_table(networks, SIZE)
    texts = [[cell.text for cell in row] for row in table.rows]
    assert [len(row) for row in texts] == [len(table.header)] * 5
    assert texts[0][:4] == ["FCRN", "63,650,497", "75.3", "76"]
    assert texts[1][:4] == ["Modified FCRN", "64,691,841", "76.5", "not found"]
    assert texts[2][:4] == ["Gradient network", "845,642", "1.0", "not found"]
    # 12.8 times as many as the gradient network's 845,642.
    assert texts[3][:3] == ["Context network (ours)", "10,790,289", "12.8"]
    assert table.header[4] == "GFLOP, forward, 240x320"
    gflop = ["34.0", "35.7", "129.7", "20.5", "13.7"]
    assert [row[4] for row in texts] == gflop
    assert {text for row in texts for text in row[6:]} == {"not run"}
    assert "median" not in table.note


def test_parameter_table_with_times_and_memory(networks):
    timing = costs.Timing(seconds=0.0125, peak_memory=3 * 2**29)
    benchmark = costs.Benchmark({"gradient": timing}, {"fcrn": timing}, "some machine")
    table = costs.parameter_table(networks, SIZE, benchmark)
    texts = [[cell.text for cell in row[6:]] for row in table.rows]
    assert texts[0] == ["not run", "not run", "12.5", "1.50"]
    assert texts[1] == ["not run"] * 4
    assert texts[2] == ["12.5", "1.50", "not run", "not run"]
    assert "some machine" in table.note


def test_layer_table_ends_with_the_sums(networks):
    table = costs.layer_table(networks["gradient"])
    assert [cell.text for cell in table.rows[0]] == [
        "`conv1`",
        "Conv2D",
        "240x320x108",
        "3,024",
        "3,024",
        "223,948,800",  # 240 * 320 * 2916
    ]
    assert table.rows[-1][3].text == "845,642"
    assert len(table.rows) == 11


@pytest.mark.slow
def test_openvino_exchanges_parameters_and_gflop_of_fcrn():
    # Its page lists "GFLOPs 63.5421" and "MParams 34.5255" at 228x304.
    config = DepthNetworkConfig(
        architecture="laina",
        lateral_connections=False,
        encoder_weights="none",
        output_offset=0.0,
    )
    layers = layer_costs(build_depth_network(config), (228, 304))
    # BN is folded: into the convolution before it, which has a bias then (Keras's
    # ResNet-50 has one already), or, after the interleaving, into scale and shift.
    parameters = sum(layer.num_parameters for layer in layers)
    for layer in layers:
        if layer.kind == "FusedBatchNormalization":
            kept = 2 if "unpool" in layer.name else int("conv" not in layer.name)
            parameters -= (4 - kept) * layer.output_shape[-1]
    assert round(parameters / 1e6, 4) == 63.5421
    # Theirs has the additions and activations besides.
    assert sum(layer.flops for layer in layers) / 1e9 == pytest.approx(34.5, abs=0.1)


TABLE = Table(
    ("Name", "N & %"),
    ((Cell("`a_b`"), Cell("1,234,567")), (Cell("x, y\nsmall"), Cell("δ < 1.25² ↑"))),
    note="A note.",
)


def test_to_csv_is_read_back():
    rows = list(csv.reader(formats.to_csv(TABLE).splitlines()))
    assert rows == [
        ["Name", "N & %"],
        ["a_b", "1234567"],
        ["x, y; small", "δ < 1.25² ↑"],
    ]


def test_to_csv_repeats_the_title_of_a_group():
    rows = ((Cell("a"), Cell("1")), (Cell(""), Cell("2")), (Cell("b"), Cell("3")))
    text = formats.to_csv(Table(("Method", "N"), rows))
    assert text == "Method,N\na,1\na,2\nb,3\n"


def test_to_latex_breaks_long_texts():
    table = Table(("Name", "N", "Note"), ((Cell("a"), Cell("−1"), Cell("x" * 41)),))
    lines = formats.to_latex(table, "Title").splitlines()
    assert lines[3] == r"\begin{longtable}{lrp{4cm}}"
    # The header stands on every page.
    assert lines[6] == lines[10] == r"Name & N & Note \\"
    assert lines[8:13:4] == [r"\endfirsthead", r"\endhead"]
    assert lines[15].startswith("a & $-$1 & xxx")
    assert lines[16] == r"\end{longtable}}"


def test_to_latex_breaks_addresses_at_their_strokes():
    address = f"https://{'x' * 30}/y-z"
    table = Table(("Name", "Note"), ((Cell("a"), Cell(address)),))
    lines = formats.to_latex(table, "Title").splitlines()
    stroke = r"/\allowbreak{}"
    assert lines[15] == rf"a & https:{stroke}{stroke}{'x' * 30}{stroke}y-z \\"


def test_to_latex_stacks_what_follows_a_line_break():
    cells = (Cell("a"), Cell("1\n[0, 2]"), Cell(f"{'x' * 41}\ny"))
    lines = formats.to_latex(Table(("A", "N", "B"), (cells,)), "Title").splitlines()
    assert r"a & \begin{tabular}[t]{@{}r@{}}1\\{}[0, 2]\end{tabular} & xx" in lines[15]
    assert lines[15].endswith(r"x \newline y \\")


def test_to_latex_escapes_what_latex_reads():
    lines = formats.to_latex(TABLE, "Table 5: 100 %").splitlines()
    assert lines[4] == r"\caption{Table 5: 100 \%. A note.} \\"
    assert lines[3] == r"\begin{longtable}{lr}"
    assert lines[6] == r"Name & N \& \% \\"
    assert lines[15] == r"\texttt{a\_\allowbreak{}b} & 1,234,567 \\"
    assert lines[16] == (
        r"\begin{tabular}[t]{@{}l@{}}x, y\\{}small\end{tabular} & "
        r"$\delta$ \textless{} 1.25\textsuperscript{2} $\uparrow$ \\"
    )


def test_write_table_writes_three_files(tmp_path):
    formats.write_table(TABLE, tmp_path / "new", "table", "Title")
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"table.md", "table.csv", "table.tex"}
    page = (tmp_path / "new" / "table.md").read_text(encoding="utf-8")
    assert page.startswith("## Title\n\n| Name | N & % |\n")
    assert page.endswith("A note.\n")


def benchmark_file(path, **rows):
    """What experiments.benchmark writes: times of batches of 4 in seconds, bytes."""
    rows = {
        name.replace("_", " "): {"seconds": [0.2, 0.1, 0.4], "images": images}
        | {"peak_memory": 2**30, "flops": None}
        for name, images in rows.items()
    }
    record = {"rows": rows, "hardware": {"processor": "P", "cores": 2}}
    path.write_text(json.dumps(record))
    return path


def test_read_benchmark_gives_the_median_for_one_image(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_FORWARD", {"gradient": "a part"})
    monkeypatch.setattr(tables, "_TRAINING", {"fcrn": "another part"})
    path = benchmark_file(tmp_path / "benchmark.json", a_part=4, third_part=1)
    found = tables.read_benchmark(path)
    assert found.forward == {"gradient": costs.Timing(0.05, 2**30)}  # 0.2 s / 4
    assert found.training == {}
    assert found.name == "the parts a part; P, 2 cores"
    only = benchmark_file(tmp_path / "other.json", third_part=1)
    assert tables.read_benchmark(only) is None


def test_read_benchmark_knows_rows_of_the_benchmark():
    names = {row.name for row in benchmark.ROWS}
    assert set(tables._FORWARD.values()) | set(tables._TRAINING.values()) <= names


def test_read_benchmark_refuses_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json.*experiments\.benchmark"):
        tables.read_benchmark(tmp_path / "none.json")
    for text, message in {
        "[]": r"other\.json is damaged: .* JSON object.*-m experiments\.benchmark",
        "no JSON": r"other\.json is damaged: .* JSON object.*-m experiments\.benchmark",
        "{}": r"other\.json is not a file of experiments\.benchmark",
    }.items():
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            tables.read_benchmark(path)


def test_read_runs_refuses_what_is_no_label_and_folder(tmp_path):
    with pytest.raises(ValueError, match=r"LABEL=DIR.*Received: 'runs/nyu'"):
        tables.read_runs(["runs/nyu"])
    with pytest.raises(
        FileNotFoundError, match=r"summary\.json.*experiments\.evaluate"
    ):
        tables.read_runs([f"dpde={tmp_path}"])


@pytest.mark.slow
def test_tables_as_a_program(tmp_path):
    command = ["experiments.tables", "--layers", f"--output={tmp_path / 'tables'}"]
    result = run_program(*command)
    assert "| FCRN | 63,650,497 | 75.3 | 76 |" in result.stdout
    assert "| `up1_unpool_conv1` | UnpoolConv2D |" in result.stdout
    record = json.loads((tmp_path / "tables" / "run.json").read_text())
    assert record["program"] == "experiments.tables"
    names = ["table5_fcrn", "table5_modified_fcrn", "table5_gradient"]
    for name in (*names, *(f"table{number}" for number in range(1, 6))):
        for suffix in ("md", "csv", "tex"):
            assert (tmp_path / "tables" / f"{name}.{suffix}").is_file()
    result = run_program(*command, "--table=1,6", check=False)
    assert result.returncode != 0
    assert (
        "--table must be among 1 to 5. Received: ['6']" in result.stdout + result.stderr
    )
