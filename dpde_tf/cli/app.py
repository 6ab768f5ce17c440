"""Shows depth of photographs on a page in the browser of this computer.

    dpde app

Drop a photograph on the page: it shows depth, depth gradients, fused depth and a 3D
model that the mouse turns, and offers them as PNG, NPZ and GLB files. The networks are
those that come with the library. Only this computer reaches the page; nothing is sent
elsewhere, and photographs and results are deleted when the program ends (Ctrl-C). It
needs the optional packages of `pip install 'dpde_tf[app]'`.
"""

import logging
import pathlib
import signal
import sys
import tempfile

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.program import run_program
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.inference.web_page import WebPage, import_gradio
from dpde_tf.runs.run_folder import training_dataset
from dpde_tf.runs.trained_networks import PRESETS, common_image_size, load_networks

FLAGS = flags.FLAGS
_HOST = "127.0.0.1"


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_integer(
        "port",
        None,
        "Port of the page. Default: the first free port from 7860 on.",
        lower_bound=1,
        upper_bound=65535,
    )


def _serve(folder: pathlib.Path) -> None:
    """Serves the page until the program is interrupted."""
    import_gradio()  # Before the networks, which take seconds.
    logging.getLogger("httpx").setLevel(logging.WARNING)  # It logs each request.
    runs = PRESETS["nyu"]
    predictor = DepthPredictor(**load_networks(**runs, compact=True), graphs_from=1)
    size, dataset = (
        common_image_size(runs.values()),
        training_dataset(runs["depth_run"]),
    )
    page = WebPage(predictor, size, folder, dataset=dataset).blocks()
    try:
        _, address, _ = launch(page, FLAGS.port)
    except OSError as error:
        raise OSError(
            f"Port {FLAGS.port or '7860 and those after it'} of {_HOST} cannot be "
            "used. Choose another one with --port."
        ) from error
    print(f"Open {address} in a browser. Ctrl-C ends the program.", flush=True)
    page.block_thread()


def launch(page: object, port: int | None) -> tuple:
    """Starts a server for a page that only this computer can open.

    Args:
        page: The page, a `gradio.Blocks`.
        port: Port of the server; None for the first free port from 7860 on.

    Returns:
        The server, the address and an empty text, as returned by
        `gradio.Blocks.launch`.

    Raises:
        OSError: If the port is taken.
    """
    import gradio

    # Fonts of this computer: others would be loaded from elsewhere.
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}
    return page.launch(
        server_name=_HOST,
        server_port=port,
        share=False,
        theme=gradio.themes.Default(**fonts),
        prevent_thread_lock=True,
        quiet=True,
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        run_history=False,
    )


@flags_only
def main() -> None:
    """Serves the page."""
    # So that the folder of the photographs is deleted then, too.
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP.
        number = getattr(signal, name, None)
        # `nohup` ignores the end of the terminal.
        if number and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="dpde-") as folder:
        _serve(pathlib.Path(folder))


def run() -> None:
    """Runs the program with the arguments of the command line."""
    run_program(sys.modules[__name__], main, _define_flags)


if __name__ == "__main__":
    run()
