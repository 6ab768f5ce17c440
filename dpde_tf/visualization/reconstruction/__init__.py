"""From a depth map to three dimensions: points, meshes, views, files, a viewer.

`cameras` knows where a pixel looks, `geometry` makes points and triangles of a depth
map, `rendering` draws them without a display, `files` writes PLY, GLB and HTML.
"""
