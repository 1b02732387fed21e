"""YAML files of other tools. Called by wandb.py, mlflow.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training_client.importers.source import Unreadable

_SIZE_MAX = 8 * 1024 * 1024
_NODES_MAX = 200_000


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file. Raises Unreadable."""
    try:
        import yaml
    except ImportError as error:
        raise Unreadable(
            f"{path}: to read it needs the package pyyaml: pip install 'training-client[import]'"
        ) from error
    try:
        with path.open("rb") as file:
            text = file.read(_SIZE_MAX + 1)
        if len(text) > _SIZE_MAX:
            raise Unreadable(f"{path}: more than {_SIZE_MAX} bytes")
        value = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place is not None else ""
        raise Unreadable(f"{path}{line}: it is no YAML") from error
    if not isinstance(value, dict):
        raise Unreadable(f"{path}: it holds no mapping")
    if _nodes(value) > _NODES_MAX:
        raise Unreadable(f"{path}: more than {_NODES_MAX} values")
    return {str(key): member for key, member in value.items()}


def _nodes(value: Any) -> int:
    """How many values there are in value, as often as aliases repeat them; up to a bound."""
    waiting, count = [value], 0
    while waiting and count <= _NODES_MAX:
        count += 1
        inner = waiting.pop()
        if isinstance(inner, dict | list):
            waiting.extend(inner.values() if isinstance(inner, dict) else inner)
    return count
