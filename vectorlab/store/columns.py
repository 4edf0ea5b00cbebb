"""What tables are made of, the same on SQLite and PostgreSQL: column types, columns, the clock."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# Every table of the core and of the systems; whole once ``vectorlab.store.schema`` is loaded.
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives numbers by itself only to a column that is spelt INTEGER PRIMARY KEY.
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# JSON and not JSONB: JSONB rewrites numbers, and a hash is taken over their spelling.
Json = sa.JSON(none_as_null=True)


class UtcTime(sa.TypeDecorator[datetime]):
    """A moment: aware and UTC in Python, UTC without zone in SQLite, ``timestamptz`` elsewhere."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class utc_now(FunctionElement[datetime]):  # noqa: N801 (reads as the SQL function it is)
    """The database's clock, some seconds from now; the clocks of workers never matter."""

    type = UtcTime()
    inherit_cache = True

    def __init__(self, plus_s: "float | sa.BindParameter[float]" = 0.0) -> None:
        is_parameter = isinstance(plus_s, sa.BindParameter)
        super().__init__(plus_s if is_parameter else sa.literal(plus_s, sa.Double()))


@compiles(utc_now, "postgresql")
def _postgresql_now(element: utc_now, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + make_interval(secs => {seconds}))"


@compiles(utc_now, "sqlite")
def _sqlite_now(element: utc_now, compiler: SQLCompiler, **kw: Any) -> str:
    # Six decimals, because times are compared as texts and SQLAlchemy writes six.
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', printf('%+.3f seconds', {seconds}))"


def one_of(column: str, values: type[StrEnum] | tuple[str, ...]) -> sa.CheckConstraint:
    """A check that an enum column holds one of its values."""
    listed = ", ".join(f"'{value}'" for value in values)
    info = {"column": column, "values": [str(value) for value in values]}
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column, info=info)


def index_where(
    name: str, *columns: str, condition: sa.TextClause, unique: bool = False
) -> sa.Index:
    """An index over the rows for which a condition holds.

    SQLAlchemy's own ``postgresql_where`` loads all of PostgreSQL's dialect where it is written, and
    every start would pay for it.
    """
    return sa.Index(name, *columns, unique=unique, info={"where": condition.text})


@compiles(CreateIndex)
def _create_index(element: CreateIndex, compiler: DDLCompiler, **kw: Any) -> str:
    where = element.element.info.get("where")
    statement: str = compiler.visit_create_index(element, **kw)  # type: ignore[no-untyped-call]
    return f"{statement} WHERE {where}" if where else statement


def row_id() -> Column[int]:
    """The number of a row, never given twice."""
    return Column("id", BigInt, primary_key=True)


def refers(name: str, target: str, *, nullable: bool = False, index: bool = True) -> Column[int]:
    """The id of a row of another table, which cannot be deleted meanwhile."""
    key = ForeignKey(f"{target}.id", ondelete="RESTRICT")
    return Column(name, BigInt, key, nullable=nullable, index=index)


def part_of(name: str, target: str) -> Column[int]:
    """The id of what a row is a part of, the beginning of its key.

    A table's first reference says whose part its rows are: purges go by that.
    """
    key = ForeignKey(f"{target}.id", ondelete="RESTRICT")
    return Column(name, BigInt, key, primary_key=True, autoincrement=False)


def place(name: str = "position") -> Column[int]:
    """Where a row stands among those of its whole, part of its key."""
    return Column(name, sa.Integer, primary_key=True, autoincrement=False)


def text(name: str, *, nullable: bool = False) -> Column[str]:
    """A text, or a word of a vocabulary."""
    return Column(name, sa.Text, nullable=nullable)


def created_at() -> Column[object]:
    """When a row was written, by the database's clock."""
    return Column("created_at", UtcTime, nullable=False)
