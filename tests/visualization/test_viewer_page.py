"""Tests of the 3D page, in a browser if there is one."""

import base64
import hashlib
import json
import pathlib
import re

import cv2
import numpy as np
import pytest

from dpde_tf.files.images import read_image, resize_image
from dpde_tf.visualization.colours import colorize_depth
from dpde_tf.visualization.reconstruction import viewer_page as module
from dpde_tf.visualization.reconstruction.cameras import Camera, photograph_camera
from dpde_tf.visualization.reconstruction.viewer_page import viewer_page
from tests.fixtures.browser import Browser, needs_browser

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
BACKGROUND, UNSEEN = (0x16, 0x19, 0x1D), (0x4B, 0x53, 0x5D)
RED, GREEN = (220, 30, 30), (30, 200, 30)
CAMERA = Camera((61, 81), 80.0, 80.0, 40.0, 30.0)
SHIPPED = pathlib.Path(__file__).parent.parent / "runs" / "shipped_predictions.npz"
PHOTOGRAPHS = pathlib.Path(__file__).parents[2] / "experiments" / "photographs"


def _walls_page():
    """A red wall on the left 2 m ahead, a green one on the right 3 m ahead."""
    depth = np.full(CAMERA.size, 3.0)
    depth[:, :41] = 2.0
    image = np.where(depth[..., np.newaxis] < 3, RED, GREEN).astype(np.uint8)
    few = np.zeros_like(depth)
    few[0, :10] = 5.0
    return viewer_page(image, {"few": few, "walls": depth}, CAMERA, title="a")


def _scene(page):
    """The data of a page."""
    text = re.search(r'type="application/json">(.*?)</script>', page, re.S).group(1)
    return json.loads(text)


def test_page_loads_nothing():
    page = _walls_page()
    own = re.sub(r"data:text/javascript;base64,[A-Za-z0-9+/=]*", "", page)
    assert len(own) < len(page) - 900_000
    scripts = [path.read_text() for path in module._FOLDER.glob("*.js")]
    assert len(scripts) == 3
    for sign in ("http:", "https:", "//cdn", "src=", "href=", "fetch(", "url("):
        assert not any(sign in text for text in (own, *scripts))


def test_page_holds_image_depth_cuts_and_camera():
    depth = np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 2.0], [np.nan, -1.0, np.inf]])
    image = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    camera = Camera((3, 3), 4.0, 5.0, 1.0, 1.5, depth_along_ray=True)
    page = viewer_page(image, {"</script>": depth}, camera, title="<b>")
    assert "<summary>&lt;b&gt;</summary>" in page
    scene = _scene(page)
    assert base64.b64decode(scene["image"]) == image.tobytes()
    assert list(scene["camera"].values()) == [3, 3, 4.0, 5.0, 1.0, 1.5, True]
    (stored,) = scene["maps"]
    assert stored["name"] == "</script>"
    read = np.frombuffer(base64.b64decode(stored["depth"]), "<f4")
    assert read.tolist() == [1, 1, 2, 1, 1, 2, 0, 0, 0]
    # Of the four squares only the first is no edge and has four measured pixels.
    assert list(base64.b64decode(stored["connected"])) == [0b0001]
    # Near is red and far is blue, as in the pictures.
    colours = np.array(scene["colours"], np.uint8)
    ends = colorize_depth(np.array([[1.0, 2.0]]))[0]
    np.testing.assert_array_equal(colours[[0, -1]], ends)


def test_page_of_nothing_or_of_other_sizes_is_refused():
    image = np.zeros((*CAMERA.size, 3), np.uint8)
    with pytest.raises(ValueError, match="at least one depth map"):
        viewer_page(image, {}, CAMERA, title="a")
    with pytest.raises(ValueError, match=r"one size. Received: \[\(2, 3\), \(61, 81\)"):
        viewer_page(image, {"a": np.ones((2, 3))}, CAMERA, title="a")


