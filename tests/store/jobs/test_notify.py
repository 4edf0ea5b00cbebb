"""Idle workers are woken by a commit, and by nothing else."""

import time
from contextlib import closing

from tests.store.builders import add_model
from vectorlab.store.database import Database
from vectorlab.store.jobs.notify import open_waker, wake_workers


def test_a_commit_ends_a_wait_and_without_one_it_lasts_as_long_as_was_asked(database: Database):
    with closing(open_waker(database, "default")) as waker:
        assert waker.wait(5, lambda: False)  # what came before is looked for once
        began = time.monotonic()
        assert not waker.wait(0.3, lambda: False)
        assert time.monotonic() - began > 0.29
        with database.write() as tx:
            add_model(tx)
            wake_workers(tx, "default")
        assert waker.wait(60, lambda: False)
        assert not waker.wait(60, lambda: True)  # nobody wants to know any more
