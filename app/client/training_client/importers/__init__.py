"""Runs that other tools wrote to files, as runs of the training API. Start reading at source.py.

monitor.py, tensorboard.py, wandb.py, mlflow.py each read one tool's files; delivery.py sends.
"""
