"""Write what benchmarks of the engine measured into its page, a column for each kind of kernels.

`python -m scripts.bench_tables`. The figures come from `bench/results/NAME.KERNELS.json` alone.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, RESULTS = ROOT / "docs/engine.md", ROOT / "bench/results"
_BLOCK = re.compile(r"<!-- bench (\w+) -->\n.*?<!-- end -->", re.DOTALL)
_ORDER = ("avx512", "avx2", "default")

Result = Mapping[str, Any]


def main() -> int:
    """Write the page anew."""
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def render(page: str) -> str:
    """The page with the tables of today's results."""
    return _BLOCK.sub(
        lambda block: "\n".join(
            [f"<!-- bench {block[1]} -->", *_table(_results(block[1])), "<!-- end -->"]
        ),
        page,
    )


def _results(name: str) -> dict[str, Result]:
    """By kernels, those first that a newer processor has."""
    files = {path.name.split(".")[1]: path for path in RESULTS.glob(f"{name}.*.json")}
    known = sorted(files, key=_ORDER.index)
    return {kernels: json.loads(files[kernels].read_text(encoding="utf-8")) for kernels in known}


def _table(results: Mapping[str, Result]) -> list[str]:
    lines: dict[str, dict[str, Result]] = {}
    for kernels, result in results.items():
        for row in result["rows"]:
            if "limit" in row:
                lines.setdefault(row["what"], {})[kernels] = row
    heads = [
        f"{kernels.upper()}, {str(result['measured_at']).split()[0]}"
        for kernels, result in results.items()
    ]
    return [
        f"| what | limit | {' | '.join(heads)} |",
        f"|---|---|{'---|' * len(heads)}",
        *(
            f"| {what} | {_limit(rows)} | {' | '.join(_cell(rows.get(name)) for name in results)} |"
            for what, rows in lines.items()
        ),
    ]


def _limit(rows: Mapping[str, Result]) -> str:
    return format(next(iter(rows.values()))["limit"], ".2f")


def _cell(row: Result | None) -> str:
    """The ratio and from where to where its rounds go; bold where the limit was missed."""
    if row is None:
        return ""
    if row["ratio"] is None:
        return f"**{row['why']}**"
    text = format(row["ratio"], ".2f")
    if "ratio_range" in row:
        low, high = row["ratio_range"]
        text += f" ({low:.2f} to {high:.2f})"
    return text if row["holds"] else f"**{text}**"


if __name__ == "__main__":
    sys.exit(main())
