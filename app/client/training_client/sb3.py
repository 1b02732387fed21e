"""TrainingRunCallback: logs a training of Stable-Baselines3 as a run.

    with TrainingRunCallback(agent_id="lander", checkpoint_every_steps=50_000) as callback:
        model.learn(500_000, callback=callback)

Read next: sb3_episodes.py (what an episode says), sb3_config.py, sb3_checkpoint.py,
metric_names.py, step_progress.py; the run itself is run_logger.py's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

try:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import KVWriter
except ImportError as error:
    raise ImportError(
        "training_client.sb3 needs Stable-Baselines3: pip install 'training-client[sb3]'"
    ) from error

from training_client.metric_names import PendingMetrics
from training_client.run_end import end_run
from training_client.run_logger import TrainingRunLogger
from training_client.sb3_checkpoint import Checkpoints
from training_client.sb3_config import model_config
from training_client.sb3_episodes import EpisodeReader, Finished
from training_client.settings import read_settings
from training_client.step_progress import StepProgress

log = logging.getLogger("training_client")

FORMAT_NAME = "training_client"  # logger.record(…, exclude="training_client") keeps a value out


class TrainingRunCallback(BaseCallback):  # type: ignore[misc]  # SB3 is not in every environment
    """Logs each episode of every environment, numbered in the order in which they end.

    One learn() is one run. In a `with` block all learn()s are one run, which ends with the block:
    `completed`, `failed` with the exception's message, `stopped` on Ctrl-C. When somebody stops
    the run from the dashboard, learn() returns after the step (unless heed_stop is False).

    What SB3's own logger dumps (train/loss, rollout/ep_rew_mean …) goes with the next episode.
    Beside these an episode has duration_s, wall_time, truncated (by the time limit: 1),
    time/total_timesteps when it ended, and what Monitor was asked to keep (info_keywords);
    is_success is its win, DQN's exploration rate its epsilon.

    config is added to the model's hyperparameters. run_logger: a logger of your own, which you
    close. checkpoint_every_steps, checkpoint_every_episodes: save the model into
    checkpoint_dir/RUN_ID, and once more when the training ends. resume: go on with the run in
    which the model was saved, after the last episode that it had seen; needs
    learn(…, reset_num_timesteps=False). progress: show how far the training is, on stderr (unless
    quiet, which is TrainingRunLogger's).
    """

    def __init__(
        self,
        run_logger: TrainingRunLogger | None = None,
        *,
        url: str | None = None,
        api_key: str | None = None,
        agent_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        resume: bool = False,
        episodes_total: int | None = None,
        strategy_id: str | None = None,
        strategy_label: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        checkpoint_dir: str | os.PathLike[str] = "models",
        checkpoint_every_steps: int = 0,
        checkpoint_every_episodes: int = 0,
        save_replay_buffer: bool = False,
        heed_stop: bool = True,
        progress: bool | None = None,
        quiet: bool | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self._given_logger = run_logger
        self._where = (url, api_key)
        self._run: TrainingRunLogger | None = run_logger
        self._config = dict(config or {})
        self._run_fields: dict[str, Any] = {
            "agent_id": agent_id, "episodes_total": episodes_total, "strategy_id": strategy_id,
            "strategy_label": strategy_label, "tags": tags, "notes": notes, "metadata": metadata,
        }  # fmt: skip
        self._wanted_run_id = run_id
        self._resume = resume
        self._checkpoints = Checkpoints(
            Path(checkpoint_dir), checkpoint_every_steps, checkpoint_every_episodes,
            save_replay_buffer,
        )  # fmt: skip
        self._heed_stop = heed_stop
        silent = read_settings(os.environ).silent if quiet is None else quiet
        self._quiet = silent
        self._show_progress = not silent if progress is None else progress
        self._progress: StepProgress | None = None
        self._pending = PendingMetrics()
        self._writer = _ToEpisodes(self._pending)
        self._reader: EpisodeReader | None = None
        self._last: tuple[Finished, dict[str, float | int]] | None = None  # as logged
        self._in_block = False
        self._is_training = False  # learn() is under way
        self._is_open = False  # there is a run that we must end
        self._stopping = False  # stop() was called
        self._said: set[str] = set()
        self.episode = 0  # the number of the last one that ended

    # ---- for the trainer

    @property
    def run_logger(self) -> TrainingRunLogger:
        """The logger of the current run: its run_id, url, delivery. There once learn() began."""
        if self._run is None:
            raise RuntimeError("there is no run before learn()")
        return self._run

    def stop(self) -> None:
        """Have learn() return after the current step; the run ends `stopped`. For handlers of
        signals.
        """
        self._stopping = True

    @property
    def stop_requested(self) -> bool:
        """Somebody ended the run from the dashboard or the API."""
        return self._is_open and self._run is not None and self._run.stop_requested

    def __enter__(self) -> TrainingRunCallback:
        self._in_block = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._in_block = False
        self._end_training(error)
        self._end_run(error)

    # ---- SB3 calls these

    def _on_training_start(self) -> None:
        if not self._is_open:
            self._begin_run()
        # Goes into every file that the model is saved to, whoever saves it.
        self.model.training_run = {"run_id": self.run_logger.run_id, "episode": self.episode}
        if self._reader is None or not self._reader.goes_on(
            self.training_env, self.locals["reset_num_timesteps"]
        ):
            self._reader = EpisodeReader(self.training_env)
        self._is_training = True
        if not self._reader.monitored:
            self._say_once("no Monitor: rewards are summed up from what the model sees of them")
        if self._writer not in self.logger.output_formats:
            self.logger.output_formats.append(self._writer)
        self._checkpoints.begin(self.num_timesteps, self.episode)
        if self._show_progress:
            self._progress = StepProgress(self.locals["total_timesteps"], self.num_timesteps)

    def _on_step(self) -> bool:
        try:
            self._read_step()
        except Exception as error:  # logging never ends a training
            self._say_once(f"a step could not be logged: {error!r}")
        return not (self._stopping or (self._heed_stop and self.stop_requested))

    def _on_training_end(self) -> None:
        self._end_training(None)
        if not self._in_block:
            self._end_run(None)

    # ---- the run

    def _begin_run(self) -> None:
        saved = getattr(self.model, "training_run", None) if self._resume else None
        if self._resume and not saved:
            self._say_once("the model was not saved in a run: this is a new one")
        self._run = self._given_logger or TrainingRunLogger(*self._where, quiet=self._quiet)
        config = {**model_config(self.model, self.locals["total_timesteps"]), **self._config}
        self._run.create_run(
            algorithm=type(self.model).__name__,
            # The run that goes on has its config; another one would be refused.
            config=None if saved else config,
            run_id=saved["run_id"] if saved else self._wanted_run_id,
            **self._run_fields,
        )
        self.episode = int(saved["episode"]) if saved else 0
        self._is_open, self._stopping, self._last = True, False, None

    def _end_run(self, error: BaseException | None) -> None:
        """By error, as TrainingRunLogger does; nothing is said of a run that is ended already."""
        if not self._is_open or self._run is None:
            return
        if self._pending and self._last is not None:
            finished, logged = self._last  # once more, with what came after it
            self._send(finished, self._pending.take(finished.metrics, logged))
        if self._pending.left_out:
            self._say_once(f"more metrics than an episode takes: {sorted(self._pending.left_out)}")
        self._is_open = False
        end_run(self._run, error, self._stopping)
        if self._given_logger is None:
            self._run.close()

    def _end_training(self, error: BaseException | None) -> None:
        """What learn() leaves: also after an exception, when SB3 itself says nothing."""
        if not self._is_training:
            return
        self._is_training = False
        if self._progress is not None:
            self._progress.close()
            self._progress = None
        if self._writer in self.logger.output_formats:
            self.logger.output_formats.remove(self._writer)
        if not isinstance(error, Exception) and self._checkpoints.due_at_the_end(
            self.num_timesteps
        ):
            self._checkpoint()

    # ---- a step

    def _read_step(self) -> None:
        if self._reader is None:
            return
        for finished in self._reader.finished(self.locals):
            self.episode += 1
            self.model.training_run["episode"] = self.episode
            finished.metrics["time/total_timesteps"] = self.num_timesteps
            self._send(finished, self._pending.take(finished.metrics))
            if self._progress is not None:
                self._progress.episode(self.episode, finished.total_reward)
        if self._progress is not None:
            self._progress.at(self.num_timesteps)
        if self._checkpoints.due(self.num_timesteps, self.episode):
            self._checkpoint()

    def _send(self, finished: Finished, metrics: dict[str, float | int]) -> None:
        self._last = (finished, metrics)
        self.run_logger.log_episode(
            self.episode,
            total_reward=finished.total_reward,
            steps=finished.steps,
            win=finished.win,
            epsilon=getattr(self.model, "exploration_rate", None),
            metrics=metrics,
        )

    def _checkpoint(self) -> None:
        run_id = str(self.run_logger.run_id)
        try:
            path = self._checkpoints.save(self.model, run_id, self.num_timesteps, self.episode)
        except Exception as error:  # a full disk, say; the training goes on
            self._say_once(f"the model could not be saved: {error!r}")
        else:
            self.run_logger.log_checkpoint(self.episode, path)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.warning("training log: %s", text)


class _ToEpisodes(KVWriter):  # type: ignore[misc]
    """An output of SB3's logger, beside stdout, CSV and TensorBoard: for the next episode."""

    def __init__(self, pending: PendingMetrics) -> None:
        self._pending = pending

    def write(
        self,
        key_values: Mapping[str, Any],
        key_excluded: Mapping[str, Sequence[str] | None],
        step: int = 0,
    ) -> None:
        self._pending.put(
            {
                name: value
                for name, value in key_values.items()
                if FORMAT_NAME not in (key_excluded.get(name) or ())
            }
        )

    def close(self) -> None:
        """There is nothing to close: the callback has the logger."""
