"""What the benchmark programs time and compare with.

`experiments.benchmark` uses `parts`, `rows`, `comparison`, `pytorch_fcrn` and
`unpool_forms`; `experiments.benchmark_fusion` uses the modules named `fusion_*`. Both
measure with `row_timing` and `process_memory`.
"""
