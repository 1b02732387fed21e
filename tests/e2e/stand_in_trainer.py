"""
A trainer for tests: called as training-supervisor calls one, it does what its scenario's name says.
Used by test_control.py.
"""

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path


def asked(seconds):
    """Whether the supervisor asked for an end, within so many seconds."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready)


def metrics_of(number):
    """What episode `number` is logged with; test_control.py computes its means from the same."""
    return {
        "total_reward": number * 0.5 - 7,
        "steps": 100 + number % 7,
        "metrics": {
            "cash": 5000.25 + number,
            "invested": number * 3.0,
            "stability": 1 / number,
            **({"goal_adherence": number / 1000} if number % 2 else {}),
        },
    }


def learn(given, pause, halts=False):
    """Log episodes, the last quarter not before the file RUN_ID.go; save when asked to stop."""
    from training_client import TrainingRunLogger

    with TrainingRunLogger(linger_s=0.02, quiet=True) as logger:
        logger.create_run(
            "stand_in",
            "none",
            {"scenario_name": given.scenario, "num_episodes": given.episodes},
            run_id=given.run_id,
            episodes_total=given.episodes,
        )
        for number in range(1, given.episodes + 1):
            logger.log_episode(number, **metrics_of(number))
            print(f"episode {number}", flush=True)
            stop = asked(pause)
            while halts and number * 4 > given.episodes * 3 and not stop:
                if (given.models / f"{given.run_id}.go").exists():
                    break
                stop = asked(pause)
            if stop:
                given.models.mkdir(parents=True, exist_ok=True)
                (given.models / f"{given.run_id}.saved").write_text(str(number))
                logger.update_status("stopped")
                return


def open_run(given):
    """Log a few episodes and leave the run open, as one does that breaks."""
    from training_client import TrainingRunLogger

    logger = TrainingRunLogger(linger_s=0.02, quiet=True)
    logger.create_run("stand_in", "none", {}, run_id=given.run_id)
    for number in range(1, 4):
        logger.log_episode(number, **metrics_of(number))
    assert logger.flush(30)


def flood(given):
    """Say more than anyone keeps."""
    open_run(given)
    for number in range(20_000):
        print(f"line {number} " + "é" * 300)


def wait_for_ever():
    while True:
        time.sleep(60)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--episodes", type=int, required=True)
    parser.add_argument("--save-interval", type=int, required=True)
    parser.add_argument("--eval-episodes", type=int, required=True)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--models", type=Path, required=True)
    given = parser.parse_args()
    print("called with", sys.argv[1:], flush=True)
    match given.scenario:
        case "bologna_coppia" | "pauses":
            learn(given, 0.01, halts=given.scenario == "pauses")
        case "waits":  # until it is asked; opens no run
            sys.stdin.read()
        case "ends":
            pass
        case "deaf":  # does not listen, but obeys SIGTERM
            open_run(given)
            wait_for_ever()
        case "hangs":  # obeys nothing
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            open_run(given)
            wait_for_ever()
        case "breaks":
            open_run(given)
            print("about to break", flush=True)
            os._exit(3)
        case "segfaults":
            open_run(given)
            os.kill(os.getpid(), signal.SIGSEGV)
        case "breaks_early":
            os._exit(4)
        case "forks":  # leaves a process of its own session behind
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            open_run(given)
            sys.stdin.read()
        case "floods":
            flood(given)
        case "tells":  # its environment, but for the key
            print("uri", os.environ.get("MONGODB_URI"), "url", os.environ["TRAINING_URL"])
        case _:
            sys.exit(f"no such scenario: {given.scenario}")


if __name__ == "__main__":
    main()
