"""Runs a program with a tiny depth network in place of the full one.

python -m tests.tiny_program experiments.train_depth --records=...
"""

import runpy
import sys

from dpde_tf import trained_networks
from dpde_tf.models import depth_network
from tests.small_training import tiny_depth_network


def main():
    """Runs the program that the first argument names."""
    for module in (depth_network, trained_networks):
        module.build_depth_network = lambda config: tiny_depth_network()
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
