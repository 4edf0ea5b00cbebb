"""Prints which share of each package's statements ran, of what ``coverage`` has recorded.

    python -m scripts.coverage_table

Below the table are the files that lack most. ``make coverage`` runs the suite first.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path, PurePath
from typing import Any

_LISTED = 15  # files that lack most


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        command = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)]
        subprocess.run(command, check=True)
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    print("\n".join(table({name: about["summary"] for name, about in files.items()})))


def table(summaries: dict[str, dict[str, Any]]) -> list[str]:
    """Lines of the table: a package, its statements, how many ran, and their share.

    Args:
        summaries: By file, as ``coverage json`` has them: ``num_statements``, ``covered_lines``.
    """
    statements: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    for name, summary in summaries.items():
        for group in (package(name), "all"):
            statements[group] += summary["num_statements"]
            covered[group] += summary["covered_lines"]
    lines = ["| package | statements | covered | share |", "|---|---|---|---|"]
    for group in sorted(statements, key=lambda name: (name == "all", name)):
        share = covered[group] / statements[group] if statements[group] else 1.0
        lines.append(f"| `{group}` | {statements[group]} | {covered[group]} | {share:.1%} |")
    lacking = {
        name: summary["num_statements"] - summary["covered_lines"]
        for name, summary in summaries.items()
    }
    lines += ["", "| file | statements that did not run |", "|---|---|"]
    most = sorted(lacking, key=lambda name: (-lacking[name], name))[:_LISTED]
    lines += [f"| `{name}` | {lacking[name]} |" for name in most if lacking[name]]
    return lines


def package(name: str) -> str:
    """Of a file: the folder below ``vectorlab``, else the folder that it is in itself."""
    folders = PurePath(name).parts[:-1]
    return "/".join(folders[:2] if folders[0] == "vectorlab" else folders[:1])


if __name__ == "__main__":
    main()
