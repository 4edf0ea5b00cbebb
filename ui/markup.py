"""Text from the store as HTML that shows exactly its characters.

Prompts, generations, demonstrations, messages and names are data. They reach a page through
``literal`` (or a dataframe cell), never through Markdown.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import urlencode

from vectorlab.domain.description import Fact
from vectorlab.domain.text.word_diff import Change, word_diff

# Characters that are not seen, and the class whose style draws a mark over each. The characters
# themselves stay, so that a copied text is the text.
_UNSEEN = {
    " ": "space",
    "\t": "tab",
    "\n": "break",
    "\r": "return",
    "\N{NO-BREAK SPACE}": "hard",
    "\N{ZERO WIDTH SPACE}": "zero",
    "\N{ZERO WIDTH NO-BREAK SPACE}": "zero",
    "\N{SOFT HYPHEN}": "zero",
}
_BARS = "▁▂▃▄▅▆▇█"
_UNSEEN_PATTERN = re.compile(f"[{''.join(_UNSEEN)}]")


def literal(text: object) -> str:
    """Any text, character for character; its direction follows its own script."""
    return f'<bdi class="vl-text" dir="auto">{escape(text)}</bdi>'


def generated(text: object, *, spaces: bool = False) -> str:
    """A text that a model wrote or read: as ``literal``, in one width, on request with marks."""
    return f'<bdi class="vl-text vl-generated" dir="auto">{characters(text, spaces=spaces)}</bdi>'


def characters(text: object, *, spaces: bool = False) -> str:
    """As ``escape``; ``spaces`` draws marks over what is not seen."""
    if not spaces:
        return escape(text)
    return "".join(
        f'<span class="vl-unseen vl-{_UNSEEN[part]}">{escape(part)}</span>'
        if part in _UNSEEN
        else escape(part)
        for part in re.split(f"({_UNSEEN_PATTERN.pattern})", str(text))
    )


def escape(text: object) -> str:
    """Any text for use inside an element or attribute.

    Line breaks become references because ``st.html`` strips blank lines and indentation.
    """
    return html.escape(str(text)).replace("\r", "&#13;").replace("\n", "&#10;")


def words(markup: str) -> str:
    """What a cell of ours says, without its markup; the inverse of ``escape``."""
    reader = _Words()
    reader.feed(markup)
    reader.close()
    return "".join(reader.found)


def address(page: str, /, **selection: object) -> str:
    """Relative address of a page with its selection; None is left out, sequences repeat."""
    chosen = {name: value for name, value in selection.items() if value is not None}
    return f"{page}?{urlencode(chosen, doseq=True)}" if chosen else page


def link(label: object, page: str, /, **selection: object) -> str:
    """A link to a page of the dashboard."""
    return f'<a href="{escape(address(page, **selection))}">{escape(label)}</a>'


def crumbs(trail: Sequence[tuple[str, str]]) -> str:
    """The way to what a page shows, words and addresses; the last is where one is."""
    *before, (here, _) = trail
    links = "".join(
        f'<a href="{escape(address)}">{escape(words)}</a><span aria-hidden="true"> / </span>'
        for words, address in before
    )
    return (
        f'<nav class="vl-crumbs" aria-label="Where this is">{links}'
        f'<span aria-current="page">{escape(here)}</span></nav>'
    )


def badge(text: object, tone: str = "") -> str:
    """A pill; tone is ``good``, ``bad``, ``busy`` or nothing."""
    return f'<span class="vl-badge {f"vl-{tone}" if tone else ""}">{escape(text)}</span>'


def tags(words: Iterable[str]) -> str:
    """Pills in a row, or a dash."""
    return "".join(f'<span class="vl-badge vl-tag">{escape(word)}</span>' for word in words) or "–"


def count(number: int, thing: str) -> str:
    """So many things, in words: 1 text, 2 texts, 1,200 texts."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def mono(text: object) -> str:
    """Hashes and other machine words."""
    return f'<span class="vl-mono">{escape(text)}</span>'


def quiet(text: object) -> str:
    """HTML of a text that stands back."""
    return f'<span class="vl-quiet">{escape(text)}</span>'


