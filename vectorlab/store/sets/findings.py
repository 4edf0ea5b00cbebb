"""What the checks found in a set version when it was frozen."""

from collections.abc import Sequence

import sqlalchemy as sa

from vectorlab.domain.sets.checks import Check, Finding
from vectorlab.store import schema
from vectorlab.store.database import Transaction

_findings = schema.set_version_findings


def add(tx: Transaction, version_id: int, findings: Sequence[Finding]) -> None:
    """Keep the findings of a version that was just made."""
    rows = [
        {
            "set_version_id": version_id,
            "position": place,
            "check_name": finding.check.value,
            "n_demonstrations": finding.count,
            "message": finding.message,
            "positions_json": list(finding.positions),
        }
        for place, finding in enumerate(findings)
    ]
    if rows:
        tx.execute(_findings.insert(), rows)


def of_version(tx: Transaction, version_id: int) -> tuple[Finding, ...]:
    """The findings of a version in their order."""
    query = sa.select(_findings).where(_findings.c.set_version_id == version_id)
    return tuple(
        Finding(
            check=Check(row.check_name),
            count=row.n_demonstrations,
            message=row.message,
            positions=tuple(row.positions_json),
        )
        for row in tx.execute(query.order_by(_findings.c.position))
    )
