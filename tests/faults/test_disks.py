"""Full disks and folders that cannot be written, under every program that writes."""

import contextlib
import shutil
import subprocess
import time

import pytest

from tests.faults import commands
from tests.faults.readers import check_everything

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def _mounted(folder, *options):
    """Mounts something on a folder; skips where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", *options, str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        pytest.skip(f"{' '.join(command)}: {result.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _victims(work, output):
    """Commands by program, each writing into an output folder."""
    runs = work / "runs"
    return {
        "conversion": commands.conversion(work / "raw", output / "records"),
        "training": commands.training(work / "records", output / "run"),
        "prediction": commands.prediction(
            work / "records", runs / "gradient", output / "dpde"
        ),
        "report": commands.report(work / "records", runs, output / "report"),
    }


PROGRAMS = ("conversion", "training", "prediction", "report")


def _last_line(text):
    """The error, which must be one line that says what to do."""
    line = text.strip().splitlines()[-1]
    assert "Error: " in line, text[-3000:]  # Behind the progress bar's.
    assert "could not be written: " in line
    assert "Free space on its disk and make its folder writable" in line
    return line


# From too small for the first file to nearly enough.
@pytest.mark.parametrize("program", PROGRAMS)
def test_full_disk(work, tmp_path, program, outcome):
    sizes = ("4k", "16k", "40k", "80k", "160k")
    failed = 0
    for size in sizes:
        disk = tmp_path / size
        options = ["-t", "tmpfs", "-o", f"size={size}", "none"]
        with _mounted(disk, *options):
            victim = _victims(work, disk)[program]
            process, log, _ = victim.start()
            process.join()
            text = log.read_text(errors="replace")
            assert process.exitcode in (0, 1), text[-3000:]
            assert "Traceback" not in text, text[-3000:]
            if process.exitcode:
                failed += 1
                assert str(disk) in _last_line(text)
            check_everything(disk)
            # With more room the same command does the rest.
            subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
            victim.run()
            check_everything(disk)
    assert failed >= 2
    outcome(f"full disk: {program}", len(sizes), "error names file and remedy; goes on")


@pytest.mark.parametrize("program", PROGRAMS)
def test_read_only_output(work, tmp_path, program, outcome):
    with _mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "ro", "none") as disk:
        text = _victims(work, disk)[program].run(expected=1)
        assert "Read-only file system" in _last_line(text)
    outcome(f"read-only output: {program}", 1, "error names folder and remedy")


@pytest.mark.parametrize("program", ["training", "prediction"])
def test_folder_that_becomes_read_only_while_it_is_written(
    work, tmp_path, program, outcome
):
    victim = _victims(work, tmp_path)[program]
    folder = {
        "training": tmp_path / "run" / "checkpoints",
        "prediction": tmp_path / "dpde",
    }[program]
    process, log, phase = victim.start()
    while process.is_alive() and not (phase.value and folder.is_dir()):
        time.sleep(0.001)
    # Root may write whatever the mode is, but not what is immutable.
    refused = subprocess.run(["chattr", "+i", str(folder)], capture_output=True)
    process.join()
    if refused.returncode:
        pytest.skip(f"chattr +i {folder}: {refused.stderr.decode().strip()}")
    subprocess.run(["chattr", "-i", str(folder)], check=True)
    text = log.read_text(errors="replace")
    assert process.exitcode == 1, text[-3000:]
    assert "Operation not permitted" in _last_line(text)
    check_everything(tmp_path)
    victim.run()
    outcome(f"becomes read-only: {program}", 1, "error names file and remedy; goes on")


@pytest.mark.parametrize("program", ["training", "prediction"])
def test_records_that_vanish_in_mid_run(work, tmp_path, program, outcome):
    records = shutil.copytree(work / "records", tmp_path / "records")
    victim = {
        "training": commands.training(records, tmp_path / "run"),
        "prediction": commands.prediction(
            records, work / "runs" / "gradient", tmp_path / "dpde"
        ),
    }[program]
    process, log, phase = victim.start()
    while process.is_alive() and not phase.value:
        time.sleep(0.001)
    for path in records.glob("*.tfrecord"):
        path.unlink()
    process.join()
    text = log.read_text(errors="replace")
    assert "Traceback" not in text, text[-3000:]
    if program == "prediction" and not process.exitcode:
        # A small shard may have been read before it was gone.
        made = {path.name for path in (tmp_path / "dpde").glob("*.npz")}
        expected = work / "runs" / "predictions" / "dpde"
        assert made == {path.name for path in expected.glob("*.npz")}
    else:
        assert process.exitcode == 1, text[-3000:]
        assert "train-00000-of-00004.tfrecord is named by the manifest" in text
        assert "Convert the raw data again" in text
    for path in (work / "records").glob("*.tfrecord"):
        shutil.copy(path, records)
    victim.run()
    result = "error names shard and remedy" if process.exitcode else "had read them"
    outcome(f"vanished records: {program}", 1, f"{result}; goes on")
