"""The tests that take long and break seldom: ``make test-long``.

The suite leaves out what is marked ``long`` and has a short form of each, which notices what
changes often. What came of the long ones is kept in ``tests/long/results.json``. Further words go
to pytest.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from scripts.kernels import machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "tests" / "long" / "results.json"
MARK = "@pytest.mark.long\n"


def main() -> int:
    """Run them and keep what came of them; exit code 1 if anything failed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        words = ["-q", "-m", "long", f"--junitxml={report}", *sys.argv[1:], *map(str, files())]
        done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"pytest ended with exit code {done.returncode}.")
        outcomes = dict(outcomes_in(report))
    ended_on = f"{datetime.now(UTC):%Y-%m-%d}"
    kept = {**machine(), "ended_on": ended_on, "tests": dict(sorted(outcomes.items()))}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return done.returncode


def files() -> list[Path]:
    """Those that hold long tests; collecting the others takes longer than a long test."""
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path for path in found if MARK in path.read_text(encoding="utf-8")]


def outcomes_in(report: Path) -> Iterator[tuple[str, str]]:
    """Of every test in JUnit's XML its name and how long it took, or that it failed or why not."""
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = f"{float(case.get('time', 0)):.0f} s"
        skipped = case.find("skipped")
        if skipped is not None:
            outcome = f"skipped: {skipped.get('message')}"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        yield f"{case.get('classname')}.{case.get('name')}", outcome


if __name__ == "__main__":
    sys.exit(main())
