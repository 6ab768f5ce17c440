r"""Writes Figs. 3 to 8 of the paper and the scenes as three-dimensional files.

Example:
    python -m experiments.figures --records=data/records/nyu_depth_v2 \
        --predictions=fcrn=runs/nyu/predictions/fcrn,dpde=runs/nyu/predictions/dpde \
        --output=figures/nyu

writes figure_4.png (3 for Make3D, 5 for Middlebury) and figure_6.png to figure_8.png.
The folder 3d gets, for each image, a page that turns its depth maps, and a point
cloud (PLY) and a mesh (PLY, GLB) of the last method's depth. figures.json lists the
files for `experiments.report --figures`; run.json records how they were made.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_labelled_path_list, define_path
from dpde_tf.cli.program import run_main
from dpde_tf.cli.result_record import result_folder, write_result_record
from dpde_tf.data.manifest import read_manifest
from dpde_tf.files.depth_maps import measured_depth
from dpde_tf.files.json_files import write_json
from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.figures import columns as figure_columns
from dpde_tf.reporting.figures import comparison, views
from dpde_tf.reporting.report.figures import LIST_FILE
from dpde_tf.visualization.colours import write_image
from dpde_tf.visualization.reconstruction.cameras import Camera, find_camera
from dpde_tf.visualization.reconstruction.files import (
    FORMATS,
    check_formats,
    write_reconstruction,
)
from experiments.figure_examples import parse_predictions, read_examples
from experiments.report import choose_names

FLAGS = flags.FLAGS
_PROGRAM = "experiments.figures"
# Other data sets are shown like NYU.
_NUMBERS = {"make3d": 3, "nyu_depth_v2": 4, "middlebury": 5}


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("records", None, "Folder of a record set.", required=True)
    define_labelled_path_list(
        "predictions",
        "LABEL=DIR of each method in order, including fcrn and dpde; methods "
        "whose folder does not exist are left out, and named below the figure.",
    )
    define_path("output", "figures", "Folder of the figures.")
    flags.DEFINE_string("split", "test", "Split that was predicted.")
    flags.DEFINE_integer(
        "num_images", 4, "Images to show, evenly spaced over the split.", lower_bound=1
    )
    flags.DEFINE_list("names", None, "Names of the records to show instead.")
    flags.DEFINE_enum(
        "align", "none", ["none", "median"], "Alignment of depth to the ground truth."
    )
    flags.DEFINE_list("export", list(FORMATS), "3D files: some of ply, glb, html.")
    flags.DEFINE_float("focal", None, "Focal length, if the data set's is not known.")


def write_figures(
    shown: Sequence[Example],
    methods: Sequence[str],
    output: pathlib.Path,
    *,
    number: int,
) -> dict[str, str]:
    """Writes the figures as PNG.

    Args:
        shown: Images to show.
        methods: Names of the methods.
        output: Folder, created if missing.
        number: Number of the figure that compares the methods: 3, 4 or 5.

    Returns:
        Titles by file name.
    """
    columns = figure_columns.method_columns(shown, methods)
    ablation = figure_columns.ablation_columns(shown)
    missing = figure_columns.missing_note(methods, columns)
    figures = {
        number: ("Depth", comparison.comparison_figure(shown, columns, note=missing)),
        6: (
            f"3D reconstruction, {views.METHODS_VIEW}",
            views.methods_figure(shown, columns, note=missing),
        ),
        7: (
            f"{columns[-1].title} from several directions, {views.DIRECTIONS_VIEW}",
            views.directions_figure(shown, columns[-1]),
        ),
        8: (
            "Contribution of each part",
            comparison.comparison_figure(
                shown,
                ablation,
                note=figure_columns.missing_note(("fcrn", "dpde"), ablation),
            ),
        ),
    }
    note = f" ({shown[0].note})" if shown[0].note else ""
    titles = {}
    for key, (title, picture) in figures.items():
        file = f"figure_{key}.png"
        write_image(output / file, picture)
        titles[file] = f"Fig. {key}: {title}{note}"
    return titles


def write_reconstructions(
    shown: Sequence[Example],
    methods: Sequence[str],
    output: pathlib.Path,
    camera: Camera,
    *,
    formats: Sequence[str],
) -> list[str]:
    """Writes 3D files: pages with all methods, meshes of the last one.

    Args:
        shown: Images to show.
        methods: Names of the methods.
        output: Folder, created if missing.
        camera: Camera of the records.
        formats: Names in `FORMATS`.

    Returns:
        File names of the pages.
    """
    columns = figure_columns.method_columns(shown, methods)
    files = [suffix for suffix in formats if suffix != "html"]
    pages = []
    for example in shown:
        depths = {"ground truth": example.ground_truth}
        for column in columns:
            depths[column.title] = figure_columns.column_depth(example, column)
        last = list(depths)[-1]
        given = (output, example.name, example.image)
        if files:
            write_reconstruction(*given, {last: depths[last]}, camera, formats=files)
        if "html" in formats:
            depths = {k: d for k, d in depths.items() if measured_depth(d).any()}
            write_reconstruction(*given, depths, camera, formats=["html"])
            pages.append(f"{example.name}.html")
    return pages


def _run(output: pathlib.Path) -> None:
    """Writes the figures that the flags select."""
    check_formats(FLAGS.export)
    records = pathlib.Path(FLAGS.records)
    manifest = read_manifest(records)
    camera = None
    if FLAGS.export:
        camera = find_camera(manifest.dataset, manifest.image_size, focal=FLAGS.focal)
    folders = parse_predictions(FLAGS.predictions)
    split_names = manifest.split(FLAGS.split).names
    names = FLAGS.names or choose_names(split_names, FLAGS.num_images)
    shown = read_examples(
        records, folders, split=FLAGS.split, names=names, align=FLAGS.align
    )
    number = _NUMBERS.get(manifest.dataset, 4)
    figures = write_figures(shown, list(folders), output, number=number)
    pages = []
    if camera:
        pages = write_reconstructions(
            shown, list(folders), output / "3d", camera, formats=FLAGS.export
        )
    listed = {"figures": figures, "pages": [f"3d/{page}" for page in pages]}
    write_json(output / LIST_FILE, listed)
    write_result_record(output, _PROGRAM, {})
    print(f"Written: {', '.join(figures)} and {len(pages)} pages in {output}")


@flags_only
def main() -> None:
    """Runs the program; reports bad input in one line."""
    output = pathlib.Path(FLAGS.output)
    with result_folder(_PROGRAM, output):
        _run(output)


if __name__ == "__main__":
    _define_flags()
    run_main(main, _PROGRAM)
