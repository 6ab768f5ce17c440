"""Self-contained HTML page that shows coloured point clouds.

It draws with three.js (MIT licence), whose files are stored unchanged in
`viewer/three/`: `build/three.module.min.js` and
`examples/jsm/controls/OrbitControls.js` of the npm package three 0.170.0.
"""

import base64
import dataclasses
import html
import json
import math
import pathlib
import re
from collections.abc import Mapping

import numpy as np

_FOLDER = pathlib.Path(__file__).parent / "viewer"
_MODULES = {
    "three": "three/three.module.min.js",
    "orbit-controls": "three/OrbitControls.js",
}
_LEVELS = 65535


@dataclasses.dataclass(frozen=True)
class PointCloud:
    """A non-empty cloud of coloured points.

    Attributes:
        points: Metres, `[N, 3]`; x right, y up, -z ahead. The camera is at the origin
            and all points are ahead of it.
        colors: RGB, uint8 `[N, 3]`.
    """

    points: np.ndarray
    colors: np.ndarray


def viewer_page(clouds: Mapping[str, PointCloud], *, title: str) -> str:
    """Returns a page on which the mouse rotates, moves and zooms the clouds.

    The page starts with the view of the camera. Appending
    `#azimuth=30&elevation=10&cloud=1` to its address rotates the clouds and selects
    one.

    Args:
        clouds: Clouds by name; one is shown at a time, the last one first.
        title: Text above the clouds.

    Returns:
        An HTML document for browsers with WebGL 2; it loads nothing.

    Raises:
        ValueError: If there is no cloud.
    """
    if not clouds:
        raise ValueError("A page needs at least one cloud. Received: none.")
    scripts = {
        name: f"data:text/javascript;base64,{_encoded((_FOLDER / file).read_bytes())}"
        for name, file in _MODULES.items()
    }
    data = json.dumps([_packed(name, c) for name, c in clouds.items()])
    parts = {
        "TITLE": html.escape(title),
        "IMPORTS": json.dumps({"imports": scripts}),
        # "<" could close the enclosing script element or start a comment in it.
        "CLOUDS": data.replace("<", "\\u003c"),
        "SCRIPT": (_FOLDER / "viewer.js").read_text(encoding="utf-8"),
    }
    page = (_FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(f"%({'|'.join(parts)})%", lambda match: parts[match[1]], page)


def _packed(name: str, cloud: PointCloud) -> dict:
    """Encodes a cloud for JSON: coordinates are 16-bit fractions of the bounding box.

    The page rotates the cloud around the point at `distance` ahead of the camera.
    """
    points = np.asarray(cloud.points, np.float64)
    low = points.min(axis=0)
    extent = np.maximum(points.max(axis=0) - low, 1e-6)
    levels = np.rint((points - low) / extent * _LEVELS).astype("<u2")
    depth = -points[:, 2]
    return {
        "name": name,
        "distance": float(np.median(depth)),
        "angle": 2 * math.degrees(np.arctan(np.max(np.abs(points[:, 1]) / depth))),
        "low": low.tolist(),
        "extent": extent.tolist(),
        "points": _encoded(levels.tobytes()),
        "colors": _encoded(np.ascontiguousarray(cloud.colors, np.uint8).tobytes()),
    }


def _encoded(data: bytes) -> str:
    """Encodes bytes as ASCII text."""
    return base64.b64encode(data).decode("ascii")
