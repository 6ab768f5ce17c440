"""Entry points: train, predict, evaluate, report, benchmark."""
