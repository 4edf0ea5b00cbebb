"""What a call tells somebody while it runs, as an iterator."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

Told = TypeVar("Told")
Made = TypeVar("Made")


def stream_callback(
    call: Callable[[Callable[[Told], None]], Made], stop: Callable[[], None]
) -> Generator[Told, None, Made]:
    """Run a call in a thread and yield what it tells; what it returns is the iterator's value.

    Args:
        call: Is given what to tell with. What it raises is raised here.
        stop: Asks the call to end, for when nobody wants the rest.
    """
    updates: SimpleQueue[Told | None] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="streamed") as pool:
        future = pool.submit(call, updates.put)
        future.add_done_callback(lambda _: updates.put(None))
        try:
            while (update := updates.get()) is not None:
                yield update
        except GeneratorExit:
            stop()
            raise
        return future.result()
