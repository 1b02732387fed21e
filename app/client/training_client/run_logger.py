"""TrainingRunLogger: what a trainer calls. Nothing here raises into the training or waits long.

Each call becomes a JSON text (payload.py) in a bounded queue (outbox.py); a background thread
(sender.py) carries it to /api/training-runs (transport.py).
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from training_client import payload
from training_client.backoff import Backoff
from training_client.outbox import Kind, Message, Outbox
from training_client.sender import ENDED, Delivery, Sender
from training_client.transport import Transport

log = logging.getLogger("training_client")

Status = Literal["running", "completed", "stopped", "failed"]

DEFAULT_URL = "http://127.0.0.1:8000"
_STOP_CODES = (128 + 2, 128 + 15)  # what a program exits with after SIGINT and SIGTERM
_ERROR_MESSAGE_MAX = 2000  # characters

P = ParamSpec("P")
R = TypeVar("R")


def _never_raises(
    default: R,
) -> Callable[
    [Callable[Concatenate[TrainingRunLogger, P], R]],
    Callable[Concatenate[TrainingRunLogger, P], R],
]:
    """What goes wrong inside is logged, once a method, and the default is returned."""

    def decorate(
        method: Callable[Concatenate[TrainingRunLogger, P], R],
    ) -> Callable[Concatenate[TrainingRunLogger, P], R]:
        @functools.wraps(method)
        def guarded(self: TrainingRunLogger, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:
                self._say_once(method.__name__, "%s failed: %r", method.__name__, error)
                return default

        return guarded

    return decorate


class TrainingRunLogger:
    """Logs one training run at a time.

        with TrainingRunLogger() as logger:
            logger.create_run(agent_id="dqn_agent", algorithm="DQN", config={"lr": 1e-3})
            logger.log_episode(1, total_reward=10.5, steps=50, win=True, epsilon=0.9)

    Leaving the block ends the run `completed`; an exception ends it `failed` with its message,
    Ctrl-C `stopped`. Use it from one process: after a fork, make a new one in the child.

    url and api_key default to TRAINING_URL and TRAINING_API_KEY. queue_size bounds what waits in
    memory. When it is full, a call waits up to queue_wait_s for room if the API is answering, and
    not at all while it is away; what then finds no room is dropped, counted and said once.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        queue_size: int = 100_000,
        queue_wait_s: float = 0.25,
        linger_s: float = 0.2,
        timeout_s: float = 10.0,
        close_timeout_s: float = 10.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.base_url = (url or os.environ.get("TRAINING_URL") or DEFAULT_URL).rstrip("/")
        self.api_key = (api_key or os.environ.get("TRAINING_API_KEY") or "").strip() or None
        self._queue_wait_s = queue_wait_s
        self._timeout_s = timeout_s
        self._close_timeout_s = close_timeout_s
        self._outbox = Outbox(queue_size, linger_s)
        self._sender = Sender(self._outbox, self._connect, self.base_url, backoff or Backoff())
        self._run_id: str | None = None
        self._ended = True  # there is no run that someone must end
        self._closed = False
        self._all_arrived = False
        self._said: set[str] = set()
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    def _connect(self) -> Transport:
        return Transport(self.base_url, self.api_key, self._timeout_s)

    @property
    def run_id(self) -> str | None:
        """The current run's id; None before create_run."""
        return self._run_id

    @property
    def url(self) -> str | None:
        """Where the current run can be read; None before create_run."""
        return f"{self.base_url}/api/training-runs/{self._run_id}" if self._run_id else None

    @property
    def stop_requested(self) -> bool:
        """True once somebody else ended the current run, from the dashboard or the API.

        Known from the answers to episodes, so shortly after the next one was sent. Logging goes
        on: what comes after is kept as data.
        """
        return self._run_id is not None and self._sender.stopped(self._run_id)

    @property
    def delivery(self) -> Delivery:
        """What became of the episodes so far, over all runs of this logger."""
        return self._sender.delivery()

    @_never_raises("")
    def create_run(
        self,
        agent_id: str | None = None,
        algorithm: str | None = None,
        config: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        *,
        episodes_total: int | None = None,
        strategy_id: str | None = None,
        strategy_label: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Open a run and return its id: a new UUID unless run_id is given (to go on with one).

        Returns at once; the API hears of it in the background, before anything logged later. A run
        that is still open is ended `completed` first.
        """
        if not self._ended:
            self.update_status("completed")
        self._run_id = None  # should the rest fail, nothing goes to the run before
        new_id = _canonical(run_id) if run_id else str(uuid.uuid4())
        body = payload.object_json(
            {
                "run_id": new_id,
                "agent_id": agent_id,
                "algorithm": algorithm,
                "config": config,
                "episodes_total": episodes_total,
                "strategy_id": strategy_id,
                "strategy_label": strategy_label,
                "tags": tags,
                "notes": notes,
                "metadata": metadata,
            }
        )
        self._run_id = new_id
        self._ended = False
        self._post(Kind.CREATE, body)
        return new_id

    def log_episode(
        self,
        episode: int,
        total_reward: payload.Number,
        steps: int,
        win: payload.Number | None = None,
        epsilon: payload.Number | None = None,
        metrics: Mapping[str, payload.Number | None] | None = None,
    ) -> None:
        """Log one finished episode, numbered from 1; the same number again replaces the earlier.

        win: True, False, or a number in between (0.5 is a draw). metrics: any others, by name;
        None means not given. Numbers may be numpy scalars, and need not be finite.
        """
        try:
            body = payload.episode_json(episode, total_reward, steps, win, epsilon, metrics)
            accepted = self._post(Kind.EPISODE, body, int(episode))
        except Exception as error:
            self._say_once("log_episode", "episode %r cannot be logged: %s", episode, error)
            self._sender.count(refused=1)
            return
        if not accepted:
            refused = self._run_id is not None and self._sender.refuses(self._run_id)
            self._sender.count(refused=int(refused), dropped=int(not refused))

    @_never_raises(None)
    def log_checkpoint(self, episode: int, path: str | os.PathLike[str]) -> None:
        """Note that a model was saved at path after this episode."""
        body = payload.object_json({"episode": episode, "path": os.fspath(path)})
        self._post(Kind.CHECKPOINT, body)

    @_never_raises(None)
    def update_status(self, status: Status, error_message: str | None = None) -> None:
        """End the run as completed, stopped or failed, after everything logged before."""
        message = error_message[:_ERROR_MESSAGE_MAX] if error_message else None
        body = payload.object_json({"status": status, "error_message": message})
        if status in ENDED:
            self._ended = True
            if self._run_id is not None:
                self._sender.ends(self._run_id)
        self._post(Kind.STATUS, body)

    @_never_raises(False)
    def flush(self, timeout: float | None = None) -> bool:
        """Wait up to timeout seconds for all answers to what was logged so far; True: all came."""
        if self._forked():
            return False
        self._sender.nudge()
        return self._outbox.flush(self._close_timeout_s if timeout is None else timeout)

    @_never_raises(False)
    def close(self, timeout: float | None = None) -> bool:
        """Send what waits, for up to timeout seconds, and end. True when all of it arrived.

        What could not be sent is dropped, and said in one line. The run's status stays as it is.
        """
        if self._closed or self._forked():
            return self._all_arrived
        self._closed = True
        atexit.unregister(self._at_exit)
        sent = self._sender.close(self._close_timeout_s if timeout is None else timeout)
        outcome = self.delivery
        if outcome.waiting or outcome.dropped or outcome.refused:
            log.warning(
                "run %s: %d episodes delivered; not delivered: %d messages still waiting,"
                " %d episodes dropped for want of room, %d refused",
                self._run_id, outcome.delivered, outcome.waiting, outcome.dropped, outcome.refused,
            )  # fmt: skip
        self._all_arrived = sent and not outcome.dropped and not outcome.refused
        return self._all_arrived

    def __enter__(self) -> TrainingRunLogger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_with(error)
        self.close()

    def _end_with(self, error: BaseException | None) -> None:
        if self._ended:
            return
        if isinstance(error, SystemExit):
            code = 0 if error.code is None else error.code
            if code == 0:
                self.update_status("completed")
            elif code in _STOP_CODES:
                self.update_status("stopped")
            else:
                self.update_status("failed", f"SystemExit: {code}")
        elif error is None:
            self.update_status("completed")
        elif isinstance(error, KeyboardInterrupt):
            self.update_status("stopped")
        else:
            self.update_status("failed", f"{type(error).__name__}: {error}")

    @_never_raises(None)
    def _at_exit(self) -> None:
        """The program ends without close(): by an exception that nobody caught, or by just ending.

        The latter says nothing about the training's success, so the status stays as it is.
        """
        uncaught = getattr(sys, "last_value", None)
        if uncaught is not None and not self._forked():
            self._end_with(uncaught)
        self.close()

    def _post(self, kind: Kind, body: bytes, episode: int = 0) -> bool:
        if self._run_id is None:
            self._say_once("no run", "nothing is logged before create_run")
            return False
        if self._closed:
            self._say_once("closed", "nothing is logged after close")
            return False
        if self._forked() or self._sender.refuses(self._run_id):
            return False
        wait_s = 0.0 if self._sender.away else self._queue_wait_s
        if self._outbox.put(Message(kind, self._run_id, body, episode), wait_s):
            return True
        self._say_once(
            "full",
            "the queue is full (%d messages wait): what finds no room is dropped, and counted",
            len(self._outbox),
        )
        return False

    def _forked(self) -> bool:
        """True in a child process, where the sender's thread does not exist."""
        if os.getpid() == self._pid:
            return False
        self._say_once("fork", "this process was forked: make a new TrainingRunLogger in it")
        return True

    def _say_once(self, topic: str, text: str, *args: object) -> None:
        if topic not in self._said:
            self._said.add(topic)
            log.warning("training log: " + text, *args)


def _canonical(run_id: str) -> str:
    """A UUID in lower case, as the API answers it; any other id as it is."""
    try:
        return str(uuid.UUID(run_id)) if len(run_id) == 36 else run_id
    except ValueError:
        return run_id
