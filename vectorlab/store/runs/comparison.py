"""Runs side by side, read a page at a time: the database aligns, filters and sorts."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.runs.comparison import (
    LENGTH,
    LOG_PROBABILITY,
    Cell,
    Column,
    ComparedRow,
    Criterion,
    Order,
    Question,
    Shown,
)
from vectorlab.domain.scores.statistics import NOISE
from vectorlab.domain.ties import TOLERANCE
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.runs.scores import is_newest

_prompts = schema.run_prompts
_generations = schema.generations
_runs = schema.generation_runs
_scores = schema.scores

_RUNS_APART = 2**32  # places of one run stand before those of the next


def measures(tx: Transaction, run_ids: Sequence[int]) -> list[Criterion]:
    """What generations of those runs can be judged by; scores by name and version.

    A scorer is looked for at every generation of the runs, so its absence costs as many looks.
    """
    query = (
        sa.select(_scores.c.scorer, _scores.c.scorer_version)
        .join(_generations, _generations.c.id == _scores.c.generation_id)
        .where(_generations.c.run_id.in_(run_ids))
        .distinct()
        .order_by(_scores.c.scorer, _scores.c.scorer_version)
    )
    scored = [Criterion(name=row.scorer, version=row.scorer_version) for row in tx.execute(query)]
    return [LOG_PROBABILITY, LENGTH, *scored]


def count_rows(tx: Transaction, question: Question) -> int:
    """How many rows pass the filter."""
    rows = _rows(tx, question)
    return int(tx.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one())


def page(tx: Transaction, question: Question) -> list[ComparedRow]:
    """The rows of one page, with their texts and scores."""
    query = _rows(tx, question).limit(question.limit).offset(question.offset)
    keys = tx.execute(query).all()
    cells = _cells(tx, question.columns, keys)
    scored = _scores_of(tx, [cell.generation_id for cell in cells.values()])
    rows = []
    for key in keys:
        places = _places(key, question.columns)
        row = {
            column: cells[column.run_id, places[column.run_id], column.arm, key.sample]
            for column in question.columns
            if (column.run_id, places.get(column.run_id), column.arm, key.sample) in cells
        }
        prompt = _prompt_text(tx, places)
        rows.append(
            ComparedRow(
                prompt=prompt,
                places=places,
                sample=key.sample,
                cells={
                    column: _with_scores(cell, scored.get(cell.generation_id, {}))
                    for column, cell in row.items()
                },
            )
        )
    return rows


def values(
    tx: Transaction, columns: Sequence[Column], measure: Criterion
) -> Iterator[tuple[Column, tuple[int, int], float]]:
    """Every known figure of the columns: column, (place of the prompt, sample), value.

    Places are those of ``page``: the same for equal prompts of several runs.
    """
    keys = prompt_keys(columns).cte("keys")
    for column in columns:
        g = _generations.alias()
        value, source = _valued(g, measure)
        query = (
            sa.select(keys.c.place, g.c.sample, value.label("value"))
            .select_from(source.join(keys, keys.c[run_column(column.run_id)] == g.c.prompt))
            .where(g.c.run_id == column.run_id, g.c.arm == column.arm, value.is_not(None))
            .order_by(keys.c.place, g.c.sample)
        )
        for row in tx.execute(query):
            yield column, (row.place, row.sample), float(row.value)


def texts(tx: Transaction, column: Column) -> Iterator[str]:
    """Every text of a column."""
    query = sa.select(_generations.c.text).where(
        _generations.c.run_id == column.run_id, _generations.c.arm == column.arm
    )
    yield from tx.execute(query).scalars()


def steered_text(tx: Transaction, *, prompt: str, vector_id: int, strength: float) -> str | None:
    """What one vector alone wrote behind a prompt, greedily, when it was last asked; None if never.

    Args:
        tx: An open transaction.
        prompt: The whole of it.
        vector_id: The only vector of the arm.
        strength: At which it was applied.
    """
    applied, beside = schema.arm_interventions, schema.arm_interventions.alias()
    alone = sa.not_(
        sa.exists().where(
            beside.c.run_id == applied.c.run_id,
            beside.c.arm == applied.c.arm,
            beside.c.position != applied.c.position,
        )
    )
    query = (
        sa.select(_generations.c.text)
        .join(_runs, _runs.c.id == _generations.c.run_id)
        .join(
            _prompts,
            sa.and_(_prompts.c.run_id == _runs.c.id, _prompts.c.position == _generations.c.prompt),
        )
        .join(
            applied,
            sa.and_(applied.c.run_id == _runs.c.id, applied.c.arm == _generations.c.arm),
        )
        .where(
            applied.c.steering_vector_id == vector_id,
            applied.c.strength == strength,
            alone,
            _prompts.c.text == prompt,
            _runs.c.decoding_json["do_sample"].as_boolean().is_(False),
        )
        .order_by(_runs.c.id.desc())
        .limit(1)
    )
    found: str | None = tx.scalar(query)
    return found


def copies(tx: Transaction, columns: Sequence[Column]) -> dict[int, int]:
    """The places of prompts that stood before, with the place of the first that is equal."""
    run_ids = _run_ids(columns)
    place = _place(run_ids)
    first = sa.func.min(place).over(partition_by=_prompts.c.text)
    found = (
        sa.select(place.label("place"), first.label("first"))
        .where(_prompts.c.run_id.in_(run_ids))
        .subquery()
    )
    query = sa.select(found.c.place, found.c.first).where(found.c.place != found.c.first)
    return {row.place: row.first for row in tx.execute(query)}


def _rows(tx: Transaction, question: Question) -> sa.Select[Any]:
    """Keys of the wanted rows in their order: place, sample, and the prompt's number per run."""
    keys = prompt_keys(question.columns).cte("keys")
    run_ids = _run_ids(question.columns)
    samples = dict(
        tx.execute(sa.select(_runs.c.id, _runs.c.samples).where(_runs.c.id.in_(run_ids))).all()
    )
    numbers = _numbers(max(samples.values(), default=1)).cte("numbers")
    in_a_run = sa.or_(
        *(
            sa.and_(
                keys.c[run_column(run_id)].is_not(None), numbers.c.sample < samples.get(run_id, 0)
            )
            for run_id in run_ids
        )
    )
    columns = [keys.c.place, numbers.c.sample, *(keys.c[run_column(run_id)] for run_id in run_ids)]
    source: sa.FromClause = sa.join(keys, numbers, in_a_run)
    judged, against = question.judged, question.baseline
    if judged is None or against is None or judged == against or _is_plain(question):
        return sa.select(*columns).select_from(source).order_by(keys.c.place, numbers.c.sample)
    new, source = _joined(source, keys, numbers, judged, question.measure)
    old, source = _joined(source, keys, numbers, against, question.measure)
    raw = new[1] - old[1]
    tie = NOISE + TOLERANCE * sa.func.abs(old[1])  # up to it, rounding may be all there is
    change = sa.case((sa.func.abs(raw) <= tie, 0.0), else_=raw)
    gain = -change if question.measure.lower_is_better else change
    conditions = {
        Shown.ALL: sa.true(),
        Shown.CHANGED: new[0] != old[0],
        Shown.BETTER: gain > 0,
        Shown.WORSE: gain < 0,
    }
    orders: dict[Order, list[sa.ColumnElement[Any]]] = {
        Order.PROMPT: [],
        Order.BEST: [gain.desc().nulls_last()],
        Order.WORST: [gain.asc().nulls_last()],
        Order.LARGEST: [sa.func.abs(change).desc().nulls_last()],
    }
    return (
        sa.select(*columns)
        .select_from(source)
        .where(conditions[question.shown])
        .order_by(*orders[question.order], keys.c.place, numbers.c.sample)
    )


