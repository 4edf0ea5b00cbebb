"""What is left to be done, and what was tried: of every kind only the newest are looked at."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.overview import NextStep, StepKind, Try
from vectorlab.domain.sets.versions import SHUFFLED_FROM
from vectorlab.domain.vectors.methods import RANDOM_DIRECTION
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.runs import lists

LOOKED_AT = 50  # newest of a kind, so that an answer costs the same in a store of any size
BEGINNING = 200  # characters of a text

_runs = schema.generation_runs
_prompts = schema.run_prompts
_arms = schema.run_arms
_texts = schema.generations
_vectors = schema.steering_vectors
_versions = schema.set_versions
_sets = schema.demonstration_sets
_drafts = schema.set_drafts
_jobs = schema.jobs


def next_steps(tx: Transaction, *, author: str) -> list[NextStep]:
    """What is left to be done, a step of every kind; of drafts those of ``author`` count."""
    found = []
    for kind, query in _queries(author).items():
        rows = tx.execute(query).all()
        if rows:
            first = rows[0]
            found.append(
                NextStep(kind=kind, id=first.id, name=first.name or "", others=len(rows) - 1)
            )
    return found


def tries(tx: Transaction, *, author: str, limit: int) -> list[Try]:
    """The newest tries of somebody that were steered and not kept, newest first.

    The text is that of the last arm: where several strengths were tried at once, the strongest.
    """
    newest = _newest(
        _runs,
        _runs.c.created_by == author,
        _runs.c.name.is_(None),
        _runs.c.replay_of.is_(None),
    )
    last = sa.select(sa.func.max(_arms.c.position)).where(_arms.c.run_id == _runs.c.id)
    steered, plain = _texts.alias(), _texts.alias()
    query = (
        sa.select(
            _runs.c.id.label("run_id"),
            _beginning(_prompts.c.text).label("prompt"),
            _arms.c.label.label("arm"),
            _beginning(steered.c.text).label("text"),
            sa.func.coalesce(_beginning(plain.c.text), "").label("plain"),
        )
        .join(_prompts, sa.and_(_prompts.c.run_id == _runs.c.id, _prompts.c.position == 0))
        .join(
            _arms,
            sa.and_(
                _arms.c.run_id == _runs.c.id,
                _arms.c.position == last.correlate(_runs).scalar_subquery(),
                _arms.c.position > 0,
            ),
        )
        .join(steered, _first_text(steered, _arms.c.position))
        .join(plain, _first_text(plain, 0), isouter=True)
        .where(_runs.c.id.in_(newest), sa.not_(lists.is_kept()))
        .order_by(_runs.c.id.desc())
        .limit(limit)
    )
    return [Try(**row._mapping) for row in tx.execute(query)]


def _queries(author: str) -> dict[StepKind, sa.Select[Any]]:
    """The newest of every kind that something is left to be done to: ids and names."""
    asked: dict[StepKind, Callable[[], sa.Select[Any]]] = {
        StepKind.RETRY: _failed_jobs,
        StepKind.COMMIT: lambda: _drafts_of(author),
        StepKind.EXTRACT: _sets_without_vector,
        StepKind.CALIBRATE: _vectors_without_calibration,
        StepKind.SCORE: lambda: _kept_runs(sa.not_(_has_scores())),
        StepKind.REPLAY: lambda: _kept_runs(sa.not_(_is_replayed())),
    }
    return {kind: query() for kind, query in asked.items()}


def _failed_jobs() -> sa.Select[Any]:
    """Jobs that failed, unless an equal one was asked for later."""
    newest = _newest(_jobs, _jobs.c.state == JobState.FAILED)
    later = _jobs.alias()
    again = sa.exists().where(later.c.spec_sha256 == _jobs.c.spec_sha256, later.c.id > _jobs.c.id)
    return _of(_jobs, _jobs.c.kind, newest).where(sa.not_(again))


def _drafts_of(author: str) -> sa.Select[Any]:
    newest = _newest(_drafts, _drafts.c.author == author, by=_drafts.c.changed_at)
    return (
        sa.select(_drafts.c.id, _sets.c.name)
        .join(_sets, _sets.c.id == _drafts.c.set_id)
        .where(_drafts.c.id.in_(newest))
        .order_by(_drafts.c.changed_at.desc())
    )


def _sets_without_vector() -> sa.Select[Any]:
    """Sets that no vector and no run was made of, nor any other since they came.

    One that a strength was chosen on, or that judged, is of no version on record; what was made
    after it came tells it apart from one that still waits.
    """
    of_set = _versions.c.set_id == _sets.c.id
    joined = (
        sa.select(_vectors.c.id).join(_versions, _versions.c.id == _vectors.c.set_version_id),
        sa.select(_runs.c.id).join(_versions, _versions.c.id == _runs.c.prompt_set_version_id),
    )
    used = [query.where(of_set).correlate(_sets).exists() for query in joined]
    waits = sa.exists().where(of_set, *map(_came_after_all, (_vectors, _runs)))
    newest = sa.select(sa.func.max(_versions.c.number)).where(of_set).correlate(_sets)
    label = _sets.c.name + "@" + sa.cast(newest.scalar_subquery(), sa.Text)
    query = _of(_sets, label, _newest(_sets)).where(waits)
    return query.where(*map(sa.not_, used))


def _came_after_all(made: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a version is younger than everything in that table."""
    newest = sa.select(made.c.created_at).order_by(made.c.id.desc()).limit(1).scalar_subquery()
    return sa.or_(newest.is_(None), newest < _versions.c.created_at)


