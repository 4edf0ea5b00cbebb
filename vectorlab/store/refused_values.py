"""Values that a check of the database refuses, in words: what was given and what was expected."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.errors import InputError
from vectorlab.store.schema import metadata

_CHECKS = {
    str(check.name): (table, check)
    for table in metadata.tables.values()
    for check in table.constraints
    if isinstance(check, sa.CheckConstraint)
}
_SQLITE = re.compile(r"CHECK constraint failed: (\w+)")


def explain_refused_values(context: sa.ExceptionContext) -> None:
    """Raise an error of ours in the place of the database's where a check refused a row.

    Listens to an engine's ``handle_error``, which still knows the values by their columns.

    Raises:
        InputError: Naming table, value and expectation.
    """
    original = context.original_exception
    name = getattr(getattr(original, "diag", None), "constraint_name", None)
    if name is None and (match := _SQLITE.search(str(original))):
        name = match[1]
    if name in _CHECKS:
        execution: Any = context.execution_context
        rows = execution.compiled_parameters if execution and execution.compiled else []
        raise InputError(_words(*_CHECKS[name], rows)) from original


def _words(table: sa.Table, check: sa.CheckConstraint, rows: Sequence[Mapping[str, Any]]) -> str:
    if "values" in check.info:
        column, values = check.info["column"], check.info["values"]
        wrong = [_shown(row[column]) for row in rows if row.get(column, values[0]) not in values]
        seen = " ".join([f"{table.name}.{column}", *wrong[:1]])
        return f"Refused: {seen}; expected one of {', '.join(values)}. Nothing was written."
    condition = str(check.sqltext)
    involved = [
        f"{name} {_shown(value)}"
        for row in rows
        for name, value in row.items()
        if len(rows) == 1 and name in table.c and re.search(rf"\b{name}\b", condition)
    ]
    seen = " ".join(
        [f"a row of {table.name}", *(["with", ", ".join(involved)] if involved else [])]
    )
    return f"Refused: {seen}; expected {condition}. Nothing was written."


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"of {len(value)} bytes"
    return repr(str(value) if isinstance(value, str) else value)
