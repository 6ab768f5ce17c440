"""Tests of the page of `dpde app`, in a browser if there is one."""

import builtins
import socket
import time

import cv2
import numpy as np
import pytest

from dpde_tf.cli.app import launch
from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.predictions import read_prediction
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.inference.predictor import network_input
from dpde_tf.inference.web_page import WebPage, import_gradio
from tests.fixtures.browser import Browser, needs_browser

FRAME = "document.querySelector('iframe[title=\"3D model\"]')"
TOAST = "document.querySelector('.toast-wrap')?.textContent"


class _BrightnessPredictor:
    """A predictor that returns brightness as depth; white is 5 m."""

    def predict(self, image):
        depth = 1.0 + 4.0 * network_input(image).numpy().mean(axis=-1, keepdims=True)
        gradients = [values.numpy()[..., 0] for values in image_gradients(depth)]
        maps = dict(zip(("gradient_x", "gradient_y"), gradients, strict=True))
        return maps | {"depth": depth[..., 0], "fused": depth[..., 0]}


def test_missing_libraries_are_one_line(monkeypatch):
    real = builtins.__import__

    def without_gradio(name, *args, **kwargs):
        if name == "gradio":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_gradio)
    with pytest.raises(
        ValueError, match=r"gradio\. Run `pip install 'dpde_tf\[app\]'`"
    ):
        import_gradio()


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page with a small predictor, not yet served."""
    pytest.importorskip("gradio")
    pytest.importorskip("trimesh")
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # So that it is as before afterwards.
    page = WebPage(_BrightnessPredictor(), (48, 64), tmp_path / "files")
    (tmp_path / "files").mkdir()
    blocks = page.blocks()
    yield blocks
    blocks.close()


@pytest.mark.slow
def test_port_that_is_taken_is_refused(page):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="empty port"):
            launch(page, other.getsockname()[1])


@pytest.fixture
def photographs(tmp_path, rng):
    """A landscape, a portrait, and files that are not images."""
    image = rng.integers(0, 255, (6, 8, 3), np.uint8)
    image = cv2.resize(image, (160, 120), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "landscape.jpg"), image)
    cv2.imwrite(str(tmp_path / "portrait.png"), np.rot90(image))
    (tmp_path / "broken.jpg").write_text("no image")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def _download(browser, label, folder):
    """Presses a download button, and returns the file."""
    before = set(folder.iterdir())
    browser.evaluate(
        "[...document.querySelectorAll('button, a')]"
        f".find((e) => e.textContent.trim() === {label!r}).click(); 0"
    )
    for _ in range(300):
        new = [p for p in set(folder.iterdir()) - before if p.suffix != ".crdownload"]
        if new:
            return new[0]
        time.sleep(0.2)
    raise AssertionError(f"{label} downloaded nothing")


@pytest.mark.slow
@needs_browser
def test_photographs_give_depth_models_and_downloads(page, photographs, tmp_path):
    server = launch(page, None)
    address = server[1]
    assert address.startswith("http://127.0.0.1:")
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    with Browser(tmp_path / "profile", (1000, 1200)) as browser:
        browser.call(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads)
        )
        browser.navigate(address)
        browser.wait_for("!!document.querySelector('input[type=file]')")
        for name, size in (("landscape.jpg", (48, 64)), ("portrait.png", (64, 48))):
            browser.upload("input[type=file]", photographs / name)
            browser.wait_for(f"!!{FRAME}?.contentDocument?.body?.dataset.triangles")
            assert browser.evaluate(f"{FRAME}.contentDocument.title") == name[:-4]
            triangles = browser.evaluate(
                f"{FRAME}.contentDocument.body.dataset.triangles"
            )
            assert int(triangles) > 1000
            npz = _download(browser, "All maps (NPZ, metres)", downloads)
            maps = read_prediction(npz)
            assert set(maps) == {"depth", "fused", "gradient_x", "gradient_y"}
            assert maps["fused"].shape == size
            png = _download(browser, "Fused depth (PNG, mm)", downloads)
            full = (120, 160) if name == "landscape.jpg" else (160, 120)
            assert read_depth(png, depth_scale=0.001).shape == full
            glb = _download(browser, "3D model (GLB)", downloads)
            assert glb.read_bytes()[:4] == b"glTF"
            browser.evaluate(
                "document.querySelector('button[aria-label=Clear]').click(); 0"
            )
            browser.wait_for(
                f"!{FRAME} && !!document.querySelector('input[type=file]')"
            )
        browser.upload("input[type=file]", photographs / "broken.jpg")
        message = browser.wait_for(TOAST)
        assert "broken.jpg must be a complete image file" in message
        assert "gradio" not in message  # Not the place where it was stored.
        browser.evaluate(
            "document.querySelector('button[aria-label=Clear]').click(); 0"
        )
        browser.wait_for("!!document.querySelector('input[type=file]')")
        browser.upload("input[type=file]", photographs / "notes.txt")
        browser.wait_for(f"({TOAST}).includes('Invalid file type')")
        # Nothing was asked of any other computer.
        others = [
            url
            for url in browser.requested
            if not url.startswith((address, "data:", "blob:", "about:"))
        ]
        assert others == []
