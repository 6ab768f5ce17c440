"""A folder of photographs for the benchmark; does not import TensorFlow."""

import pathlib
import shutil

PHOTOGRAPHS = sorted((pathlib.Path(__file__).parents[1] / "photographs").glob("*.jpg"))
NUM_PHOTOGRAPHS = 20


def copy_photographs(folder: pathlib.Path) -> pathlib.Path:
    """Fills a folder with copies of the photographs of the clone.

    Args:
        folder: The folder, which is made.

    Returns:
        The folder, with `NUM_PHOTOGRAPHS` files.
    """
    folder.mkdir()
    for number in range(NUM_PHOTOGRAPHS):
        photograph = PHOTOGRAPHS[number % len(PHOTOGRAPHS)]
        shutil.copy(photograph, folder / f"{number:02d}.jpg")
    return folder
