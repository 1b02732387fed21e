"""AgentExchangeClient and its async twin under one face, so that one test holds both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from agentexchange import AgentExchangeClient, AsyncAgentExchangeClient

KINDS = ("sync", "async")


class Awaited:
    """The async client on a loop of its own: each call returns what it is awaited to."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: AsyncAgentExchangeClient) -> None:
        self._loop = loop
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        return lambda *given, **named: self._loop.run_until_complete(method(*given, **named))

    def iter_training_runs(self, **filters: Any) -> list[Any]:
        async def collect() -> list[Any]:
            return [run async for run in self._client.iter_training_runs(**filters)]

        return self._loop.run_until_complete(collect())


@contextmanager
def client_of(kind: str, *given: Any, **named: Any) -> Iterator[Any]:
    """A client of this kind, closed afterwards."""
    if kind == "sync":
        with AgentExchangeClient(*given, **named) as client:
            yield client
        return
    loop = asyncio.new_event_loop()
    try:
        other = AsyncAgentExchangeClient(*given, **named)
        yield Awaited(loop, other)
        loop.run_until_complete(other.close())
    finally:
        loop.close()
