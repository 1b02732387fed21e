"""Logs training runs to the training service. Start reading at run_logger.py."""

from training_client.delivery import Delivery
from training_client.errors import Refused, TrainingClientError, Unavailable
from training_client.run_logger import TrainingRunLogger
from training_client.transport import Transport

__all__ = [
    "Delivery",
    "Refused",
    "TrainingClientError",
    "TrainingRunLogger",
    "Transport",
    "Unavailable",
]
