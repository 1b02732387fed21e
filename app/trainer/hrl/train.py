"""Trains two agents, a strategist and an executor, to run a household's budget.

Started by people and by training-supervisor, with TRAINING_URL and TRAINING_API_KEY in the
environment. The way of a training: this file → hierarchy.py (plays, learns) → household_env.py;
each episode goes to training_client's TrainingRunLogger, the models to model_files.py; at the end →
evaluation.py.

Exit codes: 0 completed, or stopped through standard input; 1 failed; 2 wrong usage; 130 stopped by
Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

try:
    import torch
except ModuleNotFoundError:
    sys.exit("train.py: there is no PyTorch; root gets it by: apt-get install python3-torch")

from training_client import TrainingClientError, TrainingRunLogger, Transport
from training_client.run_logger import Status

from evaluation import Evaluation, evaluate, send_evaluation
from hierarchy import Hierarchy, HierarchySettings, Life
from household_env import HouseholdEnv
from model_files import HistoryFile, InUse, ModelFiles
from scenario import BadScenario, Scenario, read_scenario
from stop import Stop
from training_progress import Progress

ALGORITHM = "hierarchical PPO"
SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
EXIT_FAILED, EXIT_USAGE = 1, 2
SEND_TIMEOUT_S = 10.0
FLUSH_S = 0.2  # after which a wish to stop is looked for
PATIENCE_S = 30.0  # at the end, with an API that was there before
PATIENCE_WITH_NONE_S = 5.0  # and with one that never was


@dataclass
class Training:
    """One training: what is asked for, and how far it came."""

    scenario: Scenario
    episodes: int
    save_interval: int
    eval_episodes: int
    seed: int
    run_id: str | None
    models: Path
    settings: HierarchySettings = field(default_factory=HierarchySettings)
    played: int = 0
    best_score: float = float("-inf")

    def run(self, files: ModelFiles, logger: TrainingRunLogger, stop: Stop) -> None:
        """Train until done or stopped, save, and evaluate unless stopped."""
        torch.set_num_threads(1)  # more make such small networks slower
        torch.manual_seed(self.seed)
        agents = Hierarchy(self.settings)
        about = {"scenario": self.scenario.name, "run_id": logger.run_id, "seed": self.seed}
        history = files.history(about | {"config": self.config()})
        self._train(agents, _Log(files, history, logger, about), stop)
        last = files.save_checkpoint("final", agents, about | {"episode": self.played})
        files.save_models(agents, about | {"episode": self.played})
        logger.log_checkpoint(self.played, last)
        evaluation = None
        if not stop.wanted:
            evaluation = evaluate(
                agents, self.scenario, self.eval_episodes, self.seed + 1, last, stop
            )
        if evaluation is not None:
            tell(evaluation, logger, stop)
        history.finish(
            {
                "status": "stopped" if stop.wanted else "completed",
                "evaluation": asdict(evaluation) if evaluation else None,
            }
        )

    def _train(self, agents: Hierarchy, log: _Log, stop: Stop) -> None:
        env = HouseholdEnv(self.scenario)
        with Progress(self.episodes) as progress:
            for number in range(1, self.episodes + 1):
                life = agents.live(env, explore=True, seed=self.seed if number == 1 else None)
                self.played = number
                log.episode(number, life, agents)
                progress.show(number, life)
                ends = number == self.episodes or stop.wanted
                if number % self.save_interval == 0:
                    log.checkpoint(f"episode_{number}", number, agents)
                if number % self.save_interval == 0 or ends:
                    self._save_if_best(progress.recent_reward(), agents, log)
                if ends:
                    break

    def _save_if_best(self, score: float, agents: Hierarchy, log: _Log) -> None:
        if score > self.best_score:
            self.best_score = score
            log.checkpoint("best", self.played, agents)

    def config(self) -> dict[str, Any]:
        """What the run's page shows: enough to repeat the run."""
        return {
            "scenario_name": self.scenario.name,
            "num_episodes": self.episodes,
            "save_interval": self.save_interval,
            "eval_episodes": self.eval_episodes,
            "seed": self.seed,
            "scenario": asdict(self.scenario),
            "agents": self.settings.as_config(),
        }


@dataclass(frozen=True)
class _Log:
    """Where a training's episodes and checkpoints are noted: on the disk and at the API."""

    files: ModelFiles
    history: HistoryFile
    logger: TrainingRunLogger
    about: dict[str, Any]

    def episode(self, number: int, life: Life, agents: Hierarchy) -> None:
        metrics = {
            "cash": life.cash,
            "invested": life.invested,
            "stability": life.stability,
            "goal_adherence": life.goal_adherence,
            "exploration": agents.executor.exploration,
            **agents.losses,
        }
        self.history.add(
            {"episode": number, "total_reward": life.total_reward, "steps": life.steps,
             "win": life.win, **metrics}
        )  # fmt: skip
        self.logger.log_episode(
            number, total_reward=life.total_reward, steps=life.steps, win=life.win, metrics=metrics
        )

    def checkpoint(self, name: str, number: int, agents: Hierarchy) -> None:
        path = self.files.save_checkpoint(name, agents, self.about | {"episode": number})
        self.logger.log_checkpoint(number, path)