def test_library_is_the_published_one_with_its_licence():
    folder = module._FOLDER / "three"
    for name, checksum in CHECKSUMS.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum
    assert "MIT" in (folder / "LICENSE").read_text()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """A browser for all tests of this file."""
    with Browser(tmp_path_factory.mktemp("profile"), SIZE) as browser:
        yield browser


@pytest.fixture
def browser(window, tmp_path):
    """The browser, and the page of both walls; it must report no error."""
    page = tmp_path / "page.html"
    page.write_text(_walls_page(), encoding="utf-8")
    window.console.clear()
    yield window, page
    assert window.console == []


def _set(browser, element, value):
    """Chooses an option, or ticks a box, as a user does."""
    key = "checked" if isinstance(value, bool) else "value"
    browser.evaluate(
        f"element = document.getElementById({element!r});"
        f"element.{key} = {json.dumps(value)};"
        "element.dispatchEvent(new Event('input')); 0"
    )


def _picture(browser):
    """The window without the elements over the scene."""
    _set(browser, "axes", False)
    browser.evaluate(
        "for (const id of ['panel', 'scale', 'legend'])"
        " document.getElementById(id).style.visibility = 'hidden'; 0"
    )
    return browser.screenshot().astype(int)


def _where(picture, colour):
    """The pixels of a colour, up to smoothed borders."""
    return np.all(np.abs(picture - colour) < 12, axis=-1)


