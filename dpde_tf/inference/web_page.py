"""The page of `dpde app`: a photograph goes in, depth and a 3D model come out.

Gradio serves it; nothing is sent to its makers or to anyone else.
"""

import html
import os
import pathlib
import tempfile
import types

import numpy as np

from dpde_tf.files.errors import one_line
from dpde_tf.inference.photographs import read_photograph, write_photograph
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.visualization.reconstruction.files import check_formats

_HELP = """# Depth from a photograph

Drop a photograph of a room. It stays on this computer, and is deleted when the program
ends. Depth is in metres; the networks know indoor scenes.
"""
_FORMATS = ("html", "glb")
# What the downloads hold, and how the names of their files end; a picture first.
_DOWNLOADS = {
    "Picture (PNG)": "_prediction.png",
    "Depth (PNG, mm)": "_depth.png",
    "Fused depth (PNG, mm)": "_fused.png",
    "All maps (NPZ, metres)": ".npz",
    "3D model (GLB)": "_fused.glb",
}


def import_gradio() -> types.ModuleType:
    """Imports the optional library gradio, with its telemetry switched off.

    Raises:
        ValueError: If it, or trimesh for the 3D model, is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise ValueError(
            "The page in the browser needs the library gradio. Run "
            "`pip install 'dpde_tf[app]'`."
        ) from error
    check_formats(_FORMATS)
    return gradio


class WebPage:
    """The page, and the files that it offers."""

    def __init__(
        self,
        predictor: DepthPredictor,
        training_size: tuple[int, int],
        folder: pathlib.Path,
        *,
        dataset: str = "",
    ) -> None:
        """Takes the networks.

        Args:
            predictor: The networks, with one that gives gradients.
            training_size: (height, width) of the images that they were trained on.
            folder: Folder for photographs and results, which the caller removes.
            dataset: Data set of those images, see `find_photograph_camera`.

        Raises:
            ValueError: See `import_gradio`.
        """
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "gradio")
        self._gradio = import_gradio()
        self._predictor = predictor
        self._known = {"training_size": training_size, "dataset": dataset}
        self._folder = folder

    def blocks(self) -> object:
        """Returns the page as `gradio.Blocks`, ready for its method `launch`."""
        gr = self._gradio
        with gr.Blocks(
            title="Depth from a photograph", analytics_enabled=False
        ) as page:
            gr.Markdown(_HELP)
            photograph = gr.File(label="Photograph", file_types=["image"], height=120)
            picture = gr.Image(
                label="Depth, gradients and fused depth",
                show_label=False,
                interactive=False,
                format="png",
                buttons=["fullscreen"],
            )
            model = gr.HTML()
            with gr.Row():
                downloads = [
                    gr.DownloadButton(text, interactive=False) for text in _DOWNLOADS
                ]
            outputs = [picture, model, *downloads]
            private = {"outputs": outputs, "api_visibility": "private"}
            shown = photograph.upload(self._show, photograph, **private)
            photograph.clear(self._clear, None, **private, cancels=shown)
        return page

    def _show(self, name: str) -> list:
        """What the page shows of a photograph."""
        gr, path = self._gradio, pathlib.Path(name)
        try:
            output = self._predict(path)
        except (ValueError, OSError) as error:
            message = one_line(error).replace(name, path.name)
            raise gr.Error(message, duration=None, print_exception=False) from error
        files = [str(output / f"{path.stem}{end}") for end in _DOWNLOADS.values()]
        buttons = [gr.DownloadButton(value=file, interactive=True) for file in files]
        return [files[0], _frame(output / f"{path.stem}.html"), *buttons]

    def _predict(self, path: pathlib.Path) -> pathlib.Path:
        """Writes the predictions for a photograph; returns their folder."""
        photograph = read_photograph(path, **self._known)
        batch = self._predictor.predict(photograph.image[np.newaxis])
        maps = {key: values[0] for key, values in batch.items()}
        output = pathlib.Path(tempfile.mkdtemp(dir=self._folder))
        write_photograph(photograph, maps, output, export=_FORMATS)
        return output

    def _clear(self) -> list:
        """An empty page."""
        off = self._gradio.DownloadButton(value=None, interactive=False)
        return [None, "", *[off] * len(_DOWNLOADS)]


def _frame(page: pathlib.Path) -> str:
    """A 3D page inside of another page, as HTML."""
    content = html.escape(page.read_text(encoding="utf-8"), quote=True)
    style = "width: 100%; height: min(70vh, 100vw); border: 0"
    return f'<iframe title="3D model" style="{style}" srcdoc="{content}"></iframe>'
