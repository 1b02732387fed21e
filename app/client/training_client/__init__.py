"""Logs training runs to the training service. Start reading at run_logger.py."""

import importlib
from typing import TYPE_CHECKING, Any

from training_client.delivery import Delivery
from training_client.errors import Refused, TrainingClientError, Unavailable
from training_client.run_logger import TrainingRunLogger
from training_client.transport import Transport

if TYPE_CHECKING:
    from training_client.tracked_env import register_tracked as register_tracked
    from training_client.tracker import TrainingTracker as TrainingTracker
    from training_client.vector_tracker import VectorTrainingTracker as VectorTrainingTracker

__all__ = [
    "Delivery",
    "Refused",
    "TrainingClientError",
    "TrainingRunLogger",
    "Transport",
    "Unavailable",
]

_NEED_GYMNASIUM = {  # not in __all__, so that `import *` works without it
    "TrainingTracker": "training_client.tracker",
    "VectorTrainingTracker": "training_client.vector_tracker",
    "register_tracked": "training_client.tracked_env",
}


def __getattr__(name: str) -> Any:
    """The trackers are imported when they are asked for: all else works without Gymnasium."""
    if name not in _NEED_GYMNASIUM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_NEED_GYMNASIUM[name]), name)
    except ModuleNotFoundError as error:
        if error.name not in ("gymnasium", "numpy"):
            raise
        message = f"{name} needs Gymnasium: pip install 'training-client[gym]'"
        raise ImportError(message, name=error.name) from error
