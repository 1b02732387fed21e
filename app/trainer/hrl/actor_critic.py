"""A small network that acts and one that judges, learnt by proximal policy optimization (PPO).

The clipped objective is that of Schulman et al., "Proximal Policy Optimization Algorithms" (2017);
advantages are those of "High-Dimensional Continuous Control Using Generalized Advantage
Estimation" (2016). Called by hierarchy.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Numbers = list[float]


@dataclass(frozen=True)
class Hyperparameters:
    hidden: int  # units of each of the two hidden layers
    learning_rate: float
    discount: float  # a decision
    trace_decay: float  # lambda of the advantages
    reward_scale: float  # so that returns are of the order of 1
    clip: float = 0.2  # of the ratio of new to old probability
    epochs: int = 6  # passes over a batch
    minibatch: int = 256  # decisions
    entropy_bonus: float = 0.003
    start_deviation: float = 0.6  # of the exploration
    gradient_max: float = 0.5  # norm


@dataclass
class Trace:
    """The decisions of one episode, in order, and what they brought."""

    observations: list[Numbers] = field(default_factory=list)
    actions: list[Numbers] = field(default_factory=list)
    rewards: Numbers = field(default_factory=list)


@dataclass(frozen=True)
class _Batch:
    observations: Tensor
    actions: Tensor
    log_probabilities: Tensor  # as they were decided
    advantages: Tensor
    returns: Tensor


class ActorCritic:
    """Decides in numbers without bounds; what they mean is the caller's business."""

    def __init__(self, inputs: int, outputs: int, settings: Hyperparameters) -> None:
        """The weights come from torch's generator, as all chance here; seeded, it is the same."""
        self.settings = settings
        self._actor = _network(inputs, settings.hidden, outputs, last_gain=0.01)
        self._critic = _network(inputs, settings.hidden, 1, last_gain=1.0)
        self._log_deviation = nn.Parameter(
            torch.full((outputs,), math.log(settings.start_deviation))
        )
        parameters = itertools.chain(
            self._actor.parameters(), self._critic.parameters(), [self._log_deviation]
        )
        self._parameters = list(parameters)
        self._optimizer = torch.optim.Adam(self._parameters, lr=settings.learning_rate)

    def decide(self, observation: Numbers, explore: bool) -> Numbers:
        """The mean decision, or one drawn around it."""
        with torch.no_grad():
            decision = self._actor(torch.tensor(observation))
            if explore:
                decision = decision + torch.randn_like(decision) * self._log_deviation.exp()
        numbers: Numbers = decision.tolist()
        return numbers

    @property
    def exploration(self) -> float:
        """The mean standard deviation of what is drawn."""
        with torch.no_grad():
            return float(self._log_deviation.exp().mean())

    def learn(self, traces: Sequence[Trace]) -> float:
        """From whole episodes; returns the mean loss of the last pass."""
        batch = self._batch(traces)
        count = len(batch.returns)
        losses: Numbers = []
        for _ in range(self.settings.epochs):
            losses = [
                self._step(batch, chosen)
                for chosen in torch.randperm(count).split(self.settings.minibatch)
            ]
        return math.fsum(losses) / len(losses)

    def state(self) -> dict[str, Any]:
        """What torch.load gives back: the weights, and what is needed to use them."""
        return {
            "actor": self._actor.state_dict(),
            "critic": self._critic.state_dict(),
            "log_deviation": self._log_deviation.detach().clone(),
        }

    def _batch(self, traces: Sequence[Trace]) -> _Batch:
        observations = torch.tensor([one for trace in traces for one in trace.observations])
        actions = torch.tensor([one for trace in traces for one in trace.actions])
        with torch.no_grad():
            values = self._critic(observations).squeeze(-1)
            log_probabilities = self._log_probabilities(observations, actions)
        lengths = [len(trace.rewards) for trace in traces]
        pairs = zip(traces, values.split(lengths), strict=True)
        advantages = torch.tensor(
            [one for trace, worth in pairs for one in self._advantages(trace, worth.tolist())]
        )
        normal = (advantages - advantages.mean()) / (advantages.std(unbiased=False) + 1e-8)
        return _Batch(observations, actions, log_probabilities, normal, advantages + values)

    def _advantages(self, trace: Trace, values: Numbers) -> Numbers:
        """How much better each decision was than expected; nothing follows the last."""
        settings = self.settings
        advantages: Numbers = []
        advantage = next_value = 0.0
        for reward, value in zip(reversed(trace.rewards), reversed(values), strict=True):
            surprise = settings.reward_scale * reward + settings.discount * next_value - value
            advantage = surprise + settings.discount * settings.trace_decay * advantage
            advantages.append(advantage)
            next_value = value
        return advantages[::-1]

    def _step(self, batch: _Batch, chosen: Tensor) -> float:
        """One step of the optimizer; returns the loss."""
        settings = self.settings
        observations, advantages = batch.observations[chosen], batch.advantages[chosen]
        log_probabilities = self._log_probabilities(observations, batch.actions[chosen])
        ratio = (log_probabilities - batch.log_probabilities[chosen]).exp()
        clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip)
        policy_loss = -torch.min(ratio * advantages, clipped * advantages).mean()
        value_error = self._critic(observations).squeeze(-1) - batch.returns[chosen]
        entropy = self._log_deviation.sum()  # of a normal distribution, but for a constant
        loss = policy_loss + 0.5 * value_error.pow(2).mean() - settings.entropy_bonus * entropy
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, settings.gradient_max)
        self._optimizer.step()
        return float(loss.detach())

    def _log_probabilities(self, observations: Tensor, actions: Tensor) -> Tensor:
        distances = (actions - self._actor(observations)) / self._log_deviation.exp()
        constant = 0.5 * math.log(2.0 * math.pi)
        each = -0.5 * distances.pow(2) - self._log_deviation - constant
        return each.sum(-1)


def _network(inputs: int, hidden: int, outputs: int, last_gain: float) -> Any:
    """Two hidden layers; the smaller the last gain, the more alike are the first outputs."""
    sizes = [inputs, hidden, hidden, outputs]
    gains = [math.sqrt(2.0), math.sqrt(2.0), last_gain]
    layers: list[Any] = []
    for (size, next_size), gain in zip(itertools.pairwise(sizes), gains, strict=True):
        layer = nn.Linear(size, next_size)
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])
