"""Blind votes: what to ask next, the vote, and what the votes come to."""

from vectorlab.domain.runs.votes import Choice, Match, Pair, Tally
from vectorlab.errors import InputError
from vectorlab.store.database import Database
from vectorlab.store.runs import votes


def next_pair(db: Database, match: Match, *, voter: str) -> Pair | None:
    """A pair that this voter has not been asked about, or None.

    Raises:
        InputError: If both sides of the match are the same.
    """
    _check(match)
    with db.read() as tx:
        return votes.next_pair(tx, match, voter)


def vote(db: Database, pair: Pair, choice: Choice, *, question: str, voter: str) -> bool:
    """Keep a vote; the same once more is not counted twice. True if it was kept.

    Args:
        db: The store.
        pair: The two texts.
        choice: Which one is preferred.
        question: What was asked about them.
        voter: Who answered.
    """
    with db.write() as tx:
        return votes.add_vote(
            tx,
            left_id=pair.left_id,
            right_id=pair.right_id,
            choice=choice,
            question=question,
            voter=voter,
        )


def tally(db: Database, match: Match) -> Tally:
    """Counts over every voter, with the share of the second side and its interval.

    Raises:
        InputError: If both sides of the match are the same.
    """
    _check(match)
    with db.read() as tx:
        return votes.tally(tx, match)


def _check(match: Match) -> None:
    if match.first == match.second:
        raise InputError("Both sides of a vote are the same column. Choose two different ones.")
