"""A worker process that dies at a chosen statement of the transaction that ends its job."""

import os
import threading
from typing import Any

import sqlalchemy as sa

from bench._storm import make_run, make_vector
from vectorlab.store.database import Database
from vectorlab.worker.context import JobContext
from vectorlab.worker.handlers import HANDLERS
from vectorlab.worker.loop import Worker

DIED, WENT_THROUGH = 7, 0


def die_at_every_statement(url: str, job_ids: list[int]) -> None:
    """Work off each job in a process of its own that dies at the next statement; the last lives.

    Call where no database is open: the processes are forked.
    """
    for place, job_id in enumerate(job_ids):
        process = os.fork()
        if process == 0:
            _work_and_die(url, job_id, place)
        _, status = os.waitpid(process, 0)
        if os.waitstatus_to_exitcode(status) == WENT_THROUGH:
            os._exit(place)  # tells how many statements there are
    os._exit(255)


def _work_and_die(url: str, job_id: int, place: int) -> None:
    database = Database.open(url)
    HANDLERS["extract"] = make_vector
    HANDLERS["generate"] = make_run
    _die_in_the_end_of_a_job(database, place)
    Worker(database, device="cpu").work_one(job_id)
    os._exit(WENT_THROUGH)


def _die_in_the_end_of_a_job(database: Database, place: int) -> None:
    """Count what the database is told from the begin of the last transaction on."""
    inside, seen = threading.local(), iter(range(10**6))
    original = JobContext.commit

    def commit(context: JobContext, write: Any) -> None:
        inside.now = True
        original(context, write)
        count()  # after the commit: the result is there although nobody was told
        inside.now = False

    def count(*_: object) -> None:
        if getattr(inside, "now", False) and next(seen) == place:
            os._exit(DIED)

    JobContext.commit = commit  # type: ignore[method-assign]
    for name in ("begin", "before_cursor_execute", "commit"):
        sa.event.listen(database._engine, name, count)
