"""Ending a worker: finish the batch at hand, give the job back, be gone within ten seconds.

Signals are read by a thread from a pipe that the interpreter's C handler writes to, so that a
request to end is heard while the main thread is deep inside a long computation.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HURRY_AFTER_S = 4.0  # a batch that takes longer is left in the middle
EXIT_AFTER_S = 8.0  # whatever happens, the process is gone then
INTERRUPTED = 130  # exit code


class Stopping:
    """What is asked of a worker that is to end."""

    def __init__(self, asked: threading.Event | None = None) -> None:
        self.asked = asked or threading.Event()  # finish the batch, hand the job back, end
        self.hurry = threading.Event()  # hand the job back now

    def ask(self) -> None:
        """Ask for the end after the batch at hand."""
        self.asked.set()

    def wait(self, seconds: float) -> bool:
        """Let seconds pass; True as soon as the end is near."""
        return self.hurry.wait(seconds)


@contextmanager
def signals_stop(
    stopping: Stopping, *, abandon: Callable[[], None], announce: Callable[[str], None]
) -> Iterator[None]:
    """Let SIGINT, SIGTERM and a closed terminal end the worker within the block.

    The first asks; a second, or ``EXIT_AFTER_S`` without effect, ends the process at once. Call
    from the main thread.

    Args:
        stopping: Set as time goes by.
        abandon: Hands back what is being worked on, from another thread and in a moment; what it
            does not get done is done by the lapse of the lease.
        announce: Given one line for people at each step.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    watcher = threading.Thread(
        target=_watch, args=(reader, stopping, abandon, announce), name="signals", daemon=True
    )
    numbers = [signal.SIGINT, signal.SIGTERM]
    numbers += [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []
    wakeup_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    before = [signal.signal(number, lambda _number, _frame: None) for number in numbers]
    watcher.start()
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup_before)
        writer.close()
        watcher.join()
        reader.close()


def _watch(
    reader: socket.socket,
    stopping: Stopping,
    abandon: Callable[[], None],
    announce: Callable[[str], None],
) -> None:
    if not _next_signal(reader, None):
        return
    asked_at = time.monotonic()
    announce("Stopping after the batch at hand. Ctrl-C again stops at once.")
    stopping.ask()
    for seconds in (HURRY_AFTER_S, EXIT_AFTER_S):
        heard = _next_signal(reader, asked_at + seconds)
        if heard is False:
            return
        if heard:
            break
        stopping.hurry.set()
    announce("Stopped at once; the job goes back to the queue.")
    exit_now(abandon)


def exit_now(abandon: Callable[[], None]) -> None:
    """End the process without waiting for the thread that computes."""
    helper = threading.Thread(target=abandon, name="abandon", daemon=True)
    helper.start()
    helper.join(1.0)
    os._exit(INTERRUPTED)


def _next_signal(reader: socket.socket, until: float | None) -> bool | None:
    """True for a signal, None when the time is over, False when the block was left."""
    reader.settimeout(None if until is None else max(0.001, until - time.monotonic()))
    with suppress(TimeoutError):
        return bool(reader.recv(1))
    return None
