"""Reconstruction of depth maps in three dimensions.

`cameras` holds camera models, `geometry` turns a depth map into points and triangles,
`rendering` draws them without a display, `files` writes PLY, GLB and HTML.
"""
