"""The training loop, its step, objectives, schedules, checkpoints and logs.

`session` starts or continues a run, `setups` has what it needs to know of each network,
`loop` the training loop, `step` a single step, and `objectives` the losses and
validation metrics of each network.

Uses `data`, `runs`, `models`, `losses`, `fusion`, `metrics`, `visualization`.
"""
