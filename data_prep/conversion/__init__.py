"""From pairs of image and depth map to a verified record set.

`record_sets` writes a record set, `split_writing` (or `beam`, on many machines) the
shards of a split, `pair_encoding` one pair; `verification` checks the result. The rest
reads raw files: `raw_files`, `mat_files`, `pair_lists`, `middlebury_scenes`.
"""
