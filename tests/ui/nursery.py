"""A process that has imported the dashboard and forks itself for every server of it.

It reads requests from its input, each a line of JSON, and answers each with a number:
``["start", {"words": ..., "environment": ..., "log": ...}]`` with the id of a process that runs
``streamlit`` with these words, and ``["stop", {"process": ID}]`` with how that process ended.
It ends with its input.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import sys

from streamlit.web import cli

import ui

ALIVE: set[int] = set()


def warm() -> None:
    """Import what the pages import; they themselves are scripts."""
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        if not module.name.startswith("ui.app"):
            importlib.import_module(module.name)
    gc.freeze()  # what is there by now is shared with every server
    gc.set_threshold(10_000, 10, 10)  # as in the other processes of tests


def start(words: list[str], environment: dict[str, str], log: str) -> int:
    """Fork a server."""
    process = os.fork()
    if process:
        ALIVE.add(process)
        return process
    try:
        _become(environment, log)
        cli.main(words, standalone_mode=False)
    finally:
        os._exit(1)


def _become(environment: dict[str, str], log: str) -> None:
    """What a process started by its name would have: its environment, input and output."""
    with open(log, "wb") as output, open(os.devnull, "rb") as nothing:
        for stream, file in enumerate((nothing, output, output)):
            os.dup2(file.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)


def stop(process: int) -> int:
    """End a server; what it has to keep is in its store."""
    ALIVE.remove(process)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


if __name__ == "__main__":
    warm()
    for line in sys.stdin:
        verb, asked = json.loads(line)
        print({"start": start, "stop": stop}[verb](**asked), flush=True)
    for left in list(ALIVE):
        stop(left)
