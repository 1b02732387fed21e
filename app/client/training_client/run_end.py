"""How a run ends that a callback began. Used by sb3.py and rllib.py."""

from __future__ import annotations

from training_client.run_logger import Status, TrainingRunLogger


def end_run(logger: TrainingRunLogger, error: BaseException | None, stopped: bool = False) -> None:
    """Set the run's status by the error that ended the training; None: completed, or stopped.

    Of a run that somebody ended from the dashboard nothing is said: its status is set.
    """
    if logger.stop_requested:
        return
    if error is None:
        logger.update_status("stopped" if stopped else "completed")
    else:
        logger.update_status(*_status(error))


def _status(error: BaseException) -> tuple[Status, str | None]:
    if isinstance(error, KeyboardInterrupt):
        return "stopped", None
    if isinstance(error, SystemExit):
        if error.code in (128 + 2, 128 + 15):
            return "stopped", None
        if error.code in (None, 0):
            return "completed", None
    return "failed", f"{type(error).__name__}: {error}"