def _vectors_without_calibration() -> sa.Select[Any]:
    """Vectors that are no controls."""
    calibrated = sa.exists().where(
        schema.calibrations.c.steering_vector_id == _vectors.c.id,
    )
    shuffled = sa.exists().where(
        _versions.c.id == _vectors.c.set_version_id,
        _versions.c.details_json[SHUFFLED_FROM].as_string().is_not(None),
    )
    is_control = sa.or_(_vectors.c.method == RANDOM_DIRECTION, shuffled)
    query = _of(_vectors, _vectors.c.name, _newest(_vectors))
    return query.where(sa.not_(calibrated), sa.not_(is_control))


def _kept_runs(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Kept runs, without replays."""
    newest = _newest(_runs, _runs.c.replay_of.is_(None))
    return _of(_runs, _runs.c.name, newest).where(lists.is_kept(), *conditions)


def _has_scores() -> sa.ColumnElement[bool]:
    """Whether a text of the first prompt has one: a run is scored as a whole."""
    query = sa.select(schema.scores.c.id).join(_texts, _texts.c.id == schema.scores.c.generation_id)
    return (
        query.where(_texts.c.run_id == _runs.c.id, _texts.c.prompt == 0).correlate(_runs).exists()
    )


def _is_replayed() -> sa.ColumnElement[bool]:
    replays = _runs.alias()
    return sa.exists().where(replays.c.replay_of == _runs.c.id)


def _newest(
    table: sa.Table, *conditions: sa.ColumnElement[bool], by: sa.ColumnElement[Any] | None = None
) -> sa.Select[Any]:
    order = table.c.id if by is None else by
    inner = sa.select(table.c.id).where(*conditions).order_by(order.desc()).limit(LOOKED_AT)
    return sa.select(inner.subquery().c.id)


def _of(table: sa.Table, name: sa.ColumnElement[str], among: sa.Select[Any]) -> sa.Select[Any]:
    query = sa.select(table.c.id, name.label("name")).where(table.c.id.in_(among))
    return query.order_by(table.c.id.desc())


def _beginning(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    return sa.func.substr(text, 1, BEGINNING)


def _first_text(texts: sa.FromClause, arm: sa.ColumnElement[int] | int) -> sa.ColumnElement[bool]:
    return sa.and_(
        texts.c.run_id == _runs.c.id,
        texts.c.prompt == 0,
        texts.c.arm == arm,
        texts.c.sample == 0,
    )