def _walls(browser):
    """Columns of the red and of the green wall in the middle row of the window."""
    picture = _picture(browser)
    middle = picture[len(picture) // 2]
    return tuple(np.flatnonzero(_where(middle, colour)) for colour in (RED, GREEN))


def _count(browser, kind):
    return int(browser.evaluate(f"document.body.dataset.{kind}"))


def _empty_share(picture):
    """Share of the silhouette that shows the background, stripes included."""
    filled = (~_where(picture, BACKGROUND)).astype(np.uint8)
    closed = cv2.morphologyEx(filled, cv2.MORPH_CLOSE, np.ones((9, 9)))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = np.zeros_like(filled)
    silhouette = cv2.drawContours(outline, contours, -1, 1, cv2.FILLED) > 0
    assert silhouette.mean() > 0.1
    return 1 - np.mean(filled[silhouette])


@pytest.mark.slow
@needs_browser
def test_page_draws_in_a_browser(browser):
    browser, page = browser
    browser.open(page)
    # 60 x 80 squares of two triangles; the cut ones are drawn twice from the camera's
    # place, in grey and in the colours that it saw there.
    assert _count(browser, "triangles") == 2 * 60 * (80 + 1)
    red, green = _walls(browser)
    # As the camera sees them: side by side, red on the left.
    middle = SIZE[0] // 2
    assert len(red) > 100
    assert len(green) > 100
    assert red.max() <= middle + 5
    assert green.min() >= middle - 5
    # From the right, the cut between the near wall and the one behind it is seen.
    browser.open(page, "#azimuth=30")
    red, green = _walls(browser)
    assert green.min() > red.max() + 20
    browser.open(page, "#map=0&points")
    assert _count(browser, "points") == 10


@pytest.mark.slow
@needs_browser
def test_scene_is_upright_and_has_both_focal_lengths(browser):
    browser, page = browser
    camera = Camera((61, 81), 80.0, 120.0, 40.0, 30.0)
    image = np.full((61, 81, 3), GREEN, np.uint8)
    image[:30, :40] = RED
    wall = {"wall": np.full((61, 81), 3.0)}
    page.write_text(viewer_page(image, wall, camera, title="a"), encoding="utf-8")
    browser.open(page)
    picture = _picture(browser)
    red, green = (np.argwhere(_where(picture, colour)) for colour in (RED, GREEN))
    # The upper left quarter.
    assert np.all(red.max(axis=0) < green.max(axis=0) - 50)
    assert np.all(np.abs(red.min(axis=0) - green.min(axis=0)) < 5)
    # 60 / 120 high and 80 / 80 wide, as tangents.
    height, width = green.max(axis=0) - green.min(axis=0)
    np.testing.assert_allclose(height / width, 0.5, rtol=0.03)


@pytest.mark.slow
@needs_browser
def test_cut_is_grey_or_open_from_the_side_and_seen_from_the_front(browser):
    browser, page = browser
    browser.open(page)
    assert _where(_picture(browser), UNSEEN).sum() == 0
    browser.open(page, "#azimuth=30")
    closed = _picture(browser)
    grey = _where(closed, UNSEEN)
    assert grey.mean() > 0.02
    assert _empty_share(closed) < 0.01
    browser.open(page, "#azimuth=30&open")
    opened = _picture(browser)
    assert not _where(opened, UNSEEN).any()
    # What was grey is empty, and nothing else has changed.
    assert np.mean(_where(opened, BACKGROUND)[grey]) > 0.97
    np.testing.assert_array_equal(opened[~_grown(grey)], closed[~_grown(grey)])


def _grown(mask):
    """The mask and its smoothed border."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def _box_room(size):
    """Depth of the inside of a box: floor, ceiling, side walls and back wall."""
    camera = photograph_camera(size)
    right, down, _ = np.moveaxis(camera.rays(), -1, 0)
    with np.errstate(divide="ignore"):
        walls = [1.6 / np.abs(right), np.where(down > 0, 1.4, 1.2) / np.abs(down)]
    return np.minimum.reduce([*walls, np.full(size, 5.0)]), camera


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("azimuth", [-30, 30])
def test_whole_surface_has_no_stripes_from_the_side(browser, rng, azimuth):
    browser, page = browser
    depth, camera = _box_room((120, 160))
    image = rng.integers(80, 255, (120, 160, 3), np.uint8)
    page.write_text(viewer_page(image, {"a": depth}, camera, title="a"))
    browser.open(page, f"#azimuth={azimuth}&open")
    assert _empty_share(_picture(browser)) < 0.01


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("name", ["bedroom", "living_room", "reading_room"])
def test_predicted_rooms_have_no_stripes_from_the_side(browser, name):
    browser, page = browser
    with np.load(SHIPPED) as shipped:
        depth = shipped[name]
    image = resize_image(read_image(PHOTOGRAPHS / f"{name}.jpg"), depth.shape)
    camera = photograph_camera(depth.shape)
    page.write_text(viewer_page(image, {"fused": depth}, camera, title=name))
    for azimuth in (-30, 30):
        browser.open(page, f"#azimuth={azimuth}")
        assert _empty_share(_picture(browser)) < 0.01
        # Open cuts are holes with a width, not stripes of a pixel or two.
        browser.open(page, f"#azimuth={azimuth}&open")
        filled = (~_where(_picture(browser), BACKGROUND)).astype(np.uint8)
        closed = cv2.morphologyEx(filled, cv2.MORPH_CLOSE, np.ones((3, 3)))
        assert np.sum(closed) - np.sum(filled) < 0.01 * np.sum(closed)
    if name == "living_room":
        browser.open(page, "#azimuth=30&points")
        assert _empty_share(_picture(browser)) > 0.01  # The reason for a surface.


@pytest.mark.slow
@needs_browser
def test_mouse_turns_moves_and_magnifies(browser):
    browser, page = browser
    browser.open(page)
    front, behind = _walls(browser)
    assert behind.min() < front.max() + 10
    browser.drag((350, 300), (320, 300))
    # The scene follows the mouse to the left: seen from the right.
    turned, behind = _walls(browser)
    assert behind.min() > turned.max() + 20
    browser.evaluate("document.getElementById('reset').click()")
    np.testing.assert_array_equal(_walls(browser)[0], front)
    browser.wheel((300, 300), -300)
    assert len(_walls(browser)[0]) > 1.1 * len(front)
    browser.evaluate("document.getElementById('reset').click()")
    browser.drag((300, 300), (330, 300), button="right")
    # Target and wall are 2 m ahead: the wall moves with the mouse.
    assert 25 < _walls(browser)[0].max() - front.max() < 35


@pytest.mark.slow
@needs_browser
def test_scale_bar_measures_the_wall_and_axes_have_metres(browser):
    browser, page = browser
    browser.open(page)
    # The median is the red wall's 2 m; one pixel of it is 2 m / 80, 41 are 1 m wide.
    text = browser.evaluate("document.getElementById('scale').textContent")
    metres = float(re.fullmatch(r"\s*([\d.]+) m, at 2 m distance\s*", text)[1])
    width = browser.evaluate(
        "document.querySelector('#scale div').getBoundingClientRect().width"
    )
    labels = "[...document.querySelectorAll('#labels span')]"
    texts = browser.evaluate(f"{labels}.map((label) => label.textContent)")
    assert {"right, m", "up, m", "ahead, m", "-1.0", "0.0", "5.0"} <= {*texts}
    shown = f"{labels}.filter((label) => !label.hidden)"
    assert "0.0" in browser.evaluate(f"{shown}.map((label) => label.textContent)")
    red, _ = _walls(browser)
    assert len(red) / (40 * 2 / 80) == pytest.approx(width / metres, rel=0.03)
    assert browser.evaluate(f"{shown}.length") == 0  # `_picture` hides the axes.


@pytest.mark.slow
@needs_browser
def test_controls_choose_map_shape_and_colours(browser):
    browser, page = browser
    browser.open(page)
    _set(browser, "shape", "points")
    assert _count(browser, "points") == 4941  # 61 x 81
    _set(browser, "map", "0")
    assert _count(browser, "points") == 10
    _set(browser, "map", "1")
    _set(browser, "shape", "surface")
    assert browser.evaluate("document.getElementById('legend').hidden")
    _set(browser, "colour", "depth")
    assert not browser.evaluate("document.getElementById('legend').hidden")
    # The range is that of all maps: 2 m to 5 m.
    numbers = browser.evaluate(
        "[...document.querySelectorAll('#legend span')].map((s) => s.textContent)"
    )
    assert numbers == ["2.0 m", "3.5 m", "5.0 m"]
    near, far = colorize_depth(np.array([[2.0, 3.0]]), max_depth=5.0)[0].astype(int)
    picture = _picture(browser)
    middle = picture[len(picture) // 2]
    assert _where(middle, near).sum() > 100
    assert _where(middle, far).sum() > 100


@pytest.mark.slow
@needs_browser
def test_panel_folds_and_a_phone_shows_the_whole_image(browser):
    browser, page = browser
    browser.open(page)
    assert browser.evaluate("document.getElementById('panel').open")
    height = "document.getElementById('panel').getBoundingClientRect().height"
    before = browser.evaluate(height)
    browser.evaluate("document.querySelector('#panel summary').click()")
    assert browser.evaluate(height) < before / 3
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.call("Emulation.setDeviceMetricsOverride", **phone)
    browser.call("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        _check_phone(browser, page)
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")
        browser.call("Emulation.setTouchEmulationEnabled", enabled=False)


def _check_phone(browser, page):
    """The page as on a phone, in portrait format."""
    browser.open(page)
    assert not browser.evaluate("document.getElementById('panel').open")
    browser.evaluate("document.querySelector('#panel summary').click()")
    # The open panel lies within the window, and no element makes it scroll sideways.
    panel = "document.getElementById('panel').getBoundingClientRect()"
    assert browser.evaluate(f"{panel}.right") <= 390
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    picture = _picture(browser)
    assert picture.shape[1] == 780
    red, green = (_where(picture, colour).any(axis=0) for colour in (RED, GREEN))
    # Both walls end before the window does.
    assert 5 < np.flatnonzero(red).min() < np.flatnonzero(green).max() < 775
    assert np.flatnonzero(green).max() - np.flatnonzero(red).min() > 600
