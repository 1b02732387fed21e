"""Trains an agent with Stable-Baselines3 and logs every episode to the training API.

Needs `pip install './app/client[sb3]'`. Exit codes: 0 completed, or stopped from the dashboard;
1 failed; 2 wrong usage; 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from pathlib import Path

import stable_baselines3
from stable_baselines3.common.env_util import make_vec_env
from training_client.sb3 import TrainingRunCallback

from stop_signals import StopSignals

ALGORITHMS = ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asked = arguments()
    algorithm = getattr(stable_baselines3, asked.algorithm)
    callback = TrainingRunCallback(
        agent_id=f"{asked.algorithm.lower()}_{asked.env}",
        config={"seed": asked.seed},
        tags=["sb3"],
        run_id=asked.run_id,
        resume=asked.resume is not None,
        checkpoint_dir=asked.models,
        checkpoint_every_steps=asked.checkpoint_every,
        save_replay_buffer=True,
        quiet=asked.quiet,
    )
    stop = StopSignals(callback.stop)
    try:
        with callback:
            env = make_vec_env(asked.env, n_envs=asked.envs, seed=asked.seed)
            if asked.resume:
                model = algorithm.load(asked.resume, env=env)
            else:
                model = algorithm("MlpPolicy", env, seed=asked.seed)
            model.learn(asked.timesteps, callback=callback, reset_num_timesteps=not asked.resume)
    except KeyboardInterrupt:
        return stop.exit_code
    except Exception:
        traceback.print_exc()
        return 1
    return stop.exit_code


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sb3_train.py",
        description="Train with Stable-Baselines3; log every episode to the training API"
        " (TRAINING_URL, TRAINING_API_KEY).",
    )
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="PPO")
    parser.add_argument("--env", default="CartPole-v1", help="a Gymnasium environment's id")
    parser.add_argument("--envs", type=int, default=4, help="so many at a time (4)")
    parser.add_argument("--timesteps", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--checkpoint-every", type=int, default=10_000, help="steps (10 000)")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--resume", type=Path, default=None, metavar="CHECKPOINT",
                        help="go on with the run in which this was saved")  # fmt: skip
    parser.add_argument("--run-id", default=None, help="of a new run (default: made up)")
    parser.add_argument("--quiet", action="store_true", help="warnings only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
