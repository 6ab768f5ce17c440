"""The program `dpde fuse`, run from the clone: see `dpde_tf.cli.fuse`."""

from dpde_tf.cli import fuse

if __name__ == "__main__":
    fuse.run()
