"""Writes the cookbook into docs/sql.md from the recipes: `python -m scripts.sql_docs`."""

import re
from pathlib import Path

from vectorlab.services.analysis.queries import cookbook

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sql.md"
_BLOCK = re.compile(r"<!-- cookbook -->\n.*?<!-- end -->", re.DOTALL)


def render(page: str) -> str:
    """The page with every recipe written anew."""
    parts = [
        f"### {number}. {recipe.title}\n\n{recipe.about}\n\n```sql\n{recipe.sql}\n```\n"
        for number, recipe in enumerate(cookbook(), start=1)
    ]
    block = "\n".join(["<!-- cookbook -->", "", *parts, "<!-- end -->"])
    return _BLOCK.sub(lambda _: block, page)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
