"""The program `dpde predict`, run from the clone: see `dpde_tf.cli.predict`."""

from dpde_tf.cli import predict

if __name__ == "__main__":
    predict.run()
