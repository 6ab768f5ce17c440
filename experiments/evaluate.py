"""The program `dpde evaluate`, run from the clone: see `dpde_tf.cli.evaluate`."""

from dpde_tf.cli import evaluate

if __name__ == "__main__":
    evaluate.run()
