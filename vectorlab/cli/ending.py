"""A program that ends when it has said everything.

Python takes every module apart before a process ends, which with torch takes seconds. Nothing here
hangs on that: stores are closed when a command is done, threads are waited for, and what was
registered with ``atexit`` is called before.
"""

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_BROKEN_PIPE = 120  # Python's own code for output that could not be written


@contextmanager
def at_once() -> Iterator[None]:
    """Let the process end right after the block, if that ends it with a number.

    To be entered before anything else that registers with ``atexit``, where the first is called
    last. An exception, and a signal, end the process as they always do.
    """
    codes: list[int] = []
    atexit.register(_leave, codes)
    try:
        yield
    except SystemExit as exc:
        if exc.code is None or isinstance(exc.code, int):
            codes.append(exc.code or 0)
        raise


def _leave(codes: list[int]) -> None:
    if not codes:
        return
    (code,) = codes
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed before the start
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads on, or a command closed it
            code = code or _BROKEN_PIPE
    os._exit(code)
