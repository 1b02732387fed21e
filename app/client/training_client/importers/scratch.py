"""Values by step and name, on disk while they are gathered, read back in order of step.

For tools whose files hold a metric after the other, or steps in any order. Called by
tensorboard.py, wandb.py, mlflow.py. Next: names.py.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping

from training_client.importers.names import RULES, WELL_KNOWN, WHOLE, assign
from training_client.importers.source import Episode, Findings, Unreadable
from training_client.metric_names import METRICS_MAX

_BATCH = 10_000
_NAMES_MAX = 20_000  # different names that one run's files may hold
_NUMBER_MAX = 2**53 - 1
_CACHE_KIB = 32 * 1024

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE value (
    step INTEGER, name INTEGER, value REAL, time REAL, PRIMARY KEY (step, name)
) WITHOUT ROWID;
"""  # value NULL: NaN, which SQLite does not know; time NULL: not known


class Scratch:
    """One run's values. A later value of the same step and name replaces the earlier one."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._database = sqlite3.connect("", isolation_level=None)  # a file without a name
        self._database.executescript(_TABLES)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("BEGIN")
        self._names: dict[str, int] = {}
        self._added: dict[int, int] = {}
        self._waiting: list[tuple[int, int, float | None, float | None]] = []
        self._lowest = 0

    def close(self) -> None:
        self._database.close()

    def add(self, step: int, name: str, value: float, time: float | None, where: str) -> None:
        """A value; where: for the report, should it not be taken."""
        if not 0 <= step < _NUMBER_MAX:
            self._findings.add("a step that is no episode's number", f"{where} ({step})")
            return
        number = self._names.setdefault(name, len(self._names))
        if number >= _NAMES_MAX:
            raise Unreadable(f"{where}: the run has more than {_NAMES_MAX} different names")
        self._added[number] = self._added.get(number, 0) + 1
        known = time if time is not None and math.isfinite(time) else None
        self._waiting.append((step, number, None if math.isnan(value) else value, known))
        if len(self._waiting) >= _BATCH:
            self._settle()

    def drop_from(self, step: int) -> None:
        """Forget what was added for this step and later ones: the run went back to it."""
        self._settle()
        dropped = self._database.execute("DELETE FROM value WHERE step >= ?", (step,)).rowcount
        if dropped:
            self._findings.add(
                "values that a restart of the run made void", f"step {step}", dropped
            )

    def _settle(self) -> None:
        try:
            self._database.executemany("REPLACE INTO value VALUES (?, ?, ?, ?)", self._waiting)
        except sqlite3.OperationalError as error:
            raise Unreadable(f"there is no room for the run's values on disk ({error})") from error
        self._waiting.clear()

    def settle(self, mapped: Mapping[str, str]) -> dict[str, str]:
        """All is added: name → metric. mapped: --map's wishes."""
        self._settle()
        (lowest,) = self._database.execute("SELECT MIN(step) FROM value").fetchone()
        self._lowest = 0 if lowest is None else lowest
        kept = dict(self._database.execute("SELECT name, COUNT(*) FROM value GROUP BY name"))
        for name, number in self._names.items():
            again = self._added.get(number, 0) - kept.get(number, 0)
            if again > 0:
                self._findings.add(
                    f"{name}: earlier values of a step that has a later one", "", again
                )
        there = [name for name, number in self._names.items() if kept.get(number)]
        return assign(there, mapped, self._fits, self._findings)

    def _fits(self, name: str, metric: str) -> bool:
        if metric in WHOLE:
            unfit = f"value IS NULL OR value < 0 OR value > {_NUMBER_MAX} OR value != ROUND(value)"
        elif metric == "win":
            unfit = "value IS NULL OR value < 0 OR value > 1"
        else:
            return True
        query = f"SELECT EXISTS (SELECT 1 FROM value WHERE name = ? AND ({unfit}))"
        (found,) = self._database.execute(query, (self._names[name],)).fetchone()
        return not found

    def count(self) -> int:
        (count,) = self._database.execute("SELECT COUNT(DISTINCT step) FROM value").fetchone()
        return int(count)

    def episodes(self, assigned: Mapping[str, str]) -> Iterator[Episode]:
        """The steps as episodes; a run that has a step 0 is moved up by one."""
        shift = 1 if self._lowest == 0 else 0
        metrics = {number: assigned.get(name) for name, number in self._names.items()}
        tells_time = "wall_time" not in assigned.values()
        rows = self._database.execute("SELECT step, name, value, time FROM value ORDER BY step")
        step, values, latest = -1, dict[str, float](), -math.inf
        for at, number, value, time in rows:
            if at != step and step >= 0:
                yield step + shift, self._whole(step, values, latest, tells_time)
                values, latest = {}, -math.inf
            step = at
            metric = metrics[number]
            if metric is not None:
                values[metric] = math.nan if value is None else value
            if time is not None:
                latest = max(latest, time)
        if step >= 0:
            yield step + shift, self._whole(step, values, latest, tells_time)

    def _whole(
        self, step: int, values: dict[str, float], latest: float, tells_time: bool
    ) -> dict[str, float]:
        if tells_time and latest > -math.inf:
            values["wall_time"] = latest
        return bounded(values, f"step {step}", self._findings)


def bounded(values: dict[str, float], where: str, findings: Findings) -> dict[str, float]:
    """At most as many custom metrics as an episode may have."""
    if len(values) <= METRICS_MAX:
        return values
    custom = [name for name in values if name not in WELL_KNOWN]
    kept = sorted(custom, key=lambda name: name not in RULES)[:METRICS_MAX]
    for name in set(custom) - set(kept):
        findings.add(f"{name}: an episode holds at most {METRICS_MAX} metrics of one's own", where)
        del values[name]
    return values
