"""A curve in one line of text. Pure. Called by runs_show.py, runs_watch.py."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-~=+*#"


def sparkline(points: Sequence[tuple[float, float]], width: int, blocks: bool = True) -> str:
    """points (x, y) in order of x, as at most width characters; x is to scale.

    A character is the mean of the values that fall on it; a space, that none does. Values that are
    not finite are left out.
    """
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    if not finite or width < 1:
        return ""
    first, last = finite[0][0], finite[-1][0]
    columns = min(width, len(finite))
    sums, counts = [0.0] * columns, [0] * columns
    for x, y in finite:
        at = int((x - first) / (last - first) * columns) if last > first else 0
        at = min(at, columns - 1)
        sums[at] += y / len(finite)  # so that no sum overflows
        counts[at] += 1
    means = [
        total / count * len(finite) if count else None
        for total, count in zip(sums, counts, strict=True)
    ]
    return _drawn(means, _BLOCKS if blocks else _ASCII)


def _drawn(means: Sequence[float | None], levels: str) -> str:
    there = [mean for mean in means if mean is not None]
    low, high = min(there), max(there)
    span = high / 2 - low / 2  # half of it: high - low may be more than a double holds
    drawn = []
    for mean in means:
        if mean is None:
            drawn.append(" ")
        elif span == 0:
            drawn.append(levels[len(levels) // 2 - 1])
        else:
            share = (mean / 2 - low / 2) / span
            drawn.append(levels[min(int(share * len(levels)), len(levels) - 1)])
    return "".join(drawn)
