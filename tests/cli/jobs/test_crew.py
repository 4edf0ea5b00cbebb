"""Workers beside a dashboard: one that dies is replaced, one that was asked to end is not."""

import signal
from types import SimpleNamespace

import pytest

from vectorlab.cli.serving import DEATHS_WITHIN_S, MOST_DEATHS, MOST_WORKERS, Crew


class Street:
    """Where workers come from: process ids from 1, and a clock that a test moves."""

    def __init__(self):
        self.now, self.started, self.died = 0.0, [], []
        self.crew = Crew(start=self._start, on_death=self.died.append, clock=lambda: self.now)

    def _start(self):
        worker = SimpleNamespace(pid=len(self.started) + 1, returncode=None)
        worker.poll = lambda: worker.returncode
        self.started.append(worker)
        return worker

    def end(self, code):
        self.started[-1].returncode = code

    def pass_time(self, seconds):
        for _ in range(int(seconds * 5)):
            self.now += 0.2
            self.crew.look_after()


@pytest.fixture
def street():
    return Street()


def test_a_worker_that_was_killed_is_replaced_after_a_moment_and_its_jobs_let_go(street):
    street.crew.hire()
    street.end(-signal.SIGKILL)
    street.crew.look_after()
    assert street.died == [1]
    assert len(street.started) == 1
    street.pass_time(1.2)
    assert [worker.pid for worker in street.crew.workers] == [2]


@pytest.mark.parametrize("code", [0, 130, -signal.SIGTERM])
def test_a_worker_that_was_asked_to_end_is_not_replaced(street, code):
    street.crew.hire()
    street.end(code)
    street.pass_time(30)
    assert len(street.started) == 1
    assert street.crew.workers == street.died == []


def test_one_that_dies_again_and_again_is_given_up_with_longer_pauses_between(street):
    street.crew.hire()
    moments = []
    for _ in range(MOST_DEATHS + 3):
        street.end(1)
        before = len(street.started)
        street.pass_time(100)
        moments += [len(street.started) - before]
    assert moments == [1] * MOST_DEATHS + [0] * 3
    assert len(street.died) == MOST_DEATHS + 1
    street.crew.hire()  # who presses the button has mended it
    street.end(1)
    street.pass_time(2)
    assert len(street.crew.workers) == 1


def test_deaths_long_ago_do_not_count(street):
    street.crew.hire()
    for _ in range(2 * MOST_DEATHS):
        street.end(1)
        street.pass_time(DEATHS_WITHIN_S + 1)
    assert len(street.started) == 2 * MOST_DEATHS + 1


def test_a_second_press_starts_no_second_worker_unless_another_is_wanted(street):
    street.crew.hire()
    street.crew.hire()
    assert len(street.started) == 1
    for _ in range(2 * MOST_WORKERS):
        street.crew.hire(another=True)
    assert len(street.started) == MOST_WORKERS
