"""Nothing that goes wrong in the log may raise into the training: it is said, once a topic."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

log = logging.getLogger("training_client")


class Speaker:
    """Says each topic once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say_once(self, topic: str, text: str, *args: object) -> None:
        if topic not in self._said:
            self._said.add(topic)
            log.warning("training log: " + text, *args)


class Speaks(Protocol):
    _speaker: Speaker


S = TypeVar("S", bound=Speaks)
P = ParamSpec("P")
R = TypeVar("R")


def never_raises(
    default: R,
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """What goes wrong inside the method is logged, once a method, and the default is returned."""

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:
                name = method.__name__
                self._speaker.say_once(name, "%s failed: %r", name, error)
                return default

        return guarded

    return decorate
