"""Entry points: train, predict, evaluate, report, benchmark."""

import dpde_tf  # noqa: F401  Before Keras, which it sets up.
