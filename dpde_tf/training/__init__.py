"""The training loop, its step, objectives, schedules, checkpoints and logs.

`loop` is the loop, `step` one step, `objectives` what a network is trained for.

Uses `data`, `runs`, `losses`, `fusion`, `metrics`, `visualization`.
"""
