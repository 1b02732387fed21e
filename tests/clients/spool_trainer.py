"""A trainer that is told how far to go, saves checkpoints, and goes on from them.

usage: spool_trainer.py RUN_ID CHECKPOINT ATTEMPT; a number a line on stdin: play up to there, then
say so on stdout. Started, killed and started again by test_ten_thousand.py.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

CHECKPOINT_EVERY = 100  # episodes
EPISODE_S = 0.0005


def reward_of(episode: int, attempt: int) -> float:
    """Different in each attempt, so that it shows whose report was kept."""
    return math.nan if episode % 1000 == 0 else episode * 0.1 + attempt * 1e6


def save(checkpoint: Path, played: int) -> None:
    """Whole or not at all: this process may be killed in the middle of it."""
    part = checkpoint.with_name(f"{checkpoint.name}.part")
    part.write_text(str(played))
    part.replace(checkpoint)


def main() -> int:
    from training_client import TrainingRunLogger

    run_id, checkpoint, attempt = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    played = int(checkpoint.read_text()) if checkpoint.exists() else 0
    logger = TrainingRunLogger(quiet=True)
    logger.create_run("spool_trainer", config={"lr": 0.1}, run_id=run_id)
    for line in sys.stdin:
        while played < int(line):
            played += 1
            logger.log_episode(
                played, reward_of(played, attempt), played % 7 + 1, win=played % 3 == 0,
                metrics={"loss": 1 / played, "roi_pct": float(played)},
            )  # fmt: skip
            if played % CHECKPOINT_EVERY == 0:
                save(checkpoint, played)
            time.sleep(EPISODE_S)
        print(played, flush=True)
    logger.update_status("completed")
    return 0 if logger.close(120) else 1


if __name__ == "__main__":
    sys.exit(main())
