"""From the global options of a call to an open store, or to a ``Lab``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import typer

from vectorlab.cli.output import show_queued, stderr

if TYPE_CHECKING:
    from vectorlab.config import Settings
    from vectorlab.domain.jobs.jobs import Job
    from vectorlab.lab import Lab
    from vectorlab.services.asking import Asked
    from vectorlab.services.database import Database


T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """Global options of one call."""

    database_url: str | None
    debug: bool


def settings(context: typer.Context) -> "Settings":
    """Where the store is, by option, environment or default."""
    from vectorlab.config import Settings

    return Settings.from_environment(database_url=_options(context).database_url)


def open_store(context: typer.Context) -> "Database":
    """The store of this call, for a command that looks and asks for nothing."""
    from vectorlab.services import database

    db = database.open_store(settings(context).database_url)
    context.call_on_close(db.dispose)
    return db


def open_lab(context: typer.Context) -> "Lab":
    """The lab on the store of this call."""
    from vectorlab.lab import Lab

    lab = Lab(_options(context).database_url, listener=say)
    context.call_on_close(lab.close)
    return lab


def say(_done: int, _total: int | None, note: str) -> None:
    """Say on stderr what takes a while, where nobody draws a bar; nothing without a terminal."""
    if stderr.is_terminal:
        stderr.print(f"{note} ...", style="dim", markup=False, highlight=False)


def say_usual(sentences: Sequence[str]) -> None:
    """Say on stderr where vectors act because nobody said where."""
    for sentence in sentences:
        stderr.print(f"{sentence}.", markup=False, highlight=False)


def wait(lab: "Lab", job_id: int) -> "Job":
    """Wait for a job behind a progress bar."""
    from vectorlab.cli.progress import progress
    from vectorlab.services import jobs

    queue = jobs.get(lab.db, job_id).queue
    alive = [worker.id for worker in jobs.workers(lab.db) if worker.alive and worker.queue == queue]
    if alive:
        stderr.print(f"Job {job_id} waits for worker {alive[0]}; without it, it is done here.")
    try:
        with progress() as listener:
            lab.listener = listener
            return lab.wait(job_id)
    except KeyboardInterrupt:
        state = jobs.get(lab.db, job_id).state
        stderr.print(
            f"Interrupted. Job {job_id} is {state}. Go on: vectorlab jobs wait {job_id}; "
            f"or drop it: vectorlab jobs cancel {job_id}"
        )
        raise


def finish(
    lab: "Lab",
    request: "Asked[T]",
    show: Callable[[T], None],
    *,
    describe: Callable[[T], str],
    detach: bool,
    as_json: bool,
) -> T | None:
    """Print what was asked for: found, or made by its job behind a progress bar.

    Args:
        lab: Works the job off where no worker is alive.
        request: What an equal request made, or the job.
        show: Prints it.
        describe: What is said of one that was found, such as ``"run 3 answers an equal request"``.
        detach: Print the id of the job and return.
        as_json: Print it as JSON.

    Returns:
        What was printed, or None where nobody waits for it.
    """
    if request.job is not None and detach:
        show_queued(request.job.id, as_json=as_json)
        return None
    if request.found is not None:
        stderr.print(f"Found, not computed: {describe(request.found)}.")
    answer = request.answer(lambda job_id: wait(lab, job_id))
    show(answer)
    return answer


def _options(context: typer.Context) -> Options:
    options = context.find_object(Options)
    assert options is not None, "the root callback always runs first"
    return options
