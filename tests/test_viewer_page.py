"""Tests of dpde_tf.reconstruction.viewer_page, in a browser if there is one."""

import base64
import hashlib
import json
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from dpde_tf.reconstruction import viewer_page as module
from dpde_tf.reconstruction.viewer_page import PointCloud, viewer_page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
# As published in the npm package three 0.170.0.
CHECKSUMS = {
    "three.module.min.js": (
        "08fd7545d13d2c7fb65ab691530a802dafefd638596501854f267d0fb13c39e7"
    ),
    "OrbitControls.js": (
        "80efaadea4f8a636a65fb0bd08bfef62f3d93a0bb94e2e7500f23176c5c07f4e"
    ),
}
SIZE = (600, 400)  # Of the browser's window.


def _clouds():
    """A red wall on the left 2 m ahead, a green one on the right 3 m ahead."""
    x, y = np.meshgrid(np.linspace(-1, 1, 81), np.linspace(-0.7, 0.7, 61))
    z = np.where(x < 0, -2.0, -3.0)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    colors = np.where(points[:, :1] < 0, [[220, 30, 30]], [[30, 200, 30]])
    wall = PointCloud(points, colors.astype(np.uint8))
    return {"few": PointCloud(points[:10], wall.colors[:10]), "wall": wall}


def test_page_loads_nothing():
    page = viewer_page(_clouds(), title="a")
    own = re.sub(r"data:text/javascript;base64,[A-Za-z0-9+/=]*", "", page)
    assert len(own) < len(page) - 900_000
    for sign in ("http:", "https:", "//cdn", "src=", "href=", "fetch(", "url("):
        assert sign not in own


def test_page_holds_the_points_to_a_share_of_their_extent():
    points = np.array([[-1.0, 0.0, -4.0], [1.0, 0.5, -2.0], [0.25, 0.1, -3.0]])
    colors = np.arange(9, dtype=np.uint8).reshape(3, 3)
    page = viewer_page({"</script>": PointCloud(points, colors)}, title="<b>")
    assert "<b>&lt;b&gt;</b>" in page
    text = re.search(r'type="application/json">(.*?)</script>', page, re.S).group(1)
    (cloud,) = json.loads(text)
    assert cloud["name"] == "</script>"
    levels = np.frombuffer(base64.b64decode(cloud["points"]), "<u2").reshape(3, 3)
    read = levels / 65535 * cloud["extent"] + cloud["low"]
    # Half a level of 2 m.
    np.testing.assert_allclose(read, points, atol=2 / 65535 / 2 + 1e-9)
    assert base64.b64decode(cloud["colors"]) == colors.tobytes()


def test_page_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one cloud"):
        viewer_page({}, title="a")


def test_library_is_the_published_one_with_its_licence():
    folder = module._FOLDER / "three"
    for name, checksum in CHECKSUMS.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum
    assert "MIT" in (folder / "LICENSE").read_text()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000


def _browse(page, fragment, tmp_path):
    """A screenshot, the page as it is after its script, and what the console says."""
    picture = tmp_path / "screen.png"
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--enable-unsafe-swiftshader",
        "--use-gl=angle",
        "--use-angle=swiftshader",
        "--enable-logging=stderr",
        "--virtual-time-budget=3000",
        f"--window-size={SIZE[0]},{SIZE[1]}",
    ]
    address = f"file://{page}{fragment}"
    taken = subprocess.run(
        [*command, f"--screenshot={picture}", address],
        capture_output=True,
        text=True,
        timeout=100,
    )
    dumped = subprocess.run(
        [*command, "--dump-dom", address], capture_output=True, text=True, timeout=100
    )
    console = [
        line
        for line in (taken.stderr + dumped.stderr).splitlines()
        if "CONSOLE" in line
    ]
    return cv2.imread(str(picture))[..., ::-1], dumped.stdout, console


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
def test_page_draws_and_turns_in_a_browser(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(viewer_page(_clouds(), title="a"), encoding="utf-8")
    front, document, console = _browse(page, "", tmp_path)
    assert console == []
    assert 'data-points="4941"' in document  # 81 x 61: the last cloud
    middle, width = front[200], SIZE[0]
    red = (middle[:, 0] > 200) & (middle[:, 1] < 60)
    green = (middle[:, 1] > 180) & (middle[:, 0] < 60)
    # As the camera sees them: side by side, red on the left.
    assert red[: width // 2 - 5].sum() > 100
    assert green[width // 2 + 5 :].sum() > 60
    assert not red[width // 2 + 5 :].any()
    # From the right, the near red wall is displaced to the left of its place.
    turned, _, console = _browse(page, "#azimuth=30", tmp_path)
    assert console == []
    columns = np.flatnonzero((turned[200, :, 0] > 200) & (turned[200, :, 1] < 60))
    assert columns.max() < np.flatnonzero(red).max() - 10
    _, document, _ = _browse(page, "#cloud=0", tmp_path)
    assert 'data-points="10"' in document