def _is_plain(question: Question) -> bool:
    return question.shown is Shown.ALL and question.order is Order.PROMPT


def _joined(
    source: sa.FromClause, keys: sa.CTE, numbers: sa.CTE, column: Column, measure: Criterion
) -> tuple[tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]], sa.FromClause]:
    """Text and figure of a column beside the keys."""
    g = _generations.alias()
    joined: sa.FromClause = source.join(
        g,
        sa.and_(
            g.c.run_id == column.run_id,
            g.c.prompt == keys.c[run_column(column.run_id)],
            g.c.arm == column.arm,
            g.c.sample == numbers.c.sample,
        ),
    )
    value, joined = _valued(g, measure, joined)
    return (g.c.text, value), joined


def _valued(
    g: sa.FromClause, measure: Criterion, source: sa.FromClause | None = None
) -> tuple[sa.ColumnElement[Any], sa.FromClause]:
    """The figure of a generation as SQL, and what has to be joined for it."""
    joined: sa.FromClause = g if source is None else source
    if measure == LENGTH:
        return g.c.n_tokens, joined
    if measure.version is None:
        return g.c.mean_logprob, joined
    s = _scores.alias()
    at = sa.and_(
        s.c.generation_id == g.c.id,
        s.c.scorer == measure.name,
        s.c.scorer_version == measure.version,
        is_newest(s),
    )
    return s.c.value, joined.outerjoin(s, at)


