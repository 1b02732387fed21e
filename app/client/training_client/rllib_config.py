"""An RLlib algorithm's settings, as the config of a run. Called by rllib.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training_client.metric_names import number

# Told always; of all others (there are hundreds) those that are not as RLlib has them by itself.
_MAIN = frozenset(
    {"env", "framework", "framework_str", "lr", "gamma", "seed", "num_workers", "num_env_runners",
     "num_envs_per_worker", "num_envs_per_env_runner", "train_batch_size",
     "train_batch_size_per_learner", "rollout_fragment_length"}
)  # fmt: skip
_NO_SETTINGS = frozenset({"callbacks", "callbacks_class", "logger_creator", "_is_frozen"})


def algorithm_config(config: Any) -> dict[str, object]:
    """The settings of an AlgorithmConfig that say what this training is."""
    given = _settings(config)
    usual = _settings(type(config)())
    return {
        name: value
        for name, value in given.items()
        if name in _MAIN or (name not in usual or usual[name] != value)
    }


def _settings(config: Any) -> dict[str, object]:
    return {
        str(name): _plain(value)
        for name, value in config.to_dict().items()
        if name not in _NO_SETTINGS and not str(name).startswith("_")
    }


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(member) for member in value]
    if isinstance(value, type) or callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    as_number = number(value)
    return type(value).__name__ if as_number is None else as_number