def tell(evaluation: Evaluation, logger: TrainingRunLogger, stop: Stop) -> None:
    """Print the evaluation and store it with the run."""
    print(
        f"evaluation: {evaluation.games_played} episodes,"
        f" mean reward {evaluation.avg_reward:+.2f}, goal reached {evaluation.win_rate:.1%}",
        flush=True,
    )
    deadline = time.monotonic() + patience(logger)
    while not (arrived := logger.flush(FLUSH_S)) and time.monotonic() < deadline:
        if stop.wanted:
            break
    if not arrived:
        print("the evaluation is not sent: the API is away", file=sys.stderr)
        return
    try:
        with Transport(logger.base_url, logger.api_key, SEND_TIMEOUT_S) as api:
            send_evaluation(api, str(logger.run_id), evaluation)
    except TrainingClientError as error:
        print(f"the evaluation could not be stored: {error}", file=sys.stderr)


def patience(logger: TrainingRunLogger) -> float:
    """How long an API that is away is waited for, in seconds."""
    return PATIENCE_S if logger.delivery.delivered else PATIENCE_WITH_NONE_S


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    training = training_from_arguments()
    try:
        files = ModelFiles(training.models, training.scenario.name)
    except InUse as error:
        fail_usage(str(error))
    except OSError as error:
        fail_usage(f"models cannot be saved in {training.models}: {error.strerror}")
    stop = Stop()
    logger = TrainingRunLogger(quiet=True)  # this file tells it all
    logger.create_run(
        f"hrl_{training.scenario.name}",
        ALGORITHM,
        training.config(),
        training.run_id,
        episodes_total=training.episodes,
        tags=["hrl", training.scenario.name],
    )
    started = time.monotonic()
    print(f"training run with seed {training.seed}: {logger.url}", flush=True)
    with files:
        status, code = train(training, files, logger, stop)
    stop.training_ended()
    seconds = time.monotonic() - started
    close(logger)
    print(
        f"{status}: {training.played} episodes in {seconds:.1f} s;"
        f" {logger.delivery.delivered} episodes logged",
        flush=True,
    )
    return code


def train(
    training: Training, files: ModelFiles, logger: TrainingRunLogger, stop: Stop
) -> tuple[Status, int]:
    """Run the training and end its run; the exit code that goes with how it ended."""
    try:
        training.run(files, logger, stop)
    except KeyboardInterrupt:
        pass  # the second one: not even the last checkpoint is saved
    except Exception as error:
        traceback.print_exc()
        logger.update_status("failed", f"{type(error).__name__}: {error}")
        return "failed", EXIT_FAILED
    status: Status = "stopped" if stop.wanted else "completed"
    logger.update_status(status)
    return status, stop.exit_code


def close(logger: TrainingRunLogger) -> None:
    """Have the rest of the log sent."""
    try:
        if not logger.flush(1.0):
            print("sending the rest of the log; Ctrl-C gives it up", file=sys.stderr, flush=True)
        logger.close(patience(logger))
    except KeyboardInterrupt:
        logger.close(0.0)


def training_from_arguments() -> Training:
    """What the command line asks for; a wrong one ends the program with a sentence and code 2."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train a strategist and an executor to run a household's budget; log every"
        " episode to the training API (TRAINING_URL, TRAINING_API_KEY).",
    )
    parser.add_argument("--scenario", required=True, metavar="NAME",
                        help="a file of app/trainer/scenarios, or of the folder"
                        " TRAINING_SCENARIOS, without .yaml")  # fmt: skip
    parser.add_argument("--episodes", type=positive, default=1000, metavar="N",
                        help="default: 1000")  # fmt: skip
    parser.add_argument("--save-interval", type=positive, default=100, metavar="N",
                        help="episodes from checkpoint to checkpoint (default: 100)")  # fmt: skip
    parser.add_argument("--eval-episodes", type=positive, default=10, metavar="N",
                        help="played at the end, without exploring (default: 10)")  # fmt: skip
    parser.add_argument("--seed", type=natural, metavar="N",
                        help="makes a training repeatable (default: random)")  # fmt: skip
    parser.add_argument("--run-id", metavar="ID",
                        help="the run to log to (default: a new one)")  # fmt: skip
    parser.add_argument("--models", type=Path, default=Path("models"), metavar="DIR",
                        help="where models are saved (default: models)")  # fmt: skip
    given = parser.parse_args()
    try:
        folder = Path(os.environ.get("TRAINING_SCENARIOS") or SCENARIOS)
        scenario = read_scenario(folder, given.scenario)
    except BadScenario as error:
        fail_usage(str(error))
    return Training(
        scenario=scenario,
        episodes=given.episodes,
        save_interval=given.save_interval,
        eval_episodes=given.eval_episodes,
        seed=random.SystemRandom().randrange(2**31) if given.seed is None else given.seed,
        run_id=given.run_id,
        models=given.models,
    )


def positive(text: str) -> int:
    """argparse's type of a count."""
    number = int(text)
    if not 1 <= number <= 10**6:
        raise argparse.ArgumentTypeError("must be from 1 to 1000000")
    return number


def natural(text: str) -> int:
    """argparse's type of --seed."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError("must be from 0 to 2^63 - 1")
    return number


def fail_usage(sentence: str) -> NoReturn:
    print(f"train.py: {sentence}", file=sys.stderr)
    sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    sys.exit(main())
