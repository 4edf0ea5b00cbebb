"""Going on when the store comes back: the one way in which a worker retries database calls."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from vectorlab.store.failures import StoreUnavailable

FIRST_PAUSE_S = 0.2  # doubles with every failure
LONGEST_PAUSE_S = 60.0

T = TypeVar("T")


def with_retry(
    call: Callable[[], T],
    *,
    wait: Callable[[float], bool] | None = None,
    give_up_after_s: float | None = None,
    longest_pause_s: float = LONGEST_PAUSE_S,
    on_failure: Callable[[StoreUnavailable, float], None] | None = None,
) -> T:
    """Call until the store answers: locked, unreachable, restarting or full, it may come back.

    A commit whose answer was lost may have happened. What is called has to bear that: writes of
    an attempt do, because their guard then finds that the job has ended.

    Args:
        call: Opens its own transaction.
        wait: Lets seconds pass; True means that it is no use to go on. None sleeps.
        give_up_after_s: Seconds after which the last error surfaces; None never gives up.
        longest_pause_s: Most seconds between two calls.
        on_failure: Told the error and the seconds until the next call.

    Raises:
        StoreUnavailable: When it gives up, or ``wait`` says that it is no use.
    """
    began, pause = time.monotonic(), FIRST_PAUSE_S
    while True:
        try:
            return call()
        except StoreUnavailable as exc:
            if give_up_after_s is not None and time.monotonic() - began > give_up_after_s:
                raise
            # Jitter keeps workers that lost the same server from coming back together.
            seconds = min(pause, longest_pause_s) * random.uniform(0.8, 1.2)
            if on_failure is not None:
                on_failure(exc, seconds)
            if (wait or _sleep)(seconds):
                raise
            pause = min(2 * pause, longest_pause_s)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
