"""Self-contained HTML page that shows depth maps as surfaces in three dimensions.

It draws with three.js (MIT licence), whose files are stored unchanged in
`viewer/three/`: `build/three.module.min.js` and
`examples/jsm/controls/OrbitControls.js` of the npm package three 0.170.0.
"""

import base64
import html
import json
import pathlib
import re
from collections.abc import Mapping

import numpy as np

from dpde_tf.files.depth_maps import measured_depth
from dpde_tf.visualization.colours import depth_colours
from dpde_tf.visualization.reconstruction.cameras import Camera
from dpde_tf.visualization.reconstruction.geometry import connected_squares

_FOLDER = pathlib.Path(__file__).parent / "viewer"
_MODULES = {
    "three": "three/three.module.min.js",
    "orbit-controls": "three/OrbitControls.js",
    "surface": "surface.js",
    "axes": "axes.js",
}


def viewer_page(
    image: np.ndarray, depths: Mapping[str, np.ndarray], camera: Camera, *, title: str
) -> str:
    """Returns a page on which mouse or fingers rotate, move and zoom the depth maps.

    Each map is a surface with the colours of the image, cut at depth edges. The camera
    has not seen what lies behind a cut, so the page closes it with a grey surface, the
    border of the space that the camera saw to be empty. Points, colours by depth, axes
    and a scale bar in metres can be switched on.

    The page starts with the view of the camera. Appending
    `#azimuth=30&elevation=10&map=0&points&depth&open` to its address rotates the
    surface, selects a map, and chooses points, colours by depth, and cuts that stay
    open; each part may be left out.

    Args:
        image: RGB, uint8 `[H, W, 3]`.
        depths: Depth maps by name, metres, `[H, W]`, each with a measured pixel; 0,
            negative and non-finite values are no measurement. One is shown at a time,
            the last one first.
        camera: Camera at the size of the image.
        title: Text above the surface.

    Returns:
        An HTML document for browsers with WebGL 2; it loads nothing.

    Raises:
        ValueError: If there is no depth map, or a size differs.
    """
    if not depths:
        raise ValueError("A page needs at least one depth map. Received: none.")
    sizes = {image.shape[:2], camera.size, *(depth.shape for depth in depths.values())}
    if len(sizes) > 1:
        raise ValueError(
            "Image, camera and depth maps must have one size. Received: "
            f"{sorted(sizes)}."
        )
    scripts = {
        name: f"data:text/javascript;base64,{_encoded((_FOLDER / file).read_bytes())}"
        for name, file in _MODULES.items()
    }
    data = {
        "camera": _camera(camera),
        "image": _encoded(np.ascontiguousarray(image, np.uint8).tobytes()),
        "colours": depth_colours().tolist(),
        "maps": [_packed(name, depth) for name, depth in depths.items()],
    }
    parts = {
        "TITLE": html.escape(title),
        "IMPORTS": json.dumps({"imports": scripts}),
        # "<" could close the enclosing script element or start a comment in it.
        "SCENE": json.dumps(data).replace("<", "\\u003c"),
        "SCRIPT": (_FOLDER / "viewer.js").read_text(encoding="utf-8"),
    }
    page = (_FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(f"%({'|'.join(parts)})%", lambda match: parts[match[1]], page)


def _camera(camera: Camera) -> dict:
    """The camera for JSON."""
    height, width = camera.size
    return {
        "height": height,
        "width": width,
        "focalX": camera.focal_x,
        "focalY": camera.focal_y,
        "centerX": camera.center_x,
        "centerY": camera.center_y,
        "alongRay": camera.depth_along_ray,
    }


def _packed(name: str, depth: np.ndarray) -> dict:
    """Encodes a depth map for JSON, as float32 with 0 for no measurement.

    The surface is cut where a bit of `connected` is 0: one for each square of four
    neighbouring pixels, row by row.
    """
    depth = measured_depth(depth)
    connected = np.packbits(connected_squares(depth), bitorder="little")
    return {
        "name": name,
        "depth": _encoded(depth.astype("<f4").tobytes()),
        "connected": _encoded(connected.tobytes()),
    }


def _encoded(data: bytes) -> str:
    """Encodes bytes as ASCII text."""
    return base64.b64encode(data).decode("ascii")
