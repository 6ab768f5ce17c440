r"""Exports the weights of a run in compact form, a quarter of their size.

    python -m experiments.export_weights --run=runs/nyu/depth \
        --output=dpde_tf/runs/pretrained/modified_fcrn

The folder holds the run's `run.json` and `metrics.jsonl` and the files of
`dpde_tf.runs.compact_weights`. Programs accept it in place of the folder of a run.
"""

import json
import pathlib
import shutil

import keras
from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.files.atomic import atomic_write_folder, check_holds_only
from dpde_tf.files.checksums import FILE_NAME as CHECKSUM_FILE
from dpde_tf.runs.compact_weights import write_compact_weights
from dpde_tf.runs.run_folder import METRICS_FILE, RECORD_FILE, read_run_record
from dpde_tf.runs.trained_networks import load_network

FLAGS = flags.FLAGS
# Files that an existing folder may hold.
_FILES = rf"{RECORD_FILE}|{METRICS_FILE}|{CHECKSUM_FILE}|compact-\d+\.npz"


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("run", None, "Folder of a training run.", required=True)
    define_path("output", None, "Folder to write.", required=True)


def export_weights(run: pathlib.Path, output: pathlib.Path) -> None:
    """Writes the compact weights of a run, its record and its epochs.

    Args:
        run: Folder of a run of either training program.
        output: Folder to write; an existing one is replaced.

    Raises:
        FileExistsError: If the output exists and holds other files.
        FileNotFoundError: If the run does not exist or has no weights yet.
    """
    record = read_run_record(run)
    check_holds_only(output, _FILES)
    network = load_network(run)
    with atomic_write_folder(output) as folder:
        text = json.dumps(record, indent=1) + "\n"
        (folder / RECORD_FILE).write_text(text, encoding="utf-8")
        if (run / METRICS_FILE).is_file():
            shutil.copyfile(run / METRICS_FILE, folder / METRICS_FILE)
        write_compact_weights(network, folder)


@flags_only
def main() -> None:
    """Runs the export."""
    keras.config.set_dtype_policy("float32")
    output = pathlib.Path(FLAGS.output)
    export_weights(pathlib.Path(FLAGS.run), output)
    size = sum(path.stat().st_size for path in output.iterdir())
    print(f"{output}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
