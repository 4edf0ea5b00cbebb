"""Demonstrations and their changes as text for a terminal."""

from collections.abc import Iterable

from rich.text import Text

from vectorlab.cli.output import console
from vectorlab.domain.sets.checks import Finding
from vectorlab.domain.sets.diff import Changes
from vectorlab.domain.sets.history_graph import draw, nodes_of
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.domain.text.word_diff import Change, Segment, word_diff
from vectorlab.services.sets.lines import ConflictingPair

_MARKS = {Change.SAME: ("", ""), Change.ADDED: ("{+", "+}"), Change.REMOVED: ("[-", "-]")}
_STYLES = {Change.SAME: "", Change.ADDED: "green", Change.REMOVED: "red strike"}


def changes_text(title: str, changes: Changes) -> Text:
    """Every change on a line of its own, edits word by word."""
    text = Text(f"{title}\n", style="bold")
    if changes.is_empty:
        return text.append("The same demonstrations in the same order.", style="not bold")
    for edit in changes.edited:
        text.append(f"~ {edit.after.position:>4}  ", style="yellow")
        text.append_text(pair_diff(edit.before.demonstration, edit.after.demonstration))
        text.append("\n")
    for sign, style, items in (("+", "green", changes.added), ("-", "red", changes.removed)):
        for placed in items:
            line = f"{sign} {placed.position:>4}  {pair_text(placed.demonstration)}\n"
            text.append(line, style=f"not bold {style}")
    for moved in changes.moved:
        line = f"> {moved.after:>4}  {pair_text(moved.demonstration)}  (was {moved.before})\n"
        text.append(line, style="not bold cyan")
    counts = (
        f"{len(changes.added)} added, {len(changes.removed)} removed, "
        f"{len(changes.edited)} edited, {len(changes.moved)} moved"
    )
    return text.append(counts, style="not bold dim")


def pair_text(demonstration: Demonstration | None) -> str:
    """A demonstration on one line."""
    if demonstration is None:
        return "(removed)"
    return (
        demonstration.source
        if demonstration.target is None
        else f"{demonstration.source} -> {demonstration.target}"
    )


def pair_diff(old: Demonstration, new: Demonstration) -> Text:
    """A demonstration with the words marked that changed."""
    text = Text(style="not bold")
    for number, (left, right) in enumerate(
        ((old.source, new.source), (old.target or "", new.target or ""))
    ):
        if number:
            text.append(" -> ")
        for segment in word_diff(left, right):
            text.append(_marked(segment), style=_STYLES[segment.change])
    return text


def conflict_text(conflict: ConflictingPair) -> Text:
    """What a demonstration was and what either line made of it."""
    text = Text(f"conflict {conflict.number}\n", style="bold yellow")
    for label, demonstration in (
        ("base  ", conflict.base),
        ("ours  ", conflict.ours),
        ("theirs", conflict.theirs),
    ):
        text.append(f"  {label}  ", style="not bold dim").append(
            f"{pair_text(demonstration)}\n", style="not bold"
        )
    return text


def findings_text(label: str, findings: Iterable[Finding]) -> Text:
    """What the checks found, a line each."""
    text = Text()
    for finding in findings:
        places = ", ".join(str(place) for place in finding.positions[:5])
        more = " ..." if finding.count > len(finding.positions[:5]) else ""
        at = f" (position {places}{more})" if places else ""
        text.append("Warning: ", style="yellow")
        text.append(f"{label}: {finding}{at}\n")
    return text


def history_text(versions: list[SetVersion]) -> Text:
    """The versions as a graph, newest first."""
    by_id = {version.id: version for version in versions}
    text = Text()
    for line in draw(nodes_of(versions)):
        text.append(f"{line.lanes}  ", style="cyan")
        if line.node is not None:
            text.append_text(_version_line(by_id[line.node]))
        text.append("\n")
    return text


def _version_line(version: SetVersion) -> Text:
    text = Text(version.label, style="bold")
    if version.tags:
        text.append(f" ({', '.join(version.tags)})", style="not bold green")
    text.append(f"  {version.message or '(no message)'}", style="not bold")
    about = (
        f"  {version.count} demonstrations, {version.author}, "
        f"{version.created_at:%Y-%m-%d %H:%M}, {version.content_sha256[:12]}"
    )
    return text.append(about, style="not bold dim")


def _marked(segment: Segment) -> str:
    """The words of a change, in brackets where there are no colours to tell it."""
    before, after = ("", "") if console.color_system else _MARKS[segment.change]
    return f"{before}{segment.text}{after}"
