"""Files of exported functions, and how their own runtimes run them."""

import dataclasses
import importlib
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dpde_tf.files.atomic import atomic_write, partial_folder, readable_write_errors
from dpde_tf.inference.export.graphs import ExportGraph

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
# The newest that tf2onnx 1.17 has tests of whole networks for.
_OPSET = 17


@dataclasses.dataclass(frozen=True)
class ExportFormat:
    """A format of exported files.

    Attributes:
        write: Writes a function to a path, with the weights in int8 if the last
            argument says so.
        load: Returns a function that runs a file by the runtime of the format.
        has_int8: Whether weights can be stored in 8 bits.
        packages: Packages that writing and running need besides TensorFlow.
    """

    write: Callable[[ExportGraph, pathlib.Path, bool], None]
    load: Callable[[pathlib.Path], Run]
    has_int8: bool = True
    packages: tuple[str, ...] = ()


def export_graph(
    graph: ExportGraph, path: str | pathlib.Path, *, kind: str, int8: bool = False
) -> None:
    """Writes a function to a new file, or to a new folder for `savedmodel`.

    Args:
        graph: The function.
        path: File or folder, which must not exist.
        kind: Name in `FORMATS`.
        int8: Whether to round the weights of convolutions to 8 bits, and their inputs
            at run time; the fusion is not changed.

    Raises:
        FileExistsError: If `path` exists.
        ValueError: If the format is unknown, cannot hold the function or int8, or needs
            a package that is not installed.
        OSError: If the file cannot be written.
    """
    export_format = find_format(kind, int8=int8)
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"{path} exists already. Give another `output`, or move it elsewhere."
        )
    export_format.write(graph, path, int8)


def find_format(kind: str, *, int8: bool = False) -> ExportFormat:
    """Returns a format whose packages are installed.

    Args:
        kind: Name in `FORMATS`.
        int8: Whether it must be able to store weights in 8 bits.

    Returns:
        The format.

    Raises:
        ValueError: If there is no such format, or a package is missing.
    """
    if kind not in FORMATS:
        raise ValueError(
            f"The format must be one of {', '.join(FORMATS)}. Received: {kind!r}."
        )
    found = FORMATS[kind]
    if int8 and not found.has_int8:
        others = ", ".join(name for name, other in FORMATS.items() if other.has_int8)
        raise ValueError(f"`int8` needs one of the formats {others}. Received: {kind}.")
    for package in found.packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ValueError(
                f"The format {kind} needs the package {package}, which cannot be "
                f"imported ({error}). Run `pip install 'dpde_tf[export]'`."
            ) from error
    return found


def _concrete(graph: ExportGraph, **options: object) -> tf.types.experimental.Callable:
    """The graph of the function, with named inputs and outputs."""

    def function(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = graph.function(*inputs, **options)
        return {name: tf.identity(value, name) for name, value in outputs.items()}

    return tf.function(function, autograph=False, input_signature=graph.signature)


def _write_savedmodel(graph: ExportGraph, path: pathlib.Path, int8: bool) -> None:
    """Writes a folder with the signature `serving_default`."""
    with readable_write_errors(path), partial_folder(path) as temporary:
        _save(graph, temporary)
        temporary.rename(path)


def _save(graph: ExportGraph, folder: pathlib.Path, **options: object) -> None:
    """Writes a SavedModel into an empty folder."""
    module = tf.Module()
    module.all_variables = list(graph.variables)
    module.serve = _concrete(graph, **options)
    signatures = {"serving_default": module.serve.get_concrete_function()}
    tf.saved_model.save(module, folder, signatures=signatures)


def _load_savedmodel(path: pathlib.Path) -> Run:
    """Runs the signature of a SavedModel."""
    module = tf.saved_model.load(path)
    serve = module.signatures["serving_default"]

    def run(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        inputs = {name: tf.constant(array) for name, array in arrays.items()}
        outputs = serve(**inputs)
        # The module holds the variables.
        return {name: value.numpy() for name, value in outputs.items() if module}

    return run


def _write_tflite(graph: ExportGraph, path: pathlib.Path, int8: bool) -> None:
    """Writes a file of built-in operators only, with the signature of a SavedModel."""
    with atomic_write(path) as temporary, tempfile.TemporaryDirectory() as folder:
        # TFLite cannot add in float64.
        _save(graph, folder, energy_type=tf.float32)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        temporary.write_bytes(converter.convert())


def _load_tflite(path: pathlib.Path) -> Run:
    """Runs the signature of a file by LiteRT, the runtime of TFLite files."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    return lambda arrays: runner(**arrays)


def _write_onnx(graph: ExportGraph, path: pathlib.Path, int8: bool) -> None:
    """Writes an ONNX file."""
    if graph.has_loops and None in graph.signature[0].shape:
        raise ValueError(
            "ONNX holds the fusion for one size of the images only, since tf2onnx "
            "cannot divide an image of unknown height. Give `image_size`, or export a "
            "network alone."
        )
    import tf2onnx

    with atomic_write(path) as temporary:
        tf2onnx.convert.from_function(
            _concrete(graph), graph.signature, opset=_OPSET, output_path=str(temporary)
        )
        if int8:
            from onnxruntime import quantization

            quantization.quantize_dynamic(
                str(temporary),
                str(temporary),
                weight_type=quantization.QuantType.QUInt8,
                op_types_to_quantize=["Conv"],
            )


def _load_onnx(path: pathlib.Path) -> Run:
    """Runs a file by ONNX Runtime on the processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda arrays: dict(zip(names, session.run(names, arrays), strict=True))


FORMATS = {
    "savedmodel": ExportFormat(_write_savedmodel, _load_savedmodel, has_int8=False),
    "tflite": ExportFormat(
        _write_tflite, _load_tflite, packages=("ai_edge_litert.interpreter",)
    ),
    "onnx": ExportFormat(
        _write_onnx,
        _load_onnx,
        packages=("onnx", "tf2onnx", "onnxruntime", "onnxruntime.quantization"),
    ),
}
