"""Queries of analysts: what they may cost, and what came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_READER = "vectorlab_reader"  # role on PostgreSQL that can only read the analysis views


@dataclass(frozen=True, kw_only=True)
class QueryLimits:
    """What one query may take at most."""

    seconds: float = 10.0
    rows: int = 10_000


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """The rows of one query."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    truncated: bool  # there were more rows than the limit
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A query of the cookbook."""

    title: str
    about: str  # what it answers, in a sentence or two
    sql: str
