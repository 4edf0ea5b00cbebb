"""Documents as one HTML file that needs nothing else, or as Markdown with its charts beside it."""

import html
from collections.abc import Sequence
from pathlib import Path

from vectorlab.domain.text.documents import Block, Code, Heading, Paragraph, Picture, Table
from vectorlab.errors import InputError

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: left;
         vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f4f4f4; padding: .8rem; overflow-x: auto; }
figure { margin: 1rem 0; overflow-x: auto; } figcaption { color: #555; }
"""


def write_document(blocks: Sequence[Block], path: Path) -> list[Path]:
    """Write a document to .html, or to .md with its charts in a folder beside it.

    Returns:
        Every file that was written.

    Raises:
        InputError: If the ending is another, or the folder is not there.
    """
    if path.suffix not in (".html", ".md"):
        raise InputError(f"A report cannot be written to {path.name!r}. End it in .html or .md.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}. Make it first.")
    if path.suffix == ".html":
        path.write_text(to_html(blocks), encoding="utf-8")
        return [path]
    folder = path.with_name(f"{path.stem}-charts")
    pictures = [block for block in blocks if isinstance(block, Picture)]
    written = [path]
    if pictures:
        folder.mkdir(exist_ok=True)
        for number, picture in enumerate(pictures, start=1):
            file = folder / f"{number}.svg"
            file.write_text(f"{picture.svg}\n", encoding="utf-8")
            written.append(file)
    path.write_text(to_markdown(blocks, charts=folder.name), encoding="utf-8")
    return written


def to_html(blocks: Sequence[Block]) -> str:
    """One page; texts are escaped, charts stand in it, nothing is asked of any server."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "Report")
    body = "\n".join(_html(block) for block in blocks)
    # The policy forbids what is not there anyway: a text that slipped through could load nothing.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def to_markdown(blocks: Sequence[Block], *, charts: str) -> str:
    """The same as Markdown; ``charts`` is the folder of the pictures."""
    parts, number = [], 0
    for block in blocks:
        if isinstance(block, Picture):
            number += 1
            parts.append(f"![{_plain(block.about)}]({charts}/{number}.svg)")
        else:
            parts.append(_markdown(block))
    return "\n\n".join(parts) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{html.escape(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{html.escape(block.text)}</p>"
        case Code():
            return f"<pre>{html.escape(block.text)}</pre>"
        case Picture():
            about = html.escape(block.about)
            return f"<figure>{block.svg}<figcaption>{about}</figcaption></figure>"
        case Table():
            return _html_table(block)


def _html_table(table: Table) -> str:
    marks = [' class="number"' if is_number else "" for is_number in table.numeric]
    head = "".join(
        f"<th{mark}>{html.escape(name)}</th>"
        for name, mark in zip(table.columns, marks, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(
            f"<td{mark}>{html.escape(cell)}</td>" for cell, mark in zip(row, marks, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _markdown(block: Heading | Paragraph | Code | Table) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_plain(block.text)}"
        case Paragraph():
            return _plain(block.text)
        case Code():
            return f"```\n{block.text}\n```"
        case Table():
            marks = ["---:" if is_number else "---" for is_number in block.numeric]
            lines = [list(map(_cell, block.columns)), marks]
            lines += [list(map(_cell, row)) for row in block.rows]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|").replace("\n", " ")


def _plain(text: str) -> str:
    """Text that no Markdown reader takes for markup."""
    escaped = html.escape(text, quote=False)
    for sign in "\\`*_[]#":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
