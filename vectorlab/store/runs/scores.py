"""Scores of generations, found again by the content they were made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.scores.catalogue import asks_an_endpoint
from vectorlab.domain.scores.scores import NewScore, Score, StoredScore
from vectorlab.store import evidence, schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches

_scores = schema.scores
_generations = schema.generations
_votes = schema.votes


def generation_ids(tx: Transaction, run_id: int) -> dict[RowKey, int]:
    """Row id of every generation of a run."""
    c = _generations.c
    query = sa.select(c.id, c.prompt, c.arm, c.sample).where(c.run_id == run_id)
    return {
        RowKey(prompt=row.prompt, arm=row.arm, sample=row.sample): row.id
        for row in tx.execute(query.order_by(c.prompt, c.arm, c.sample))
    }


def scored(tx: Transaction, run_id: int) -> dict[tuple[str, str], set[int]]:
    """Ids of the generations of a run that have a score, by scorer and version.

    What an endpoint did not answer is not done: it may answer the next time.
    """
    c = _scores.c
    query = (
        sa.select(c.scorer, c.scorer_version, c.generation_id, c.value)
        .join(_generations)
        .where(_generations.c.run_id == run_id)
    )
    by_scorer: dict[tuple[str, str], set[int]] = {}
    for row in tx.execute(query.where(is_newest(_scores))):
        done = by_scorer.setdefault((row.scorer, row.scorer_version), set())
        if not (row.value is None and asks_an_endpoint(row.scorer)):
            done.add(row.generation_id)
    return by_scorer


def find_by_content(tx: Transaction, hashes: Iterable[str]) -> dict[str, Score]:
    """Values that were made of the same content before; missing ones are tried again."""
    by_hash: dict[str, Score] = {}
    for some in batches(sorted(set(hashes))):
        query = sa.select(_scores).where(
            _scores.c.content_sha256.in_(some), _scores.c.value.is_not(None)
        )
        for row in tx.execute(query.order_by(_scores.c.id)):
            by_hash[row.content_sha256] = _score(row)
    return by_hash


def is_newest(scores: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether no other score of the text by the same scorer supersedes it."""
    newer = _scores.alias()
    return ~sa.exists().where(newer.c.supersedes == scores.c.id)


def put_scores(tx: Transaction, new: Sequence[NewScore]) -> None:
    """Store scores; one that the text has of the same scorer and version is superseded."""
    by_scorer: dict[tuple[str, str], list[NewScore]] = {}
    for new_score in new:
        by_scorer.setdefault((new_score.scorer, new_score.scorer_version), []).append(new_score)
    for (scorer, version), items in by_scorer.items():
        for some in batches(items):
            rows = _rows(some, _newest_ids(tx, scorer, version, some))
            sealed = evidence.seal(tx, _scores, rows)
            tx.execute(_scores.insert().values(created_at=utc_now()), sealed)


def _newest_ids(
    tx: Transaction, scorer: str, version: str, new: Sequence[NewScore]
) -> dict[int, int]:
    c = _scores.c
    query = sa.select(c.generation_id, c.id).where(
        c.generation_id.in_([new_score.generation_id for new_score in new]),
        c.scorer == scorer,
        c.scorer_version == version,
        is_newest(_scores),
    )
    return {row.generation_id: row.id for row in tx.execute(query)}


def _rows(new: Sequence[NewScore], newest: Mapping[int, int]) -> list[dict[str, Any]]:
    return [
        {
            "generation_id": new_score.generation_id,
            "supersedes": newest.get(new_score.generation_id),
            "scorer": new_score.scorer,
            "scorer_version": new_score.scorer_version,
            "value": new_score.score.value,
            "missing_reason": new_score.score.missing_reason,
            "details_json": _storable(new_score.score.details),
            "content_sha256": new_score.content_sha256,
        }
        for new_score in new
    ]


def scores_of_run(
    tx: Transaction, run_id: int, *, scorers: Sequence[str] | None = None
) -> list[StoredScore]:
    """Scores of a run, by scorer, then in the order of ``RunSpec.rows``; newest versions last."""
    c = _generations.c
    query = (
        sa.select(_scores, c.prompt, c.arm, c.sample)
        .join(_generations)
        .where(c.run_id == run_id, is_newest(_scores))
        .order_by(_scores.c.scorer, _scores.c.scorer_version, c.prompt, c.arm, c.sample)
    )
    if scorers is not None:
        query = query.where(_scores.c.scorer.in_(scorers))
    return [
        StoredScore(
            id=row.id,
            generation_id=row.generation_id,
            prompt=row.prompt,
            arm=row.arm,
            sample=row.sample,
            scorer=row.scorer,
            scorer_version=row.scorer_version,
            score=_score(row),
            created_at=row.created_at,
        )
        for row in tx.execute(query)
    ]


def vote_shares(
    tx: Transaction, run_id: int, *, question: str | None
) -> dict[int, tuple[float, int]]:
    """Per generation of a run how many of its blind votes it won (a tie is half), and how many.

    ``neither`` counts as lost by both.
    """
    mine = sa.select(_generations.c.id).where(_generations.c.run_id == run_id)
    query = _votes.select()
    if question is not None:
        query = query.where(_votes.c.question == question)
    shares: dict[int, tuple[float, int]] = {}
    ids = set(tx.scalars(mine))
    for row in tx.execute(query):
        for side in ("left", "right"):
            generation = getattr(row, f"{side}_generation_id")
            if generation in ids:
                won, n = shares.get(generation, (0.0, 0))
                gain = 1.0 if row.choice == side else 0.5 if row.choice == "tie" else 0.0
                shares[generation] = (won + gain, n + 1)
    return shares


def _score(row: sa.Row[Any]) -> Score:
    return Score(value=row.value, missing_reason=row.missing_reason, details=row.details_json)


def _storable(details: Mapping[str, Any]) -> dict[str, Any]:
    """PostgreSQL holds no NUL in a text, nor a lone surrogate."""
    return {
        name: value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
        if isinstance(value, str)
        else value
        for name, value in details.items()
    }
