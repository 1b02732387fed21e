"""How much the agent explores, by episode. Pure. Called by episode_loop.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpsilonSchedule:
    """start, start × decay, start × decay² …, but never under end."""

    start: float
    end: float
    decay: float  # factor an episode

    @classmethod
    def reaching_end_at(cls, start: float, end: float, episode: int) -> EpsilonSchedule:
        """The schedule that has come down to end at this episode."""
        floor = max(end, 1e-3)  # a geometric decay never reaches 0
        decay = min((floor / start) ** (1.0 / max(episode, 1)), 1.0) if start > 0 else 1.0
        return cls(start, end, decay)

    def at(self, episode: int) -> float:
        """The probability of a random action in this episode, counted from 1."""
        return max(self.end, self.start * self.decay ** (episode - 1))