def prompt_keys(columns: Sequence[Column]) -> sa.Select[Any]:
    """One row per prompt: its place, and its number in each run (null where it lacks it).

    Prompts of several runs are matched by text; one that stands twice, in their order.
    """
    run_ids = _run_ids(columns)
    if len(run_ids) == 1:
        return sa.select(
            _prompts.c.position.label("place"), _prompts.c.position.label(run_column(run_ids[0]))
        ).where(_prompts.c.run_id == run_ids[0])
    repeat = sa.func.row_number().over(
        partition_by=(_prompts.c.run_id, _prompts.c.text), order_by=_prompts.c.position
    )
    ranked = (
        sa.select(
            _prompts.c.run_id,
            _prompts.c.position,
            _prompts.c.text,
            repeat.label("repeat"),
            _place(run_ids).label("place"),
        )
        .where(_prompts.c.run_id.in_(run_ids))
        .subquery()
    )
    return sa.select(
        sa.func.min(ranked.c.place).label("place"),
        *(
            sa.func.max(sa.case((ranked.c.run_id == run_id, ranked.c.position))).label(
                run_column(run_id)
            )
            for run_id in run_ids
        ),
    ).group_by(ranked.c.text, ranked.c.repeat)


def _place(run_ids: Sequence[int]) -> sa.ColumnElement[int]:
    """Where a prompt stands among those of all the runs."""
    rank = sa.case({run_id: place for place, run_id in enumerate(run_ids)}, value=_prompts.c.run_id)
    return sa.cast(rank, sa.BigInteger) * _RUNS_APART + _prompts.c.position


def _numbers(count: int) -> sa.Select[Any]:
    """The numbers from 0 to below ``count`` as rows."""
    series = sa.select(sa.literal(0).label("sample")).cte("series", recursive=True)
    more = sa.select(series.c.sample + 1).where(series.c.sample + 1 < count)
    return sa.select(series.union_all(more).c.sample)


def run_column(run_id: int) -> str:
    """Name of the column of ``prompt_keys`` that belongs to a run."""
    return f"p{run_id}"


def _run_ids(columns: Sequence[Column]) -> list[int]:
    return list(dict.fromkeys(column.run_id for column in columns))


def _places(key: Any, columns: Sequence[Column]) -> dict[int, int]:
    places = {run_id: key._mapping[run_column(run_id)] for run_id in _run_ids(columns)}
    return {run_id: place for run_id, place in places.items() if place is not None}


def _prompt_text(tx: Transaction, places: dict[int, int]) -> str:
    run_id, place = next(iter(places.items()))
    query = sa.select(_prompts.c.text).where(
        _prompts.c.run_id == run_id, _prompts.c.position == place
    )
    return str(tx.execute(query).scalar_one())


def _cells(
    tx: Transaction, columns: Sequence[Column], keys: Sequence[Any]
) -> dict[tuple[int, int, int, int], Cell]:
    g = _generations.c
    cells = {}
    for run_id in _run_ids(columns):
        prompts = {place for key in keys if (place := key._mapping[run_column(run_id)]) is not None}
        arms = [column.arm for column in columns if column.run_id == run_id]
        query = sa.select(
            g.id, g.prompt, g.arm, g.sample, g.text, g.n_tokens, g.mean_logprob, g.finish_reason
        ).where(g.run_id == run_id, g.prompt.in_(sorted(prompts)), g.arm.in_(arms))
        for row in tx.execute(query):
            cells[run_id, row.prompt, row.arm, row.sample] = Cell(
                generation_id=row.id,
                text=row.text,
                n_tokens=row.n_tokens,
                mean_logprob=row.mean_logprob,
                finish_reason=row.finish_reason,
            )
    return cells


def _scores_of(tx: Transaction, generation_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    scores: dict[int, dict[str, float]] = {}
    query = sa.select(
        _scores.c.generation_id, _scores.c.scorer, _scores.c.scorer_version, _scores.c.value
    ).where(_scores.c.generation_id.in_(generation_ids), _scores.c.value.is_not(None))
    for row in tx.execute(query.where(is_newest(_scores))):
        key = Criterion(name=row.scorer, version=row.scorer_version).key
        scores.setdefault(row.generation_id, {})[key] = row.value
    return scores


def _with_scores(cell: Cell, scores: dict[str, float]) -> Cell:
    return Cell(
        generation_id=cell.generation_id,
        text=cell.text,
        n_tokens=cell.n_tokens,
        mean_logprob=cell.mean_logprob,
        finish_reason=cell.finish_reason,
        scores=scores,
    )
