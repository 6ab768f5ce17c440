"""Commands to kill, interrupt or run out of disk space, on tiny data."""

import cv2
import numpy as np

from tests.faults.victims import Victim


def write_raw(folder, count):
    """Writes images and depth maps that show them, 48x64, and their list."""
    rng = np.random.default_rng(0)
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    rows, columns = np.mgrid[:48, :64]
    for index in range(count):
        slopes = rng.uniform(5, 40, 2)
        depth = 2000 + slopes[0] * rows + slopes[1] * columns
        image = np.repeat(depth[..., None] / 25, 3, axis=2) + rng.uniform(0, 9)
        cv2.imwrite(str(folder / "rgb" / f"{index:03d}.png"), image.astype(np.uint8))
        depth = depth.astype(np.uint16)
        cv2.imwrite(str(folder / "depth" / f"{index:03d}.png"), depth)
    names = "".join(f"{index:03d}\n" for index in range(count))
    (folder / "train.txt").write_text(names)
    return folder


def conversion(raw, output, *switches):
    """The command that converts a raw folder."""
    flags = {
        "images": raw / "rgb",
        "depths": raw / "depth",
        "depth_scale": 0.001,
        "train_list": raw / "train.txt",
        "num_shards": 4,
        "name": "small",
        "output": output,
    }
    return Victim("data_prep.rgbd_folder", flags, switches)


def training(records, workdir, *switches, **changes):
    """The command that trains a narrow gradient network for six epochs."""
    flags = {
        "records": records,
        "workdir": workdir,
        "width": 4,
        "epochs": 6,
        "batch_size": 2,
        "num_validation": 4,
        "checkpoint_steps": 1,
        "crop_size": "32,32",
        "precision": "float32",
        "learning_rate": 0.05,
    }
    switches = ("--deterministic", *switches)
    return Victim("experiments.train_gradient", flags | changes, switches)


def prediction(records, run, output, *switches):
    """The command that predicts, with a tiny depth network in place of the full one."""
    flags = {
        "records": records,
        "split": "train",
        "depth_run": run,
        "gradient_run": run,
        "output": output,
        "batch_size": 1,
        "precision": "float32",
    }
    return Victim("experiments.predict", flags, switches)


def report(records, runs, output):
    """The command that reports a folder of runs."""
    flags = {"records": records, "split": "train", "runs": runs, "output": output}
    return Victim("experiments.report", flags, ("--num_images=4",))
