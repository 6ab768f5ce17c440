r"""Prints tables of the paper in Markdown, beside what the paper says.

Example:
    python -m experiments.tables --table=5 --output=tables

also writes tables/table5.md, table5.csv and table5.tex, and tables/run.json, which says
with what they were made. `--layers` adds the costs of each network layer by layer.
"""

import pathlib

from absl import app, flags

from dpde_tf.error_messages import readable_errors
from dpde_tf.paper_values import TABLE_TITLES
from dpde_tf.report.blocks import Heading, Table
from dpde_tf.report.markdown import to_markdown
from dpde_tf.tables import costs
from dpde_tf.tables.formats import write_table
from experiments.result_record import check_result_folder, write_result_record

FLAGS = flags.FLAGS
_PROGRAM = "experiments.tables"
_IMAGE_SIZE = (240, 320)

Tables = dict[str, tuple[str, Table]]
"""Name of the files to title and table."""


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_multi_enum("table", ["5"], list(MAKERS), "Number of the table.")
    flags.DEFINE_string("output", None, "Folder for Markdown, CSV and LaTeX.")
    flags.DEFINE_bool("layers", False, "Table 5: also each network by layers.")


def make_table5(layers: bool) -> Tables:
    """Returns Table 5 and, if asked for, the layers of its networks.

    Args:
        layers: Whether to add them.

    Returns:
        `table5`, and `table5_<network>`.
    """
    networks = costs.network_costs(_IMAGE_SIZE)
    title = f"Table 5: {TABLE_TITLES[5]}"
    tables = {"table5": (title, costs.parameter_table(networks, _IMAGE_SIZE))}
    for name, network in networks.items() if layers else ():
        tables[f"table5_{name}"] = (network.title, costs.layer_table(network))
    return tables


MAKERS = {"5": lambda: make_table5(FLAGS.layers)}
"""Number of a table to what makes it."""


def main(argv: list[str]) -> None:
    """Runs the program; bad input ends it with one line."""
    if len(argv) > 1:
        raise app.UsageError(f"Not a flag: {argv[1]}.")
    with readable_errors():
        _run()


def _run() -> None:
    """Prints, and writes if asked to, the tables that the flags name."""
    output = pathlib.Path(FLAGS.output) if FLAGS.output else None
    if output:
        check_result_folder(output, _PROGRAM)
    for number in FLAGS.table:
        for name, (title, table) in MAKERS[number]().items():
            print(to_markdown((Heading(title), table)))
            if output:
                write_table(table, output, name, title)
    if output:
        write_result_record(output, _PROGRAM, {})
        print(f"Written: {output}")


if __name__ == "__main__":
    _define_flags()
    app.run(main)
