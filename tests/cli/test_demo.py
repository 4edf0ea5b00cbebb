"""The demo on a store where its names belong to something else."""

import re
import shlex

import pytest

from tests.store.builders import add_model, add_vector
from vectorlab.cli import demo
from vectorlab.lab.session import Session
from vectorlab.services import jobs
from vectorlab.services.database import open_store
from vectorlab.services.sets import sets


class Reached(Exception):
    """The demo waits for a vector, whose name it was given."""


@pytest.fixture
def taken(home):
    """The user's store has a vector of the demo's name, by another model."""
    db = open_store(f"sqlite:///{home / 'vectorlab.db'}")
    with db.write() as tx:
        add_vector(tx, add_model(tx, "older"), name=demo.EXPERIMENTS[0].name)
    yield db
    db.dispose()


def test_where_its_names_are_taken_it_says_what_to_do_and_that_works(cli, taken, home, monkeypatch):
    held = [listed.name for listed, _ in sets.list_sets(taken)]
    said = cli("demo", "--no-serve", code=1).err
    assert (
        f"This store has vector {demo.EXPERIMENTS[0].name} already, not the demo's own"
        in " ".join(said.split())
    )
    assert "--name" not in said
    assert jobs.list_jobs(taken) == []
    assert [listed.name for listed, _ in sets.list_sets(taken)] == held
    [command] = re.findall(r"vectorlab (--db .* demo)$", " ".join(said.split()))

    def waits(session, asked, **_):
        assert asked.job is not None
        raise Reached(session.settings.database_url, asked.job.spec["name"])

    monkeypatch.chdir(home)
    monkeypatch.setattr(Session, "result", waits)
    with pytest.raises(Reached, match=demo.OWN_STORE) as reached:
        cli(*shlex.split(command), "--no-serve")
    assert reached.value.args[1] == demo.EXPERIMENTS[0].name
