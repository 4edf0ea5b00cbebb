"""Workers that are killed and stopped all the time; ``make chaos`` is the long form."""

import sys

import pytest

from bench._storm import Chaos, run_chaos

SHORT = Chaos(
    jobs=32,
    kill_every_s=0.5,
    stalled_share=0.05,
    real_share=0.05,
    lease_s=1.5,
    step_s=0.02,
    give_up_after_s=240,
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc who is stopped")
def test_nothing_is_lost_and_nothing_done_twice_while_workers_die(database_url: str):
    found = run_chaos(database_url, SHORT)
    assert found.is_clean, found
    assert found.kills > 0
    assert found.stalls > 0
    assert found.lost_attempts > 0
