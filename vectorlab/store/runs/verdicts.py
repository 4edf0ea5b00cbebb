"""Verdicts on replays, with every token at which a text left the original's."""

from dataclasses import replace

import sqlalchemy as sa

from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.replays import ReplayOutcome, ReplayVerdict, judge
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.runs.texts import Departure
from vectorlab.store import evidence, schema
from vectorlab.store.database import Transaction

_verdicts = schema.replay_verdicts
_departures = schema.replay_departures


def add(tx: Transaction, verdict: ReplayVerdict) -> None:
    """Keep what comparing a replay with its original found."""
    row = {
        "run_id": verdict.replay_id,
        "verdict": verdict.verdict,
        "rounding_margin": verdict.rounding_margin,
    }
    departures = [
        {
            "prompt": departure.key.prompt,
            "arm": departure.key.arm,
            "sample": departure.key.sample,
            "position": departure.position,
            "original_token_id": departure.original_id,
            "replay_token_id": departure.replay_id,
            "margin": departure.margin,
        }
        for departure in verdict.departures
    ]
    evidence.add_record(tx, _verdicts, row, {_departures: departures})


def find(tx: Transaction, original: GenerationRun, replay: GenerationRun) -> ReplayVerdict | None:
    """What was found when the replay was stored; None if it was not compared then.

    Raises:
        IntegrityError: If the verdict or one of its departures was altered.
    """
    row = tx.execute(_verdicts.select().where(_verdicts.c.run_id == replay.id)).one_or_none()
    if row is None:
        return None
    evidence.check(tx, _verdicts, row)
    query = _departures.select().where(_departures.c.run_id == replay.id)
    departures = [
        _departure(departure) for departure in tx.execute(query.order_by(*_departures.primary_key))
    ]
    return replace(
        judge(original, replay, departures),
        verdict=ReplayOutcome(row.verdict),
        rounding_margin=row.rounding_margin,
    )


def _departure(row: sa.Row[tuple[object, ...]]) -> Departure:
    return Departure(
        key=RowKey(prompt=row.prompt, arm=row.arm, sample=row.sample),
        position=row.position,
        original_id=row.original_token_id,
        replay_id=row.replay_token_id,
        margin=row.margin,
    )
