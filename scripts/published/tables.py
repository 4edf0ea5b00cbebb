"""Tables of agreement: what was compared, how far apart it is, and what must hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

FIXED = 1e-3  # smaller differences are written with their power of ten


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity: how far two computations of it are apart, and how far they may be."""

    what: str
    measure: str  # of the difference, in words
    value: float
    bound: float
    is_least: bool = False  # the value must reach the bound; else it may not pass it
    ours: str = ""  # where the two figures themselves say something
    theirs: str = ""

    @property
    def holds(self) -> bool:
        """Whether the value is within its bound; a value that is no number is not."""
        return self.value >= self.bound if self.is_least else self.value <= self.bound


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows about one thing."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A part of the page as it was measured: what of, when, where and with which versions."""

    title: str
    about: str
    code: Mapping[str, str] = field(default_factory=dict)  # repository -> commit
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    measured_at: str
    tables: tuple[Table, ...]

    @property
    def missed(self) -> list[str]:
        """What is not within its bound."""
        return [row.what for table in self.tables for row in table.rows if not row.holds]

    def to_json(self) -> dict[str, Any]:
        """JSON, which ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Measured":
        """A part that was kept."""
        tables = [
            Table(title=table["title"], rows=tuple(Row(**row) for row in table["rows"]))
            for table in kept["tables"]
        ]
        return cls(**{**kept, "tables": tuple(tables)})


def within(what: str, value: float, bound: float, measure: str, **figures: str) -> Row:
    """A difference that may be as large as the bound."""
    return Row(what=what, measure=measure, value=float(value), bound=bound, **figures)


def counted(what: str, same: int, of: int, *, least: float = 1.0) -> Row:
    """How many of so many are the same; all of them, or the share that is asked for."""
    return Row(
        what=what,
        measure=f"the same, of {of}",
        value=float(same),
        bound=float(of if least == 1 else -(-of * least // 1)),
        is_least=True,
    )


def page(parts: Iterable[tuple[Measured, Sequence[str]]], head: str) -> str:
    """The document, of every part what was measured and what is to be remarked."""
    lines = [line for part, remarks in parts for line in lines_of(part, remarks)]
    return "\n".join([head.rstrip(), "", *lines])


def lines_of(part: Measured, remarks: Sequence[str]) -> list[str]:
    """A part of the document."""
    code = [f"{repository} at `{commit[:7]}`" for repository, commit in part.code.items()]
    versions = ", ".join(f"{name} {version}" for name, version in part.versions.items())
    where = f"{part.machine['processor']}, kernels {part.machine['kernels']}"
    return [
        f"## {part.title}",
        "",
        part.about,
        "",
        *(["Code: " + ", ".join(code) + ".", ""] if code else []),
        f"Versions: {versions}. Measured {part.measured_at} ({where}).",
        "",
        *(line for remark in remarks for line in (remark, "")),
        *(line for table in part.tables for line in [*_table(table), ""]),
    ]


def _table(table: Table) -> list[str]:
    both = any(row.ours or row.theirs for row in table.rows)
    heads = [table.title, *(["ours", "theirs"] if both else []), "measured", "is", "bound", ""]
    rows = [
        [row.what, *([row.ours, row.theirs] if both else []), *_agreement(row)]
        for row in table.rows
    ]
    return [_line(heads), _line(["---"] * len(heads)), *map(_line, rows)]


def _agreement(row: Row) -> list[str]:
    sign = "≥" if row.is_least else "≤"
    return [
        row.measure,
        _figure(row.value),
        f"{sign} {_figure(row.bound)}",
        "ok" if row.holds else "**not ok**",
    ]


def _figure(value: float) -> str:
    if value.is_integer():
        return f"{value:.0f}"
    return f"{value:.4f}" if abs(value) >= FIXED else f"{value:.1e}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
