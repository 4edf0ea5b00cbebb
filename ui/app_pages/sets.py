"""Demonstration sets: the list, one set's versions, what changed between two of them."""

from collections.abc import Sequence

import streamlit as st

from ui import data, parts, texts
from vectorlab.domain.sets import Demonstration, SetVersion
from vectorlab.services import reports, set_history, sets

DEMONSTRATIONS, CHANGES, LOG = "demonstrations", "changes", "log"


def _show_list() -> None:
    parts.header("Demonstration sets", "Pairs source → target, frozen version by version.")
    frame = reports.sets_frame(data.store())
    if frame.empty:
        parts.note(
            "No demonstration set yet",
            "Import a CSV, TSV, JSON or JSON Lines file with one pair per row:",
            command="vectorlab sets import reviews.csv --set upbeat",
        )
        return
    chosen = parts.pick(frame, key="sets.list", hide=("sha256",), columns={"changed": parts.TIME})
    st.caption("Click a row to open the set.")
    if chosen is not None:
        parts.go("sets", set=frame["set"][chosen])


def _show_set(name: str) -> None:
    versions = sets.log(data.store(), name)
    about = next(item for item, _ in sets.list_sets(data.store()) if item.name == name)
    parts.header(name, about.description or "A demonstration set.")
    if not versions:
        parts.note(
            "No version yet",
            "Import pairs to freeze the first one:",
            command=f"vectorlab sets import FILE --set {name}",
        )
        return
    numbers = [item.number for item in versions]
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    parts.say_unknown("version", [str(item) for item in numbers])
    number = left.selectbox("Version", numbers, key="version", bind="query-params")
    view = right.segmented_control(
        "View",
        [DEMONSTRATIONS, CHANGES, LOG],
        default=DEMONSTRATIONS,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    version = versions[numbers.index(number)]
    if view == LOG:
        _show_log(versions)
    elif view == CHANGES:
        _show_changes(version, [item for item in numbers if item != number])
    else:
        _show_demonstrations(version, about.task, about.labels)


def _show_demonstrations(version: SetVersion, task: str, labels: Sequence[str]) -> None:
    st.html(
        texts.facts(
            [
                ("message", texts.literal(version.message or "–")),
                ("by", f"{texts.escape(version.author)}, {texts.moment(version.created_at)}"),
                ("task", texts.escape(task or "–")),
                ("labels", texts.tags(labels)),
                ("tags", texts.tags(version.tags)),
                ("content", texts.mono(version.content_sha256)),
            ]
        )
    )
    frame = data.demonstrations(version)
    st.dataframe(
        frame,
        key="sets.demonstrations",
        hide_index=True,
        placeholder="–",
        column_config={"position": st.column_config.NumberColumn("#", width=50)},
    )
    if frame["target"].notna().all():
        parts.page_link("New vector from this version", "new_vector", set=version.label)
    parts.page_link("New run with these sources as prompts", "new_run", prompts=version.label)


def _show_changes(version: SetVersion, others: list[int]) -> None:
    if not others:
        parts.note("Only one version", "There is nothing to compare it with yet.")
        return
    earlier = [item for item in others if item < version.number]
    against = st.selectbox(
        "Compared with version",
        others,
        index=others.index(max(earlier)) if earlier else 0,
        key="since",
        bind="query-params",
    )
    found = set_history.diff(data.store(), f"{version.set_name}@{against}", version.label).changes
    if found.is_empty:
        parts.note("No change", "Both versions hold the same demonstrations in the same order.")
        return
    counts = (
        (found.edited, "edited", "busy"),
        (found.added, "added", "good"),
        (found.removed, "removed", "bad"),
        (found.moved, "moved", ""),
    )
    st.html(" ".join(texts.badge(f"{len(what)} {word}", tone) for what, word, tone in counts))
    rows = [
        ("edited", *_edited_cells(item.before.demonstration, item.after.demonstration))
        for item in found.edited
    ]
    rows += [("added", *_cells(item.demonstration)) for item in found.added]
    rows += [("removed", *_cells(item.demonstration)) for item in found.removed]
    rows += [
        (f"moved {item.before} → {item.after}", *_cells(item.demonstration)) for item in found.moved
    ]
    st.html(texts.table(["", "source", "target"], rows))


def _cells(item: Demonstration) -> tuple[str, str]:
    return texts.literal(item.source), texts.literal(item.target or "–")


def _edited_cells(old: Demonstration, new: Demonstration) -> tuple[str, str]:
    return (
        texts.difference(old.source, new.source),
        texts.difference(old.target or "", new.target or ""),
    )


def _show_log(versions: Sequence[SetVersion]) -> None:
    labels = {item.id: item.label for item in versions}
    rows = [
        (
            texts.link(item.label, "sets", set=item.set_name, version=item.number),
            texts.literal(item.message or "–"),
            str(item.count),
            texts.escape(item.author),
            texts.moment(item.created_at),
            texts.escape(labels.get(item.parent_id or 0, "–")),
            texts.mono(item.content_sha256[:12]),
        )
        for item in versions
    ]
    head = ["version", "message", "demonstrations", "by", "frozen", "parent", "content"]
    st.html(texts.table(head, rows))


chosen_set = st.query_params.get("set")
if chosen_set is None:
    _show_list()
else:
    _show_set(chosen_set)
