"""Blind votes on pairs of generations."""

from typing import Any

import sqlalchemy as sa

from vectorlab.domain.runs.votes import Choice, Match, Pair, Tally
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.runs.comparison import prompt_keys, run_column

_votes = schema.votes
_generations = schema.generations
_prompts = schema.run_prompts

_SHUFFLE = 1_000_003  # prime, so that multiples of another number visit the rows out of order


def next_pair(tx: Transaction, match: Match, voter: str) -> Pair | None:
    """A pair that this voter has not been asked about, or None when there is no more.

    Which text stands left follows from the pair alone and looks random; so does the order.
    """
    first, second, source = _pairs(match)
    has_voted = sa.exists().where(
        _votes.c.voter == voter,
        _votes.c.question == match.question,
        sa.or_(
            sa.and_(
                _votes.c.left_generation_id == first.c.id,
                _votes.c.right_generation_id == second.c.id,
            ),
            sa.and_(
                _votes.c.left_generation_id == second.c.id,
                _votes.c.right_generation_id == first.c.id,
            ),
        ),
    )
    query = (
        sa.select(
            first.c.id.label("first_id"),
            second.c.id.label("second_id"),
            first.c.text.label("first_text"),
            second.c.text.label("second_text"),
            first.c.prompt,
        )
        .select_from(source)
        .where(first.c.text != second.c.text, ~has_voted)
        .order_by((first.c.id * 7919) % _SHUFFLE, first.c.id)
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    prompt = sa.select(_prompts.c.text).where(
        _prompts.c.run_id == match.first.run_id, _prompts.c.position == row.prompt
    )
    sides = [(row.first_id, row.first_text), (row.second_id, row.second_text)]
    if _is_turned(row.first_id, row.second_id):
        sides.reverse()
    (left_id, left_text), (right_id, right_text) = sides
    return Pair(
        prompt=str(tx.execute(prompt).scalar_one()),
        left_id=left_id,
        right_id=right_id,
        left_text=left_text,
        right_text=right_text,
    )


def add_vote(
    tx: Transaction, *, left_id: int, right_id: int, choice: Choice, question: str, voter: str
) -> bool:
    """Keep a vote, unless the voter was asked this of the pair before; True if it was kept.

    Args:
        tx: An open transaction that writes.
        left_id: The generation of the pair that comes first.
        right_id: The other generation.
        choice: Which one is preferred.
        question: What was asked about them.
        voter: Who answered.
    """
    known = sa.select(_votes.c.id).where(
        _votes.c.left_generation_id == left_id,
        _votes.c.right_generation_id == right_id,
        _votes.c.question == question,
        _votes.c.voter == voter,
    )
    if tx.scalar(known) is not None:
        return False
    tx.execute(
        _votes.insert().values(
            left_generation_id=left_id,
            right_generation_id=right_id,
            choice=choice,
            question=question,
            voter=voter,
            created_at=utc_now(),
        )
    )
    return True


def tally(tx: Transaction, match: Match) -> Tally:
    """Count the votes of every voter on the pairs of a match."""
    first, second, source = _pairs(match)
    equal = sa.func.sum(sa.case((first.c.text == second.c.text, 1), else_=0))
    pairs, same = tx.execute(sa.select(sa.func.count(), equal).select_from(source)).one()
    counts: dict[str, int] = dict.fromkeys(("first", "second", Choice.TIE, Choice.NEITHER), 0)
    for one, other, for_left in ((first, second, "first"), (second, first, "second")):
        for_right = "second" if for_left == "first" else "first"
        votes = sa.select(_votes.c.choice, sa.func.count().label("n")).select_from(
            source.join(
                _votes,
                sa.and_(
                    _votes.c.left_generation_id == one.c.id,
                    _votes.c.right_generation_id == other.c.id,
                    _votes.c.question == match.question,
                ),
            )
        )
        for row in tx.execute(votes.group_by(_votes.c.choice)):
            name = {Choice.LEFT: for_left, Choice.RIGHT: for_right}.get(row.choice, row.choice)
            counts[name] += row.n
    return Tally(
        first=counts["first"],
        second=counts["second"],
        ties=counts[Choice.TIE],
        neither=counts[Choice.NEITHER],
        pairs=pairs - int(same or 0),
        equal=int(same or 0),
    )


def _pairs(match: Match) -> tuple[sa.FromClause, sa.FromClause, sa.FromClause]:
    """Generations of both columns for the same prompt and sample, and how they are joined."""
    keys: Any = prompt_keys((match.first, match.second)).cte("keys")
    first, second = _generations.alias("first"), _generations.alias("second")
    source = keys.join(
        first,
        sa.and_(
            first.c.run_id == match.first.run_id,
            first.c.prompt == keys.c[run_column(match.first.run_id)],
            first.c.arm == match.first.arm,
        ),
    ).join(
        second,
        sa.and_(
            second.c.run_id == match.second.run_id,
            second.c.prompt == keys.c[run_column(match.second.run_id)],
            second.c.arm == match.second.arm,
            second.c.sample == first.c.sample,
        ),
    )
    return first, second, source


def _is_turned(first_id: int, second_id: int) -> bool:
    """Fixed per pair and balanced: the parity of the bits of a mixed number."""
    return ((first_id * 2654435761 ^ second_id * 40503) >> 7).bit_count() % 2 == 1
