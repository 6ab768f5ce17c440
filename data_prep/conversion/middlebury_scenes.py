"""The 35 Middlebury scenes: their years, files, folders and cropped disparities."""

import math
import pathlib

from data_prep.conversion.raw_files import read_text, require_file, require_folder

_SCENES_OF_YEARS = {
    2001: "barn1 barn2 bull poster sawtooth venus",
    2003: "cones teddy",
    2005: "Art Books Dolls Laundry Moebius Reindeer",
    2006: "Aloe Baby1 Baby2 Baby3 Bowling1 Bowling2 Cloth1 Cloth2 Cloth3 Cloth4 "
    "Flowerpots Lampshade1 Lampshade2 Midd1 Midd2 Monopoly Plastic Rocks1 Rocks2 "
    "Wood1 Wood2",
}
SCENES = {
    scene: year for year, text in _SCENES_OF_YEARS.items() for scene in text.split()
}
CALIBRATED_YEARS = (2005, 2006)
FILES = {
    2001: ("im2.ppm", "disp2.pgm"),
    2003: ("im2.png", "disp2.png"),
    2005: ("view1.png", "disp1.png"),
    2006: ("view1.png", "disp1.png"),
}
# fmt: off
ESTIMATED_DMIN = {
    "Aloe": 270, "Baby1": 297, "Baby2": 297, "Baby3": 251, "Bowling1": 290,
    "Bowling2": 239, "Cloth1": 290, "Cloth2": 259, "Cloth3": 290, "Cloth4": 259,
    "Flowerpots": 251, "Lampshade1": 259, "Lampshade2": 259, "Midd1": 197,
    "Midd2": 216, "Monopoly": 239, "Plastic": 278, "Rocks1": 274, "Rocks2": 274,
    "Wood1": 212, "Wood2": 255,
}
# fmt: on
REMEDY = (
    "Fetch it with `python -m data_prep.download --dataset=middlebury --raw=DIR`, or "
    "give the folder of the scenes with --raw."
)


def find_scenes(raw: str | pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folders of the official scenes that exist.

    Args:
        raw: Folder of the folders of the scenes.

    Returns:
        Folders by scene, in the order of `SCENES`; other folders are ignored.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If a scene exists under both of its names.
    """
    raw = require_folder(pathlib.Path(raw), REMEDY)
    found = {}
    for scene, year in SCENES.items():
        folders = [raw / scene, raw / f"{year}_{scene}"]
        there = [folder for folder in folders if folder.is_dir()]
        if len(there) == 2:
            raise ValueError(
                f"The scene {scene!r} is there twice: {there[0]} and {there[1]}. "
                "Remove one of them."
            )
        if there:
            found[scene] = there[0]
    return found


def read_dmin(folder: str | pathlib.Path, scene: str) -> tuple[float, str]:
    """Returns the cropped disparity of a scene and its origin.

    Args:
        folder: Folder of the scene, with or without `dmin.txt`.
        scene: Name of the scene.

    Returns:
        Full-size pixels, and "dmin.txt" or "estimated".

    Raises:
        FileNotFoundError: If there is neither a file nor an estimate.
        ValueError: If the file does not hold one number, at least 0.
    """
    path = pathlib.Path(folder) / "dmin.txt"
    if not path.exists() and scene in ESTIMATED_DMIN:
        return float(ESTIMATED_DMIN[scene]), "estimated"
    text = read_text(require_file(path, REMEDY))
    try:
        dmin = float(text)
    except ValueError:
        dmin = math.nan
    if not 0 <= dmin < math.inf:
        raise ValueError(
            f"{path} must hold one number, at least 0; it holds {text[:40]!r}. Unpack "
            "it again."
        )
    return dmin, "dmin.txt"
