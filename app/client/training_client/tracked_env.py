"""For packages with environments of their own: gymnasium.make takes the tracker's options.

register_tracked("Btc-v0", "my_package.btc:BtcEnv", max_episode_steps=1000)

env = gymnasium.make("Btc-v0", track_training=True, strategy_label="ppo_v1")
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator

from training_client.run_reporter import TrackerOptions
from training_client.tracker import OPTIONS_ATTRIBUTE, TrainingTracker

MakeEnv = Callable[..., gymnasium.Env[Any, Any]]


def register_tracked(env_id: str, entry_point: MakeEnv | str, **registration: Any) -> None:
    """As gymnasium.register, with a TrainingTracker around the environment's other wrappers.

    Around TimeLimit, too: what that one cuts off is an episode. An option of the tracker goes to
    the environment as well if its constructor names it.
    """
    around = (*registration.pop("additional_wrappers", ()), TrainingTracker.wrapper_spec())
    creator = TrackedEntryPoint(entry_point)
    gymnasium.register(env_id, creator, additional_wrappers=around, **registration)


class TrackedEntryPoint:
    """Makes the environment without the tracker's options, which wait for the tracker on it."""

    def __init__(self, entry_point: MakeEnv | str) -> None:
        make_env: Any = entry_point
        if isinstance(entry_point, str):
            make_env = load_env_creator(entry_point)
        self._make_env: MakeEnv = make_env
        if hasattr(make_env, "metadata"):
            self.metadata = make_env.metadata  # gymnasium.make looks there for render modes

    def __call__(self, **kwargs: Any) -> gymnasium.Env[Any, Any]:
        ours = TrackerOptions.__annotations__
        taken = inspect.signature(self._make_env).parameters
        env = self._make_env(
            **{name: value for name, value in kwargs.items() if name not in ours or name in taken}
        )
        options = {name: value for name, value in kwargs.items() if name in ours}
        setattr(env.unwrapped, OPTIONS_ATTRIBUTE, options)
        return env
