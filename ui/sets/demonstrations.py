"""Browse a version page by page, with what the checks found in it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from ui.frame import navigation
from vectorlab.domain.sets.checks import Finding
from vectorlab.domain.sets.versions import Demonstration, DemonstrationSet, SetVersion
from vectorlab.services import frames
from vectorlab.services.sets import sets

DEMONSTRATIONS = "demonstrations"  # the view of a version that it begins with
PER_PAGE = 100
COLUMNS = {
    **tables.number_column(),
    # So narrow that a phone shows both; wider windows stretch them.
    "source": st.column_config.TextColumn(width=150),
    "target": st.column_config.TextColumn(width=150),
}


def show(version: SetVersion, about: DemonstrationSet) -> None:
    """Facts, findings and demonstrations of a version."""
    st.html(
        markup.facts(
            [
                ("message", markup.literal(version.message or "–")),
                ("by", f"{markup.escape(version.author)}, {markup.moment(version.created_at)}"),
                ("task", markup.escape(about.task or "–")),
                ("labels", markup.tags(about.labels)),
                ("tags", markup.tags(version.tags)),
                ("content hash", markup.mono(version.content_sha256)),
            ]
        )
    )
    show_findings(cached.findings(version))
    rows, _ = page_of(version)
    st.dataframe(
        frame_of(rows),
        key="sets.demonstrations",
        hide_index=True,
        placeholder="–",
        column_config=COLUMNS,
    )
    st.caption(tables.COUNTED)
    with st.container(horizontal=True, vertical_alignment="center"):
        _offer_vector(version)
        navigation.page_link(
            "New run with these sources as prompts", "new_run", prompts=version.label
        )
        tables.csv_button(
            lambda: frames.demonstrations_frame(cached.store(), version.label),
            name=version.label,
            label=f"Download all {version.count} (CSV)",
        )


def _offer_vector(version: SetVersion) -> None:
    """The way to a vector of the version, or why there is none."""
    bare = cached.without_target(version)
    if not bare:
        navigation.page_link("New vector from this version", "new_vector", set=version.label)
        return
    some = f"{bare} of its {version.count} demonstrations have" if bare > 1 else "one pair has"
    why = "it holds bare prompts, without targets" if bare == version.count else f"{some} no target"
    st.html(markup.quiet(f"No vector can be made of this version: {why}."))


def page_of(version: SetVersion) -> tuple[Sequence[tuple[int, Demonstration]], int]:
    """The chosen page of what is looked for, and how many demonstrations that is in all."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    contains = left.text_input(
        "Search in sources and targets",
        key="contains",
        bind="query-params",
        placeholder=f"Any of {markup.count(version.count, 'demonstration')}",
    )
    first = sets.page(cached.store(), version, contains=contains, limit=PER_PAGE)
    pages = max(1, -(-first.total // PER_PAGE))
    number = 1
    if pages > 1:
        with right:
            number = st.pagination(pages, key="page", bind="query-params")
    page = first
    if number > 1:
        page = sets.page(
            cached.store(),
            version,
            contains=contains,
            offset=(number - 1) * PER_PAGE,
            limit=PER_PAGE,
        )
    words = "match" if contains else "demonstrations"
    begin = (number - 1) * PER_PAGE
    st.caption(f"{begin + bool(page.total)} to {begin + len(page.rows)} of {page.total} {words}")
    return page.rows, page.total


def frame_of(rows: Sequence[tuple[int, Demonstration]]) -> pd.DataFrame:
    """Rows of a page as a table."""
    return pd.DataFrame(
        {
            tables.NUMBER: [position + 1 for position, _ in rows],
            "source": [demonstration.source for _, demonstration in rows],
            "target": [demonstration.target for _, demonstration in rows],
        }
    )


def show_findings(findings: Sequence[Finding]) -> None:
    """What the checks found, a line each; nothing where they found nothing."""
    if not findings:
        return
    lines = []
    for finding in findings:
        places = ", ".join(str(position + 1) for position in finding.positions[:10])
        more = " …" if finding.count > len(finding.positions[:10]) else ""
        at = markup.quiet(f" (number {places}{more})") if places else ""
        lines.append(f"<li>{markup.escape(finding)}{at}</li>")
    st.html(
        '<div class="vl-panel"><b>What the checks found</b>'
        f'<ul class="vl-findings">{"".join(lines)}</ul></div>'
    )
