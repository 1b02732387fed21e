"""Trains an agent to play Blackjack and logs every episode to the training API.

The way of a training: this file → episode_loop.py (plays) → q_learner.py (learns) → back here;
each episode goes to training_client's TrainingRunLogger; at the end → learning_report.py.

Exit codes: 0 completed, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from training_client import TrainingClientError, TrainingRunLogger, Transport
from training_client.run_logger import Status

from agent_config import AgentConfig, BadAgentConfig, read_agent_config
from episode_loop import ENVIRONMENT, Episode, make_environment, play
from learning_report import learning_report
from progress import Progress
from q_learner import QLearner
from schedule import EpsilonSchedule

AGENT_ID = "blackjack_q"
ALGORITHM = "Q-learning"
TIMESTEPS = {"smoke": 25_000, "full": 1_000_000}
STEPS_AN_EPISODE = 1.4  # about; only to place epsilon's end and the checkpoints
CHECKPOINTS = 5  # about so many in a training, and one at its end
EXIT_COMPLETED, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
REPORT_TIMEOUT_S = 30.0
PATIENCE_S = 30.0  # at the end, with an API that was there before
PATIENCE_WITH_NONE_S = 5.0  # and with one that never was


class StopFlag:
    """Set by Ctrl-C or SIGTERM: the training ends after its episode. A second one ends at once."""

    def __init__(self) -> None:
        self.signal = 0
        self._training = True
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        if self.signal or not self._training:
            raise KeyboardInterrupt
        self.signal = signum

    def training_ended(self) -> None:
        """From here on each signal ends what is still waited for."""
        self._training = False


@dataclasses.dataclass
class Training:
    """One training: what is asked for, and how far it came."""

    mode: str
    timesteps: int
    seed: int
    agent: AgentConfig
    models: Path
    quiet: bool
    episodes: int = 0
    played: int = 0  # timesteps

    def run(self, logger: TrainingRunLogger, stop: StopFlag) -> None:
        """Train until done or stopped; the last checkpoint is saved either way."""
        agent = self.agent
        planned_episodes = int(self.timesteps / STEPS_AN_EPISODE) + 1
        env = make_environment(agent.natural)
        learner = QLearner(2, agent.learning_rate, agent.discount, self.seed)
        checkpoint_every = max(planned_episodes // CHECKPOINTS, 1000)
        with Progress(self.timesteps, self.quiet) as progress:
            for episode in play(
                env, learner, self.schedule(planned_episodes), self.timesteps, self.seed
            ):
                self._log(logger, episode)
                progress.show(episode)
                if episode.number % checkpoint_every == 0:
                    self._checkpoint(logger, learner)
                if stop.signal:
                    break
        env.close()
        if self.episodes % checkpoint_every:
            self._checkpoint(logger, learner)

    def schedule(self, planned_episodes: int) -> EpsilonSchedule:
        agent = self.agent
        if agent.epsilon_decay is not None:
            return EpsilonSchedule(agent.epsilon_start, agent.epsilon_end, agent.epsilon_decay)
        middle = planned_episodes // 2
        return EpsilonSchedule.reaching_end_at(agent.epsilon_start, agent.epsilon_end, middle)

    def _log(self, logger: TrainingRunLogger, episode: Episode) -> None:
        self.episodes, self.played = episode.number, episode.timesteps
        logger.log_episode(
            episode.number,
            total_reward=episode.total_reward,
            steps=episode.steps,
            win=episode.win,
            epsilon=episode.epsilon,
            metrics={"td_error": episode.td_error},
        )

    def _checkpoint(self, logger: TrainingRunLogger, learner: QLearner) -> None:
        path = self.models / f"{logger.run_id}" / f"q_table_episode_{self.episodes}.json"
        learner.save(path, self.episodes)
        logger.log_checkpoint(self.episodes, path)

    def config(self) -> dict[str, object]:
        """What the run's page shows: enough to repeat the run."""
        return {
            "mode": self.mode,
            "environment": ENVIRONMENT,
            "total_timesteps": self.timesteps,
            "seed": self.seed,
            **dataclasses.asdict(self.agent),
        }


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    training = training_from_arguments()
    stop = StopFlag()
    logger = TrainingRunLogger(quiet=True)  # this file tells it all
    logger.create_run(AGENT_ID, ALGORITHM, training.config())
    started = time.monotonic()
    if not training.quiet:
        print(f"training run with seed {training.seed}: {logger.url}", flush=True)
    status, code = train(training, logger, stop)
    stop.training_ended()
    seconds = time.monotonic() - started
    arrived = close(logger, training.quiet)
    if not training.quiet:
        print(
            f"{status}: {training.episodes} episodes, {training.played} timesteps"
            f" in {seconds:.1f} s; {logger.delivery.delivered} episodes logged",
            flush=True,
        )
        if arrived:
            report(logger)
    return code