def moment(when: datetime) -> str:
    """A UTC time for people."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """A two-column list of a label and ready HTML."""
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in pairs)
    return f'<dl class="vl-facts">{rows}</dl>'


def described(request_facts: Iterable[Fact]) -> str:
    """The facts of a request, as it describes itself."""
    return facts(
        (fact.name, escape(f"{fact.value} {fact.unit}".rstrip())) for fact in request_facts
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """A table of ready HTML cells; ``head`` cells may bring their own ``th``."""
    top = "".join(cell if cell.startswith("<th") else f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="vl-scroll"><table class="vl-table {kind}">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def list_table(head: Sequence[str], groups: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """Rows of ready HTML cells under their groups; one without words has no line of its own.

    The link of class ``vl-open`` in a row takes the clicks on all of it; a phone shows cards.
    """
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = ""
    for group, rows in groups.items():
        if group:
            body += (
                f'<tr class="vl-group"><th colspan="{len(head)}" scope="rowgroup">'
                f"{escape(group)}</th></tr>"
            )
        body += "".join(
            "<tr>"
            + "".join(
                f'<td data-label="{escape(label)}">{cell}</td>'
                for label, cell in zip(head, row, strict=True)
            )
            + "</tr>"
            for row in rows
        )
    return (
        '<div class="vl-scroll"><table class="vl-table vl-list">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def opens(label: object, page: str, /, **selection: object) -> str:
    """A link that takes the clicks on all of its row."""
    return (
        f'<a class="vl-open" href="{escape(address(page, **selection))}">'
        f'<bdi dir="auto">{escape(label)}</bdi></a>'
    )


def tick_box(where: str, *, ticked: bool, label: str) -> str:
    """A box that is ticked, or not, by following its link; the space bar does it too."""
    return (
        f'<a class="vl-tick" role="checkbox" aria-checked="{str(ticked).lower()}" '
        f'aria-label="{escape(label)}" href="{escape(where)}"></a>'
    )


def preview(text: str, length: int = 90) -> str:
    """The beginning of a text on one line, as literal as the whole."""
    line = " ".join(text.split())
    if len(line) <= length:
        return literal(line)
    return f'<span title="{escape(line)}">{literal(f"{line[:length].rstrip()} …")}</span>'


def sparkline(points: Sequence[tuple[float, float]], *, words: str) -> str:
    """A curve as a row of bars, lowest to highest; ``words`` says it where it cannot be seen."""
    values = [value for _, value in points]
    low, high = min(values), max(values)
    steps = len(_BARS) - 1
    bars = "".join(
        _BARS[round((value - low) / (high - low) * steps) if high > low else 0] for value in values
    )
    return f'<span class="vl-spark" role="img" aria-label="{escape(words)}">{bars}</span>'


def marks(low: float, high: float, *, at: float, beyond: float | None = None) -> str:
    """A scale under a slider: a mark at a strength, and what lies beyond another one.

    Args:
        low: Where the scale begins.
        high: Where it ends.
        at: Where the mark stands.
        beyond: From here to the end of its side the scale is another colour; None: nowhere.
    """

    def place(strength: float) -> float:
        return 100 * (min(high, max(low, strength)) - low) / (high - low)

    zone = ""
    if beyond is not None:
        left, right = (place(beyond), 0.0) if beyond > 0 else (0.0, 100 - place(beyond))
        zone = f'<span class="vl-beyond" style="left:{left:.2f}%;right:{right:.2f}%"></span>'
    return (
        f'<div class="vl-marks" aria-hidden="true">{zone}'
        f'<span class="vl-mark" style="left:{place(at):.2f}%"></span></div>'
    )


def texts_table(
    heads: Sequence[tuple[str, str, str | None]], rows: Iterable[Sequence[str]], *, pinned: int = 1
) -> str:
    """A table of ready HTML cells under arms in their colours; on a phone a card per row.

    It scrolls sideways and down within itself; its head and its first columns stay in sight.

    Args:
        heads: Of every column the name, the head as HTML, and the colour of an arm.
        rows: Cells as HTML.
        pinned: How many columns stay in sight, one or two.
    """
    pins = [f" vl-pin vl-pin-{place}" if place < pinned else "" for place in range(len(heads))]
    top = "".join(
        f'<th class="vl-prompt{pin}">{head}</th>'
        if colour is None
        else f'<th class="vl-arm{pin}" style="--arm:{colour}">{head}</th>'
        for pin, (_, head, colour) in zip(pins, heads, strict=True)
    )
    marks = [
        f'class="vl-cell{pin}" data-label="{escape(label)}"'
        + (f' style="--arm:{colour}"' if colour else "")
        for pin, (label, _, colour) in zip(pins, heads, strict=True)
    ]
    body = "".join(
        "<tr>"
        + "".join(f"<td {mark}>{cell}</td>" for mark, cell in zip(marks, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        '<div class="vl-scroll vl-sheet" tabindex="0" role="region" aria-label="Texts">'
        f'<table class="vl-table vl-compare" style="--arms:{len(heads) - 1}">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def dot(colour: str) -> str:
    """A spot in the colour of an arm or a vector."""
    return f'<span class="vl-dot" style="--arm:{colour}"></span>'


def note(text: object) -> str:
    """A small line under a text."""
    return f'<div class="vl-note">{escape(text)}</div>'


def difference(before: str, after: str, *, removed: bool = True, spaces: bool = False) -> str:
    """``after`` with the words it adds marked, and on request those it lacks struck out."""
    marks = {Change.ADDED: "ins", Change.REMOVED: "del"}
    parts = []
    for segment in word_diff(before, after):
        shown = characters(segment.text, spaces=spaces)
        if segment.change is Change.SAME:
            parts.append(shown)
        elif removed or segment.change is Change.ADDED:
            tag = marks[segment.change]
            parts.append(f'<{tag} class="vl-{segment.change.value}">{shown}</{tag}>')
    return f'<bdi class="vl-text vl-generated" dir="auto">{"".join(parts)}</bdi>'


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag in ("br", "div") and self.found:
            self.found.append("\n")
