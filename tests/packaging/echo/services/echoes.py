"""Ask for echoes, and look at them."""

import pandas as pd
from vectorlab.echo.domain.echoes import Echo
from vectorlab.echo.domain.requests import EchoRequest
from vectorlab.echo.store import echoes

from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.store import purge as purging
from vectorlab.store.database import Database


def request_echo(db: Database, called: str, *, actor: str) -> Asked[Echo]:
    """Enqueue the job of an echo."""
    read = job_reader(db, "echo_id", echoes.get)
    with db.write() as tx:
        return ask(
            tx, EchoRequest(called=called), read=read, actor=actor, priority=PRIORITY_INTERACTIVE
        )


def frame(db: Database) -> pd.DataFrame:
    """One row per echo."""
    with db.read() as tx:
        return pd.DataFrame([vars(echo) for echo in echoes.every(tx)])


def purge(db: Database, reference: str, *, cascade: bool = False, actor: str) -> list[str]:
    """Delete an echo for good."""
    with db.write() as tx:
        echo = echoes.get(tx, int(reference))
        return purging.purge_thing(tx, "echo", echo.id, cascade=cascade, actor=actor)
