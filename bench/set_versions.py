"""What do 50 versions of a large set cost? `python -m bench.set_versions`.

Commits 100,000 pairs, then 49 more versions that each change 1 % of them at random places, and
compares the store's file with that of a store that holds the union of all demonstrations once.
A commit that changes 1 % is compared, in processor time, with one that changes nothing: the pass
over the list alone.
"""

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench._report import report
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services import database
from vectorlab.services.database import Database
from vectorlab.services.sets import sets

LIMIT = 1.2  # file of all versions over file of the union
SHARE = 0.01  # of the pairs that a version changes


def main() -> int:
    """Measure, print and keep the result; 1 if the limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 pairs; keeps no result")
    options = parser.parse_args()
    count, versions = (2_000, 10) if options.quick else (100_000, 50)
    draw = random.Random(0)
    items = [_pair(place, "") for place in range(count)]
    union = list(items)
    seconds: list[float] = []
    idle: list[float] = []
    with tempfile.TemporaryDirectory(prefix="vectorlab-bench-") as folder:
        path = Path(folder) / "versions.db"
        db = _store(path)
        first = _commit(db, items)
        for version in range(2, versions + 1):
            for place in draw.sample(range(count), round(count * SHARE)):
                items[place] = _pair(place, f" (as of {version})")
                union.append(items[place])
            seconds.append(_commit(db, items))
            idle.append(_commit(db, items))
        db.dispose()
        other = Path(folder) / "union.db"
        _commit(db := _store(other), union)
        db.dispose()
        sizes = {"versions_bytes": _size(path), "union_bytes": _size(other)}
    ratio = sizes["versions_bytes"] / sizes["union_bytes"]
    figures = {
        "question": "file of all versions against a file that holds every demonstration once",
        "pairs": count,
        "set_versions": versions,
        "changed_share": SHARE,
        **sizes,
        "size_ratio": round(ratio, 3),
        "limit": LIMIT,
        "holds": ratio <= LIMIT,
        "first_commit_cpu_s": round(first, 2),
        "change_over_pass_cpu": round(statistics.median(seconds) / statistics.median(idle), 2),
        "change_cpu_s": round(statistics.median(seconds), 2),
    }
    report("set_versions", figures, packages=["vectorlab", "sqlalchemy"], keep=not options.quick)
    return 0 if figures["holds"] else 1


def _pair(place: int, note: str) -> Demonstration:
    return Demonstration(
        source=f"Sentence number {place} says in plain words what happened there.",
        target=f"Oh my, number {place} was the most wonderful sentence ever!!!{note}",
    )


def _store(path: Path) -> Database:
    database.upgrade(f"sqlite:///{path}")
    return database.open_store(f"sqlite:///{path}")


def _commit(db: Database, items: Sequence[Demonstration]) -> float:
    """Processor seconds of a commit, from texts that were hashed by nobody before."""
    fresh = [Demonstration(source=item.source, target=item.target) for item in items]
    begun = time.process_time()
    sets.commit(db, name="large", demonstrations=fresh, message="", actor="bench")
    return time.process_time() - begun


def _size(path: Path) -> int:
    """Bytes of a store's pages in use."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
    return path.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
