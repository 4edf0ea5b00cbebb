"""Forms measured in alternating rounds, so that what a machine does meanwhile meets all of them."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Seconds = dict[str, list[float]]  # of every form, round by round


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU time of this process for one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def alternating(forms: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """CPU seconds of every form, after a round to warm up; every other round goes backwards."""
    return told({name: _timed(form) for name, form in forms.items()}, rounds)


def told(forms: Mapping[str, Callable[[], float]], rounds: int) -> Seconds:
    """The same of forms that tell their seconds themselves."""
    seconds: Seconds = {name: [] for name in forms}
    for number in range(rounds + 1):
        for name in list(forms)[:: -1 if number % 2 else 1]:
            seconds[name].append(forms[name]())
    return {name: found[1:] for name, found in seconds.items()}


def ratio_row(
    what: str, ours: Sequence[float], theirs: Sequence[float], goal: float, *, unit: str = "s"
) -> dict[str, Any]:
    """A line of a table: the median of the ratios of the rounds, and from where to where they go.

    A ratio of a round compares what ran close together, so a machine that slows down for a while
    moves it less than it moves medians of times. Where a value is not above zero in nearly every
    round, as a difference of two noisy times may be, the line is not resolved and does not hold.
    """
    resolved = all(_low(values) > 0 for values in (ours, theirs))
    line = {
        "what": what,
        f"ours_{unit}": round(statistics.median(ours), 4),
        f"other_{unit}": round(statistics.median(theirs), 4),
        "limit": goal,
    }
    if not resolved:
        spread = {
            f"{name}_{unit}_range": [round(min(values), 4), round(max(values), 4)]
            for name, values in (("ours", ours), ("other", theirs))
        }
        return {**line, "ratio": None, **spread, "holds": False, "why": "lost in the noise"}
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True) if a > 0 and b > 0)
    ratio = statistics.median(ratios)
    return {
        **line,
        "ratio": round(ratio, 3),
        "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "holds": ratio <= goal,
    }


def _low(values: Sequence[float]) -> float:
    """Where the lowest quarter ends."""
    return sorted(values)[len(values) // 4]


def _timed(form: Callable[[], object]) -> Callable[[], float]:
    return lambda: cpu_seconds(form)
