"""Tests of the 3D page, in a browser if there is one."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from dpde_tf.visualization.reconstruction import viewer_page as module
from dpde_tf.visualization.reconstruction.viewer_page import PointCloud, viewer_page
from tests.fixtures.browser import CHROMIUM, Browser

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
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


@pytest.fixture
def browser(tmp_path):
    """A browser on the page of both walls, and the page."""
    page = tmp_path / "page.html"
    page.write_text(viewer_page(_clouds(), title="a"), encoding="utf-8")
    with Browser(tmp_path / "profile", SIZE) as browser:
        yield browser, page
        assert browser.console == []


def _walls(browser):
    """Columns of the red and of the green wall in the middle row of the window."""
    middle = browser.screenshot()[browser.evaluate("innerHeight") // 2].astype(int)
    red = (middle[:, 0] > 200) & (middle[:, 1] < 60)
    green = (middle[:, 1] > 180) & (middle[:, 0] < 60)
    return np.flatnonzero(red), np.flatnonzero(green)


def _num_points(browser):
    return int(browser.evaluate("document.body.dataset.points"))


@pytest.mark.slow
@needs_browser
def test_page_draws_in_a_browser(browser):
    browser, page = browser
    browser.open(page)
    assert _num_points(browser) == 4941  # 81 x 61: the last cloud
    red, green = _walls(browser)
    # As the camera sees them: side by side, red on the left.
    middle = SIZE[0] // 2
    assert len(red) > 100
    assert len(green) > 60
    assert red.max() <= middle + 5
    assert green.min() >= middle - 5
    # From the right, the near red wall is displaced to the left of its place.
    browser.open(page, "#azimuth=30")
    assert _walls(browser)[0].max() < red.max() - 10
    browser.open(page, "#cloud=0")
    assert _num_points(browser) == 10


@pytest.mark.slow
@needs_browser
def test_mouse_turns_moves_and_magnifies(browser):
    browser, page = browser
    browser.open(page)
    front, _ = _walls(browser)
    browser.drag((350, 300), (250, 300))
    # The scene follows the mouse to the left: seen from the right.
    turned, _ = _walls(browser)
    assert turned.max() < front.max() - 10
    browser.evaluate("document.getElementById('reset').click()")
    np.testing.assert_array_equal(_walls(browser)[0], front)
    browser.wheel((300, 300), -300)
    assert len(_walls(browser)[0]) > 1.1 * len(front)
    browser.evaluate("document.getElementById('reset').click()")
    browser.drag((300, 300), (330, 300), button="right")
    # 2.3 m ahead the target, 2 m the wall: it moves a little more than the mouse.
    assert 25 < _walls(browser)[0].max() - front.max() < 60


@pytest.mark.slow
@needs_browser
def test_list_chooses_the_cloud(browser):
    browser, page = browser
    browser.open(page)
    browser.evaluate(
        "select = document.getElementById('cloud'); select.value = 0;"
        "select.dispatchEvent(new Event('change')); 0"
    )
    assert _num_points(browser) == 10
