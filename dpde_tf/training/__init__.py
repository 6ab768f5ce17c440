"""The training loop, its step, objectives, schedules, checkpoints and logs.

`loop` has the training loop, `step` a single step, and `objectives` the losses and
validation metrics of each network.

Uses `data`, `runs`, `losses`, `fusion`, `metrics`, `visualization`.
"""