def train(training: Training, logger: TrainingRunLogger, stop: StopFlag) -> tuple[Status, int]:
    """Run the training and end its run; the exit code that goes with how it ended."""
    try:
        training.run(logger, stop)
        stopped = training.played < training.timesteps  # a signal after the last episode is late
    except KeyboardInterrupt:
        stopped = True  # the second one: not even the last checkpoint is saved
    except Exception as error:
        traceback.print_exc()
        logger.update_status("failed", f"{type(error).__name__}: {error}")
        return "failed", EXIT_FAILED
    status: Status = "stopped" if stopped else "completed"
    logger.update_status(status)
    return status, 128 + stop.signal if stopped else EXIT_COMPLETED


def close(logger: TrainingRunLogger, quiet: bool) -> bool:
    """Have the rest of the log sent; True when all of it arrived."""
    try:
        if not logger.flush(1.0) and not quiet:
            print("sending the rest of the log; Ctrl-C gives it up", file=sys.stderr)
        return logger.close(PATIENCE_S if logger.delivery.delivered else PATIENCE_WITH_NONE_S)
    except KeyboardInterrupt:
        return logger.close(0.0)


def report(logger: TrainingRunLogger) -> None:
    """Print what the API has kept of this run."""
    try:
        with Transport(logger.base_url, logger.api_key, REPORT_TIMEOUT_S) as api:
            print(learning_report(api, str(logger.run_id)), flush=True)
    except (TrainingClientError, ValueError) as error:
        print(f"the run could not be read back: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("the run was not read back", file=sys.stderr)


def training_from_arguments() -> Training:
    """What the command line asks for; a wrong one ends the program with a sentence and code 2."""
    parser = argparse.ArgumentParser(
        prog="trainer.py",
        description="Train an agent to play Blackjack; log every episode to the training API"
        " (TRAINING_URL, TRAINING_API_KEY).",
    )
    parser.add_argument("--mode", choices=sorted(TIMESTEPS), required=True,
                        help="smoke: some seconds; full: minutes")  # fmt: skip
    parser.add_argument("--total-timesteps", type=positive, metavar="N",
                        help="environment steps in all (smoke: 25000, full: 1000000)")  # fmt: skip
    parser.add_argument("--seed", type=natural, metavar="N",
                        help="makes a training repeatable (default: random)")  # fmt: skip
    parser.add_argument("--agent-config", type=Path, metavar="FILE",
                        help="JSON: learning_rate, discount, epsilon_start, epsilon_end,"
                        " epsilon_decay, natural")  # fmt: skip
    parser.add_argument("--models", type=Path, default=Path("models"), metavar="DIR",
                        help="where checkpoints are saved (default: models)")  # fmt: skip
    parser.add_argument("--quiet", action="store_true",
                        help="show warnings and errors only")  # fmt: skip
    given = parser.parse_args()
    try:
        agent = read_agent_config(given.agent_config) if given.agent_config else AgentConfig()
        given.models.mkdir(parents=True, exist_ok=True)
    except BadAgentConfig as error:
        fail_usage(str(error))
    except OSError as error:
        fail_usage(f"checkpoints cannot be saved in {given.models}: {error.strerror}")
    return Training(
        mode=given.mode,
        timesteps=given.total_timesteps or TIMESTEPS[given.mode],
        seed=random.SystemRandom().randrange(2**31) if given.seed is None else given.seed,
        agent=agent,
        models=given.models,
        quiet=given.quiet,
    )


def positive(text: str) -> int:
    """argparse's type of --total-timesteps."""
    number = int(text)
    if not 1 <= number <= 10**12:
        raise argparse.ArgumentTypeError("must be from 1 to 10^12")
    return number


def natural(text: str) -> int:
    """argparse's type of --seed."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError("must be from 0 to 2^63 - 1")
    return number


def fail_usage(sentence: str) -> NoReturn:
    print(f"trainer.py: {sentence}", file=sys.stderr)
    sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    sys.exit(main())
