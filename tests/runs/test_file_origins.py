"""Tests of what the files of a folder were made with."""

import json

from dpde_tf.runs.file_origins import FileOrigins

SLOW, FAST = {"omega": 10.0, "size": (4, 3)}, {"omega": 5.0}


def test_a_folder_without_a_record_has_no_origins(tmp_path):
    origins = FileOrigins.read(tmp_path / "none")
    assert origins.record() == {"files": {}, "options": {}}
    path = tmp_path / "none" / "a.npz"
    assert origins.of(path) is None
    assert origins.options_of(path) is None
    assert origins.others({path: ""}, SLOW) == []


def test_origins_survive_the_record(tmp_path):
    names = ("a.npz", "b.npz", "frames/1.npz")
    paths = [tmp_path / name for name in names]
    paths[2].parent.mkdir()
    for path in paths:
        path.write_text("made")
    origins = FileOrigins(tmp_path).with_files({paths[0]: "1f"}, SLOW)
    origins = origins.with_files(dict.fromkeys([paths[1], paths[2].parent], ""), FAST)
    record = {"config": {"origins": origins.record()}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    origins = FileOrigins.read(tmp_path)
    assert origins.options_of(paths[2]) == FAST  # That of its folder.
    assert origins.others(dict.fromkeys(paths, "1f"), SLOW) == paths[1:]
    assert origins.others(dict.fromkeys(paths, ""), FAST) == paths[:1]
    assert origins.others(dict.fromkeys(paths, "2e"), SLOW) == paths
    assert origins.without(paths[2:]).of(paths[2]) is None
    # Options that no file has are not recorded.
    assert list(origins.without(paths[1:]).record()["options"].values()) == [
        {"omega": 10.0, "size": [4, 3]}
    ]
