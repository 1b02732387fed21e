"""A Stable-Baselines3 model's hyperparameters, as the config of a run. Called by sb3.py."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Any

from training_client.metric_names import number

_NO_HYPERPARAMETERS = frozenset(
    {"self", "env", "policy", "verbose", "tensorboard_log", "_init_setup_model", "device",
     "monitor_wrapper", "supported_action_spaces"}
)  # fmt: skip


def model_config(model: Any, total_timesteps: int) -> dict[str, object]:
    """What the model's class takes as arguments, by those names, with the values it has now.

    A schedule is its value if that never changes, else `{"initial": …, "final": …}`.
    """
    config: dict[str, object] = {
        "policy": type(model.policy).__name__,
        "environment": environment_id(model.get_env()),
        "n_envs": model.n_envs,
        "total_timesteps": total_timesteps,
    }
    for name in inspect.signature(type(model).__init__).parameters:
        if name not in _NO_HYPERPARAMETERS and hasattr(model, name):
            config[name] = _plain(getattr(model, name))
    return config


def environment_id(env: Any) -> str | None:
    """Such as CartPole-v1; None when the environment was not made by its id."""
    try:
        spec = env.get_attr("spec", 0)[0]
    except Exception:  # an environment of the user's, perhaps in another process
        return None
    return getattr(spec, "id", None)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    if callable(value):
        return _schedule(value)
    if value is None or isinstance(value, str | bool):
        return value
    as_number = number(value)
    return str(value) if as_number is None else as_number


def _schedule(function: Any) -> object:
    """SB3 calls a schedule with the share of the training that remains, from 1 down to 0."""
    try:
        initial, final = float(function(1.0)), float(function(0.0))
    except Exception:  # some other function
        return str(getattr(function, "__name__", type(function).__name__))
    return initial if initial == final else {"initial": initial, "final": final}
