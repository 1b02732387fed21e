"""TrainingRunLogger: what a trainer calls. Nothing here raises into the training or holds it up.

Each call becomes a JSON text (payload.py) that is written to a spool on the disk (dispatch.py,
outbox.py); a background thread (sender.py) carries it from there to /api/training-runs.
Next: settings.py.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from training_client import payload
from training_client.backoff import Backoff
from training_client.courier import ENDED
from training_client.delivery import Delivery
from training_client.dispatch import Dispatch
from training_client.message import Kind
from training_client.outbox import Left
from training_client.quietly import Speaker, never_raises
from training_client.settings import DEFAULT_URL, Mode, Resume, read_settings

log = logging.getLogger("training_client")

Status = Literal["running", "completed", "stopped", "failed"]

_OPENING = {"allow": Kind.CREATE, "must": Kind.RESUME, "never": Kind.CREATE_NEW}
_STOP_CODES = (128 + 2, 128 + 15)  # what a program exits with after SIGINT and SIGTERM
_ERROR_MESSAGE_MAX = 2000  # characters


class TrainingRunLogger:
    """Logs one training run at a time.

        with TrainingRunLogger() as logger:
            logger.create_run(agent_id="dqn_agent", algorithm="DQN", config={"lr": 1e-3})
            logger.log_episode(1, total_reward=10.5, steps=50, win=True, epsilon=0.9)

    Leaving the block ends the run `completed`; an exception ends it `failed` with its message,
    Ctrl-C `stopped`. Use it from one process: after a fork, make a new one in the child.

    mode: online; offline (all is kept in spool_dir until `training-client sync`); disabled (every
    call does nothing). What is not given comes from the environment (settings.py). Of the processes
    of one training only rank 0 logs. queue_size bounds the messages in memory, spool_bytes what
    waits on the disk; what finds no room within queue_wait_s is dropped, counted and said once.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        mode: Mode | None = None,
        spool_dir: str | os.PathLike[str] | None = None,
        spool_bytes: int = 512 * 1024 * 1024,
        queue_size: int = 100_000,
        queue_wait_s: float = 0.0,
        linger_s: float = 0.2,
        timeout_s: float = 10.0,
        close_timeout_s: float = 10.0,
        backoff: Backoff | None = None,
        quiet: bool | None = None,
    ) -> None:
        given = self._settings = read_settings(os.environ)
        for complaint in given.complaints:
            log.warning("training log: %s", complaint)
        self.base_url = (url or given.url or DEFAULT_URL).rstrip("/")
        self.api_key = (api_key or given.api_key or "").strip() or None
        self.mode: Mode = mode or given.mode or "online"
        if given.rank > 0:
            log.info("training log: this is rank %d; rank 0 logs the training", given.rank)
            self.mode = "disabled"
        self._quiet = given.silent if quiet is None else quiet
        self._queue_wait_s = queue_wait_s
        self._close_timeout_s = close_timeout_s
        self._dispatch: Dispatch | None = None
        if self.mode != "disabled":
            self._dispatch = Dispatch(
                self.base_url, self.api_key, Path(spool_dir) if spool_dir else given.folder,
                offline=self.mode == "offline", queue_size=queue_size, spool_bytes=spool_bytes,
                linger_s=linger_s, timeout_s=timeout_s, backoff=backoff or Backoff(),
            )  # fmt: skip
        self._run_id: str | None = None
        self._runs = 0
        self._ended = True  # there is no run that someone must end
        self._closed = False
        self._all_arrived = False
        self._speaker = Speaker()
        self._pid = os.getpid()
        atexit.register(self._at_exit)

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
        if self._run_id is None or self._dispatch is None:
            return False
        return self._dispatch.stopped(self._run_id)

    @property
    def delivery(self) -> Delivery:
        """What became of the episodes so far, over all runs of this logger."""
        return self._dispatch.delivery if self._dispatch else Delivery()

    @never_raises("")
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
        resume: Resume | None = None,
    ) -> str:
        """Open a run and return its id: a new UUID unless run_id is given (to go on with one).

        Returns at once; the API hears of it in the background, before anything logged later. A run
        that is still open is ended `completed` first. resume: with "must" there has to be a run of
        this id, which stays as it is; with "never" there must be none; "allow" takes either. Else
        the run is refused: said once, and nothing of it arrives.
        """
        given = self._settings
        if not self._ended:
            self.update_status("completed")
        self._run_id = None  # should the rest fail, nothing goes to the run before
        run_id = run_id or (given.run_id if self._runs == 0 else None)
        new_id = _canonical(run_id) if run_id else str(uuid.uuid4())
        members: dict[str, object] = {"run_id": new_id}
        kind = _OPENING[resume or given.resume or "allow"] if run_id else Kind.CREATE
        if kind is not Kind.RESUME:
            members |= {
                "agent_id": agent_id,
                "algorithm": algorithm,
                "config": config,
                "episodes_total": episodes_total,
                "strategy_id": strategy_id,
                "strategy_label": strategy_label,
                "tags": tags if tags is not None else list(given.tags) or None,
                "notes": notes if notes is not None else given.notes,
                "metadata": metadata,
            }
        body = payload.object_json(members)
        self._run_id = new_id
        self._runs += 1
        self._ended = False
        if self._post(kind, body):
            self._tell(f"training run: {self.url}" + (" (offline)" * (self.mode == "offline")))
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
        if self._dispatch is None:
            return
        try:
            body = payload.episode_json(episode, total_reward, steps, win, epsilon, metrics)
            if not self._post(Kind.EPISODE, body):
                self._dispatch.tally.add(dropped=1)
        except Exception as error:
            self._speaker.say_once("log_episode", "episode %r cannot be logged: %s", episode, error)
            self._dispatch.tally.add(refused=1)

    @never_raises(None)
    def log_checkpoint(self, episode: int, path: str | os.PathLike[str]) -> None:
        """Note that a model was saved at path after this episode."""
        body = payload.object_json({"episode": episode, "path": os.fspath(path)})
        self._post(Kind.CHECKPOINT, body)

    @never_raises(None)
    def update_status(self, status: Status, error_message: str | None = None) -> None:
        """End the run as completed, stopped or failed, after everything logged before."""
        message = error_message[:_ERROR_MESSAGE_MAX] if error_message else None
        body = payload.object_json({"status": status, "error_message": message})
        if status in ENDED:
            self._ended = True
            if self._run_id is not None and self._dispatch is not None:
                self._dispatch.ends(self._run_id)
        self._post(Kind.STATUS, body)

    @never_raises(False)
    def flush(self, timeout: float | None = None) -> bool:
        """Wait up to timeout seconds for all answers to what was logged so far; True: all came.

        Offline: until all of it is on the disk.
        """
        if self._forked():
            return False
        timeout_s = self._close_timeout_s if timeout is None else timeout
        return self._dispatch.flush(timeout_s) if self._dispatch else True

    @never_raises(False)
    def close(self, timeout: float | None = None) -> bool:
        """Send what waits, for up to timeout seconds, and end. True when all of it arrived.

        What could not be sent stays in the spool, and one line says so. The run's status stays as
        it is. Offline: True when all of it is on the disk.
        """
        if self._closed or self._forked():
            return self._all_arrived
        self._closed = True
        atexit.unregister(self._at_exit)
        if self._dispatch is None:
            self._all_arrived = True
            return True
        left = self._dispatch.close(self._close_timeout_s if timeout is None else timeout)
        self._all_arrived = self._sum_up(self._dispatch, left)
        return self._all_arrived

    def _sum_up(self, dispatch: Dispatch, left: Left) -> bool:
        """One line about the whole; True when nothing is missing where it belongs."""
        outcome, kept = dispatch.delivery, sum(left)
        lost = outcome.waiting - left.unsent
        sync = f"`training-client sync {dispatch.folder}` sends them"
        if self.mode == "offline" and not (lost or outcome.dropped or outcome.refused):
            self._tell(f"training run {self._run_id}: {kept} messages wait offline; {sync}")
            return True
        missing = [
            f"{kept} messages are kept: {sync}" * (kept > 0),
            f"{lost} messages still waiting are lost" * (lost > 0),
            f"{outcome.dropped} episodes dropped for want of room" * (outcome.dropped > 0),
            f"{outcome.refused} refused" * (outcome.refused > 0),
        ]
        if any(missing):
            log.warning(
                "run %s: %d episodes delivered; not delivered: %s",
                self._run_id, outcome.delivered, ", ".join(filter(None, missing)),
            )  # fmt: skip
            return False
        if self._run_id is not None:
            self._tell(f"training run: {outcome.delivered} episodes delivered: {self.url}")
        return True

    def _tell(self, line: str) -> None:
        """The line at the start and the line at the end, for people."""
        if not self._quiet and self._dispatch is not None:
            with suppress(OSError, ValueError, AttributeError):  # there may be no stderr
                print(line, file=sys.stderr, flush=True)

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
        if self._ended or self.stop_requested:  # by us, or by somebody else
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

    @never_raises(None)
    def _at_exit(self) -> None:
        """The program ends without close(): by an exception that nobody caught, or by just ending.

        The latter says nothing about the training's success, so the status stays as it is.
        """
        uncaught = getattr(sys, "last_value", None)
        if uncaught is not None and not self._forked():
            self._end_with(uncaught)
        self.close()

    def _post(self, kind: Kind, body: bytes) -> bool:
        if self._dispatch is None:
            return True
        if self._run_id is None:
            self._speaker.say_once("no run", "nothing is logged before create_run")
            return False
        if self._closed:
            self._speaker.say_once("closed", "nothing is logged after close")
            return False
        if self._forked():
            return False
        if self._dispatch.post(kind, self._run_id, body, self._queue_wait_s):
            return True
        self._speaker.say_once(
            "full",
            "there is no room (%d messages wait): what finds none is dropped, and counted",
            self._dispatch.delivery.waiting,
        )
        return False

    def _forked(self) -> bool:
        """True in a child process, where the background threads do not exist."""
        if os.getpid() == self._pid:
            return False
        self._speaker.say_once(
            "fork", "this process was forked: make a new TrainingRunLogger in it"
        )
        return True


def _canonical(run_id: str) -> str:
    """A UUID in lower case, as the API answers it; any other id as it is."""
    try:
        return str(uuid.UUID(run_id)) if len(run_id) == 36 else run_id
    except ValueError:
        return run_id
