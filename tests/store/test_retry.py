"""Calls that outlast a store which is away; no test waits for real."""

import pytest
import sqlalchemy as sa

from vectorlab.errors import StoreError
from vectorlab.store.database import Database, StoreUnavailable
from vectorlab.store.retry import LONGEST_PAUSE_S, with_retry


class Waits:
    """Seconds that were to be waited; says that it is no use after so many."""

    def __init__(self, most: int = 1000) -> None:
        self.seconds: list[float] = []
        self.most = most

    def __call__(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) >= self.most


def failing(times: int):
    left = iter([True] * times)

    def call() -> str:
        if next(left, False):
            raise StoreUnavailable("away")
        return "there"

    return call


def test_a_call_is_repeated_with_growing_pauses_until_the_store_answers():
    waits, told = Waits(), []
    assert (
        with_retry(failing(12), wait=waits, on_failure=lambda *what: told.append(what)) == "there"
    )
    assert len(waits.seconds) == len(told) == 12
    assert waits.seconds[0] < 0.3
    assert waits.seconds[5] > 10 * waits.seconds[0]
    assert all(second <= 1.2 * LONGEST_PAUSE_S for second in waits.seconds)


def test_it_gives_up_when_waiting_is_no_use_or_takes_too_long():
    with pytest.raises(StoreUnavailable):
        with_retry(failing(5), wait=Waits(most=3))
    with pytest.raises(StoreUnavailable):
        with_retry(failing(5), wait=Waits(), give_up_after_s=-1.0)


def test_other_errors_surface_at_once():
    def broken() -> None:
        raise StoreError("no such table")

    with pytest.raises(StoreError, match="no such table"):
        with_retry(broken, wait=Waits(most=0))


def test_a_full_disk_is_a_store_that_may_come_back(sqlite_database: Database):
    """SQLite's own limit on the size of the file, lifted while the call is repeated."""
    limited = True

    def limit(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages if limited else 10**6}")

    sa.event.listen(sqlite_database._engine, "begin", limit)
    said: list[str] = []

    def write() -> None:
        with sqlite_database.write() as tx:
            tx.execute(sa.text("CREATE TABLE large AS SELECT zeroblob(100000) AS data"))

    def free_space(seconds: float) -> bool:
        nonlocal limited
        limited = False
        return False

    with_retry(write, wait=free_space, on_failure=lambda exc, _pause: said.append(str(exc)))
    assert len(said) == 1
    assert "disk is full. Free space on its disk" in said[0]
