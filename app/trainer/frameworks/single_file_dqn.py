"""A deep Q-learner in one file, as such scripts are: settings on top, one loop, no framework.

What logging takes is marked `training log`; the same few lines go into CleanRL's own scripts (see
"CleanRL" in app/client/README.md). Needs Gymnasium and PyTorch; runs with old Gymnasium (0.28,
statistics in infos["final_info"]) and new (1.x, in infos["episode"]).

Exit codes: 0 completed, or stopped from the dashboard; 1 failed; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import copy
import logging
import random
import sys
import time
from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from training_client import TrainingRunLogger  # training log
from training_client.finished_episodes import finished_episodes  # training log

RESETS_IN_A_STEP_OF_ITS_OWN = not gym.__version__.startswith("0.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a deep Q-learner in several environments.")
    parser.add_argument("--env-id", default="CartPole-v1")
    parser.add_argument("--num-envs", type=int, default=2)
    parser.add_argument("--total-timesteps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--memory", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-starts", type=int, default=500)
    parser.add_argument("--train-every", type=int, default=4, help="steps")
    parser.add_argument("--target-every", type=int, default=500, help="steps")
    parser.add_argument("--run-id", default=None)
    return parser.parse_args()


def network(observations: int, actions: int) -> Any:
    return nn.Sequential(nn.Linear(observations, 64), nn.Tanh(), nn.Linear(64, actions))


def epsilon(step: int, args: argparse.Namespace) -> float:
    """From 1 to 0.05 in the first half."""
    half = 0.5 * float(args.total_timesteps)
    return max(1.0 - 0.95 * step / half, 0.05)


def learn(
    memory: deque[Any], value: Any, target: Any, optimizer: Any,
    args: argparse.Namespace,
) -> float:  # fmt: skip
    """One step of gradient descent on transitions that were seen before; its loss."""
    batch = random.sample(memory, args.batch_size)
    seen, action, reward, following, over = (torch.tensor(np.array(x)) for x in zip(*batch))  # noqa: B905
    with torch.no_grad():
        best = target(following).max(dim=1).values
        wanted = reward + args.gamma * best * (1.0 - over)
    now = value(seen).gather(1, action[:, None])[:, 0]
    loss: torch.Tensor = nn.functional.smooth_l1_loss(now, wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss)


def train(args: argparse.Namespace, logger: TrainingRunLogger) -> None:
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    envs = gym.vector.SyncVectorEnv(
        [
            lambda: gym.wrappers.RecordEpisodeStatistics(gym.make(args.env_id))
            for _ in range(args.num_envs)
        ]
    )
    observation_space: Any = envs.single_observation_space
    action_space: Any = envs.single_action_space
    value = network(observation_space.shape[0], int(action_space.n))
    target = copy.deepcopy(value)
    optimizer = torch.optim.Adam(value.parameters(), lr=args.learning_rate)
    memory: deque[Any] = deque(maxlen=args.memory)
    loss, episode, began = 0.0, 0, time.monotonic()
    observations, _ = envs.reset(seed=args.seed)
    reset_now = np.zeros(args.num_envs, dtype=bool)  # their next step only resets
    for step in range(args.num_envs, args.total_timesteps + 1, args.num_envs):
        explore = epsilon(step, args)
        with torch.no_grad():
            actions = value(torch.tensor(observations)).argmax(dim=1).numpy()
        random_ones = np.random.default_rng([args.seed, step]).random(args.num_envs) < explore
        actions = np.where(random_ones, envs.action_space.sample(), actions)
        following, rewards, terminated, truncated, infos = envs.step(actions)

        last = following.copy()
        for index in np.flatnonzero(infos.get("_final_observation", [])):
            last[index] = infos["final_observation"][index]  # following has a new episode's first
        for index in np.flatnonzero(~reset_now):
            memory.append((observations[index], int(actions[index]), np.float32(rewards[index]),
                           last[index], np.float32(terminated[index])))  # fmt: skip
        if RESETS_IN_A_STEP_OF_ITS_OWN:
            reset_now = terminated | truncated
        observations = following
        if step >= args.learning_starts and (step // args.num_envs) % args.train_every == 0:
            loss = learn(memory, value, target, optimizer, args)
        if step % args.target_every < args.num_envs:
            target.load_state_dict(value.state_dict())

        for info in finished_episodes(infos):  # training log, from here to the end of the loop
            episode += 1
            logger.log_episode(
                episode, info.total_reward, info.steps, win=info.win, epsilon=explore,
                metrics={
                    "losses/td_loss": loss,
                    "charts/SPS": step / (time.monotonic() - began),
                    "global_step": step,
                },
            )  # fmt: skip
        if logger.stop_requested:
            break
    envs.close()


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    args = arguments()
    try:
        with TrainingRunLogger() as logger:  # training log
            logger.create_run(  # training log
                agent_id=f"dqn_{args.env_id}",
                algorithm="DQN",
                config=vars(args),
                run_id=args.run_id,
            )
            train(args, logger)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
