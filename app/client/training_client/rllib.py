"""training_run_callbacks: logs a training of RLlib as a run, with its new API stack or its old one.

    config = PPOConfig().environment("CartPole-v1").callbacks(training_run_callbacks())
    algorithm = config.build()
    while not algorithm.train()["done"]:  # True when somebody stopped the run
        ...
    algorithm.stop()  # ends the run

The way of an episode: it ends where an environment is, perhaps in another process; what is to be
logged travels with RLlib's own metrics to the algorithm, and there goes to run_logger.py's logger.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

try:
    from ray.rllib.callbacks.callbacks import RLlibCallback
except ImportError:
    try:
        from ray.rllib.algorithms.callbacks import DefaultCallbacks as RLlibCallback
    except ImportError as error:
        raise ImportError(
            "training_client.rllib needs RLlib: pip install 'training-client[rllib]'"
        ) from error

from training_client.metric_names import PendingMetrics
from training_client.rllib_config import algorithm_config
from training_client.run_end import end_run
from training_client.run_logger import TrainingRunLogger
from training_client.step_progress import StepProgress

log = logging.getLogger("training_client")

_KEY = "training_client"  # of what travels, among RLlib's metrics
_FIELDS = ("total_reward", "steps", "win", "truncated", "duration_s")  # numbers; NaN: not given
_UNDER_WAY_MAX = 10_000  # episodes whose begin is remembered
_AVERAGES = ("episode_return_mean", "episode_reward_mean", "episode_len_mean")


def training_run_callbacks(
    *,
    url: str | None = None,
    agent_id: str | None = None,
    config: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    first_episode: int = 1,
    episodes_total: int | None = None,
    strategy_id: str | None = None,
    strategy_label: str | None = None,
    tags: Sequence[str] | None = None,
    notes: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    total_steps: int | None = None,
) -> type[TrainingRunCallbacks]:
    """A class for AlgorithmConfig.callbacks(). Every episode of every environment is logged, those
    of evaluations not; numbered as RLlib hands them over, after each iteration. What the iteration
    says of the learners goes with its last episode.

    The API's key is TRAINING_API_KEY's, where the algorithm runs: what is given here would be
    kept in RLlib's checkpoints. config is added to the algorithm's settings. A training that goes
    on is given the run_id and, as first_episode, the number after the last one before its
    checkpoint. total_steps: show how far the training is of so many, on stderr.

    `algorithm.training_run` is the run's logger: `algorithm.training_run.log_checkpoint(…)`.
    The run ends with algorithm.stop(): `completed`; when train() raises: `failed`, or `stopped` on
    Ctrl-C. With Tune, each trial is a run.
    """
    settings = {
        "url": url, "config": dict(config or {}), "run_id": run_id,
        "first_episode": first_episode, "total_steps": total_steps,
        "fields": {
            "agent_id": agent_id, "episodes_total": episodes_total, "strategy_id": strategy_id,
            "strategy_label": strategy_label, "tags": tags, "notes": notes, "metadata": metadata,
        },
    }  # fmt: skip
    return type("TrainingRunCallbacks", (TrainingRunCallbacks,), {"settings": settings})


class TrainingRunCallbacks(RLlibCallback):  # type: ignore[misc]  # RLlib is not everywhere
    """Made by RLlib, once for the algorithm and once for each that runs environments."""

    settings: Mapping[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self._run: _Run | None = None  # where the algorithm is
        # Where environments are, by the id of an episode that is under way (the new stack hands
        # it out in pieces): its reward and steps in the pieces before, and when it began.
        self._before: dict[str, tuple[float, int]] = {}
        self._began: dict[str, float] = {}

    def on_algorithm_init(self, *, algorithm: Any, **kwargs: Any) -> None:
        self._run = _Run(self.settings, algorithm)

    def on_train_result(self, *, algorithm: Any, result: dict[str, Any], **kwargs: Any) -> None:
        if self._run is not None:
            self._run.iteration(result)

    def on_episode_start(self, *, episode: Any, **kwargs: Any) -> None:
        if hasattr(episode, "user_data"):
            episode.user_data[_KEY] = time.monotonic()
        else:
            self._began[episode.id_] = time.monotonic()

    def on_episode_end(self, *, episode: Any, metrics_logger: Any = None, **kwargs: Any) -> None:
        if isinstance(episode, BaseException):  # the environment failed
            return
        if hasattr(episode, "media"):
            episode.media[_KEY] = {"id": episode.episode_id, **_of_old_stack(episode)}
        elif metrics_logger is not None:
            for name, value in self._of_new_stack(episode).items():
                metrics_logger.log_value((_KEY, name), value, reduce=None, clear_on_reduce=True)

    def on_sample_end(self, *, samples: Any, **kwargs: Any) -> None:
        if not isinstance(samples, list):  # the old stack's batch
            return
        before = self._before
        self._before = {}
        for piece in samples:
            if not piece.is_done:
                reward, steps = self._before.get(piece.id_) or before.get(piece.id_, (0.0, 0))
                self._before[piece.id_] = (reward + piece.get_return(), steps + len(piece))
        if len(self._began) > _UNDER_WAY_MAX:  # of environments that were lost
            self._began = {one: self._began[one] for one in self._before if one in self._began}

    def _of_new_stack(self, episode: Any) -> dict[str, float]:
        reward, steps = self._before.pop(episode.id_, (0.0, 0))
        began = self._began.pop(episode.id_, None)
        infos = episode.get_infos(-1)
        return {
            "total_reward": reward + float(episode.get_return()),
            "steps": float(steps + len(episode)),
            "win": _success(infos if isinstance(infos, Mapping) else {}),
            "truncated": float(episode.is_truncated),
            "duration_s": _seconds_since(began),
        }


def _of_old_stack(episode: Any) -> dict[str, float]:
    agents = list(episode.get_agents())
    infos = {agent: episode.last_info_for(agent) or {} for agent in agents}
    cut = getattr(episode, "_last_truncateds", {})
    return {
        "total_reward": float(episode.total_reward),
        "steps": float(episode.length),
        "win": _success(infos),
        "truncated": float(any(cut.get(agent) for agent in agents)) if cut else math.nan,
        "duration_s": _seconds_since(episode.user_data.get(_KEY)),
    }


def _seconds_since(began: float | None) -> float:
    return math.nan if began is None else round(time.monotonic() - began, 6)


def _success(infos: Mapping[Any, Any]) -> float:
    """is_success of the last info: of the one agent, or the mean of those that tell it."""
    told = [infos] if "is_success" in infos else infos.values()
    shares = [float(one["is_success"]) for one in told
              if isinstance(one, Mapping) and "is_success" in one]  # fmt: skip
    mean = sum(shares) / len(shares) if shares else math.nan
    return mean if 0.0 <= mean <= 1.0 else math.nan


class _Run:
    """One algorithm's run, where the algorithm is."""

    def __init__(self, settings: Mapping[str, Any], algorithm: Any) -> None:
        self.logger = TrainingRunLogger(settings["url"])
        self.logger.create_run(
            algorithm=type(algorithm).__name__,
            config={**algorithm_config(algorithm.config), **settings["config"]}
            if settings["first_episode"] == 1
            else None,  # the run that goes on has its config
            run_id=settings["run_id"],
            **settings["fields"],
        )
        self._episode = settings["first_episode"] - 1
        self._pending = PendingMetrics()
        self._told: set[int] = set()  # ids of episodes: the old stack tells the last 100 again
        self._is_open = True
        self._said: set[str] = set()
        total = settings["total_steps"]
        self._progress = StepProgress(total) if total else None
        algorithm.training_run = self.logger
        self._watch(algorithm)

    def _watch(self, algorithm: Any) -> None:
        """RLlib has no hook for the end of a training, nor for its failure."""
        step, cleanup = algorithm.step, algorithm.cleanup

        def watched_step() -> Any:
            try:
                return step()
            except BaseException as error:
                self._end(error)
                raise

        def watched_cleanup() -> Any:
            self._end(None)
            return cleanup()

        algorithm.step, algorithm.cleanup = watched_step, watched_cleanup

    def _end(self, error: BaseException | None) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._progress is not None:
            self._progress.close()
        if self._pending.left_out:
            self._say_once(f"more metrics than an episode takes: {sorted(self._pending.left_out)}")
        end_run(self.logger, error)
        self.logger.close()

    def iteration(self, result: dict[str, Any]) -> None:
        """Log what the result of one train() tells, and take our part out of it."""
        try:
            self._log(result)
        except Exception as error:  # logging never ends a training
            self._say_once(f"an iteration could not be logged: {error!r}")
        if self.logger.stop_requested:
            result["done"] = True

    def _log(self, result: dict[str, Any]) -> None:
        episodes = [*_told_by_new_stack(result), *self._told_by_old_stack(result)]
        self._pending.put(_learners(result))
        for at, one in enumerate(episodes):
            self._episode += 1
            given = {name: value for name, value in one.items() if not math.isnan(value)}
            own = {name: given.get(name) for name in ("truncated", "duration_s")}
            last = at == len(episodes) - 1
            self.logger.log_episode(
                self._episode,
                total_reward=one["total_reward"],
                steps=int(one["steps"]),
                win=_win(given.get("win")),
                metrics=self._pending.take(own) if last else own,
            )
            if self._progress is not None:
                self._progress.episode(self._episode, one["total_reward"])
        steps = result.get("num_env_steps_sampled_lifetime", result.get("timesteps_total"))
        if self._progress is not None and steps is not None:
            self._progress.at(int(steps))

    def _told_by_old_stack(self, result: dict[str, Any]) -> list[dict[str, float]]:
        media: list[dict[str, Any]] = []
        for place in (result, result.get("sampler_results"), result.get("env_runners")):
            if isinstance(place, dict) and _KEY in place.get("episode_media", {}):
                media = place["episode_media"].pop(_KEY)
        news = [one for one in media if one["id"] not in self._told]
        self._told = {one["id"] for one in media}
        return [{name: one[name] for name in _FIELDS} for one in news]

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.warning("training log: %s", text)


def _told_by_new_stack(result: dict[str, Any]) -> Iterator[dict[str, float]]:
    runners = result.get("env_runners")
    told = runners.pop(_KEY, None) if isinstance(runners, dict) else None
    if isinstance(told, Mapping):
        for values in zip(*(told[name] for name in _FIELDS), strict=True):
            yield dict(zip(_FIELDS, map(float, values), strict=True))


def _learners(result: Mapping[str, Any]) -> dict[str, object]:
    """The learners' figures and RLlib's own averages, by RLlib's names joined with `/`."""
    values: dict[str, object] = {}
    old = result.get("info", {}).get("learner", {})
    for policy, told in {**old, **result.get("learners", {})}.items():
        stats = told.get("learner_stats", told) if isinstance(told, Mapping) else {}
        for name, value in stats.items():
            values[f"learners/{policy}/{name}"] = value
    for name in _AVERAGES:
        averages = result.get("env_runners", result)
        if name in averages:
            values[f"env_runners/{name}"] = averages[name]
    for name in ("num_env_steps_sampled_lifetime", "timesteps_total", "training_iteration"):
        values[name] = result.get(name)
    return values


def _win(share: float | None) -> bool | float | None:
    return share == 1.0 if share in (0.0, 1.0) else share
