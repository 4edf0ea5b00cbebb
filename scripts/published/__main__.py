"""Print the tables of agreement with the authors' public code, and keep them.

`make reproduce-published ICV=DIR RAVEL=DIR SOS=DIR` runs this in an environment that has what the
code needs. Each path is a checkout; nothing of it is copied. A part whose path is missing is
skipped: its table is not printed, and what was kept of it before stays, with the versions and the
day of its own. Ends with 1 if anything is not within its bound and nothing is said about why.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from scripts.published import tables
from scripts.published.parts import BY_NAME, PARTS, Part
from scripts.published.tables import Measured

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, KEPT = DOCS / "agreement.md", DOCS / "agreement.json"
HEAD = """
# Agreement with the authors' code

Written by `make reproduce-published`, from what the authors of each method have published and from
libraries that others wrote. What is compared is computed by both sides in one run, on the same
models, texts and tasks; nothing here is copied from a paper.

A row says how far the two are apart and how far they may be; why that far stands above the tables.
The numbers of this page are kept in [agreement.json](agreement.json); the suite holds that the page
says what they say, and that every row is within its bound or the page says what is known of it.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts that were asked for, print and keep them; 1 if a bound is missed."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    kept = read(options.kept)
    found = {}
    for part in PARTS:
        if options.only and part.name not in options.only:
            continue
        path = getattr(options, part.option) if part.option else None
        if part.option and path is None:
            print(f"Skipped: {part.title}. Give a checkout of {part.repository}: {_given(part)}\n")
            continue
        began = time.monotonic()
        found[part.name] = part.measure(path)
        print("\n".join(tables.lines_of(found[part.name], part.remarks)), flush=True)
        print(f"{part.title}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    write({**kept, **found}, options.kept, options.page)
    unexplained = 0
    for name, part in found.items():
        for row in part.missed:
            known = BY_NAME[name].beyond.get(row)
            unexplained += known is None
            print(f"Not within its bound: {part.title}, {row}", file=sys.stderr)
    return int(unexplained > 0)


def read(path: Path) -> dict[str, Measured]:
    """The parts that are kept, by name."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {name: Measured.from_json(part) for name, part in kept.items()}


def write(parts: Mapping[str, Measured], kept: Path, page: Path) -> None:
    """Keep the parts in their order, and render the page from them."""
    ordered = {part.name: parts[part.name] for part in PARTS if part.name in parts}
    plain = {name: part.to_json() for name, part in ordered.items()}
    text = json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
    kept.write_text(text, encoding="utf-8")
    page.write_text(rendered(ordered), encoding="utf-8")


def rendered(parts: Mapping[str, Measured]) -> str:
    """The page."""
    explained = [(part, BY_NAME[name].remarks) for name, part in parts.items()]
    return tables.page(explained, HEAD.lstrip())


def _given(part: Part) -> str:
    return f"{part.option.upper()}=DIR of make, --{part.option} DIR of this command."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for part in PARTS:
        if part.option:
            parser.add_argument(
                f"--{part.option}", type=Path, help=f"checkout of {part.repository}"
            )
    parser.add_argument("--only", nargs="+", choices=BY_NAME, help="these parts alone")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where figures are kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
