"""Fetches the raw data of NYU Depth v2, Make3D or Middlebury.

Existing files are not fetched again, and interrupted downloads are resumed. A file from
another source may be placed at the path that the program names.

| --dataset    | what is fetched                              | on disk                |
|--------------|----------------------------------------------|------------------------|
| `nyu`        | nyu_depth_v2_labeled.mat, splits.mat         | 3.0 GB                 |
| `make3d`     | four archives, and the folders in them       | about 2 GB             |
| `middlebury` | 35 scenes, those of 2005 and 2006 third-size | about 100 MB           |

    python -m data_prep.download --dataset=nyu --raw=data/raw/nyu_depth_v2
"""

import pathlib

from absl import flags

from data_prep.conversion.middlebury_scenes import FILES, SCENES, find_scenes
from data_prep.downloading.fetching import fetch
from data_prep.downloading.unpacking import unpack
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main

FLAGS = flags.FLAGS
_BY_FILE = (2001, 2003)  # Years of Middlebury without an archive for each scene.
NYU_URL = "http://horatio.cs.nyu.edu/mit/silberman/"
NYU_FILES = {
    "nyu_depth_v2_labeled.mat": {
        "url": NYU_URL + "nyu_depth_v2/nyu_depth_v2_labeled.mat",
        "size": 2_972_037_809,
        "sha256": "2d724b0c0ab358aa1ce5df855e5bd14a2279ab7202efe22f32a30d612dcb86aa",
    },
    "splits.mat": {
        "url": NYU_URL + "indoor_seg_sup/splits.mat",
        "size": 2626,
        "sha256": "6e081404491a8bfba2f066beaa9713ef6046f9007aa5f799f2a350506a580cee",
    },
}
# The authors publish neither sizes nor checksums. These are the addresses that public
# loaders of the data set use; we could not verify that they still work.
MAKE3D_TRAIN_URL = "http://cs.stanford.edu/group/reconstruction3d/"
MAKE3D_TEST_URL = "http://www.cs.cornell.edu/~asaxena/learningdepth/"
MAKE3D_ARCHIVES = {
    "Train400Img": MAKE3D_TRAIN_URL + "Train400Img.tar.gz",
    "Train400Depth": MAKE3D_TRAIN_URL + "Train400Depth.tgz",
    "Test134": MAKE3D_TEST_URL + "Test134.tar.gz",
    "Gridlaserdata": MAKE3D_TEST_URL + "Test134Depth.tar.gz",
}
# No sizes or checksums are published. Public loaders expect each archive to hold one
# folder with the name of the scene.
MIDDLEBURY_URL = "https://vision.middlebury.edu/stereo/data/"
MIDDLEBURY_FOLDERS = {
    2001: "scenes2001/data/",
    2003: "scenes2003/newdata/",
    2005: "scenes2005/ThirdSize/zip-2views/",
    2006: "scenes2006/ThirdSize/zip-2views/",
}


def download_nyu(raw: pathlib.Path) -> None:
    """Fetches the labeled .mat and the official split.

    Args:
        raw: Folder for the files.
    """
    for name, file in NYU_FILES.items():
        fetch(file["url"], raw / name, size=file["size"], sha256=file["sha256"])


def download_make3d(raw: pathlib.Path) -> None:
    """Fetches and unpacks the four archives of Make3D.

    Args:
        raw: Folder for the files.
    """
    for folder, url in MAKE3D_ARCHIVES.items():
        if not (raw / folder).exists():
            archive = fetch(url, raw / pathlib.PurePosixPath(url).name)
            unpack(archive, raw, folder)


def _download_scene(raw: pathlib.Path, scene: str, folder: pathlib.Path) -> None:
    """Fetches the files of one Middlebury scene into its folder."""
    year = SCENES[scene]
    address = MIDDLEBURY_URL + MIDDLEBURY_FOLDERS[year]
    if year in _BY_FILE:
        for name in FILES[year]:
            fetch(f"{address}{scene}/{name}", folder / name)
    else:
        name = f"{scene}-2views.zip"
        unpack(fetch(address + name, raw / name), raw, scene)


def download_middlebury(raw: pathlib.Path) -> None:
    """Fetches the 35 scenes of Middlebury.

    Args:
        raw: Parent folder of the scenes.
    """
    raw.mkdir(parents=True, exist_ok=True)
    there = find_scenes(raw)
    for scene, year in SCENES.items():
        names = [*FILES[year], *(["dmin.txt"] if year == 2005 else [])]
        folder = there.get(scene, raw / scene)
        missing = [name for name in names if not (folder / name).exists()]
        if missing and folder.exists() and year not in _BY_FILE:
            raise ValueError(
                f"{folder} lacks {missing[0]}. Move or remove the folder, and run the "
                "same command again."
            )
        if missing:
            _download_scene(raw, scene, folder)


DATASETS = {
    "nyu": download_nyu,
    "make3d": download_make3d,
    "middlebury": download_middlebury,
}


@flags_only
def main() -> None:
    """Fetches the data set of --dataset into --raw."""
    DATASETS[FLAGS.dataset](pathlib.Path(FLAGS.raw))


if __name__ == "__main__":
    flags.DEFINE_enum("dataset", None, list(DATASETS), "Data set.", required=True)
    define_path("raw", None, "Folder for the raw data.", required=True)
    run_main(main)
