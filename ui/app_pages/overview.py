"""What a person comes back for: verdicts, what runs now, tries worth keeping, what is next."""

import streamlit as st

from ui import cached, first_steps, markup, overview
from ui.frame import navigation, notes
from ui.runs import listing as runs_listing
from vectorlab.domain.runs.lists import RunFilter, RunKind
from vectorlab.services.runs import lists as run_lists

LATEST = 5

db = cached.store()
notes.header("VectorLab", "Demonstrations, the vectors they became, and the texts those produced.")

held = run_lists.inventory(db)
is_first = not held.runs or first_steps.are_under_way()
if is_first:
    first_steps.show(held)
if not (held.sets or held.vectors or held.runs):
    st.stop()

overview.show_ways()
overview.show_verdicts()
overview.show_under_way()
if held.runs and not is_first:  # whose end is a try itself
    tries, steps = st.columns(2, gap="large")
    with tries:
        overview.show_tries()
    with steps:
        overview.show_next()
    notes.heading("Latest runs that were kept")
    latest = run_lists.list_runs(db, RunFilter(kind=RunKind.KEPT), limit=LATEST)
    if latest:
        runs_listing.show(latest, name="latest-runs")
    navigation.page_link("All runs", "runs")

place = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[db.dialect]
held_things = ((held.sets, "set"), (held.vectors, "vector"), (held.runs, "run"))
counts = ", ".join(markup.count(number, thing) for number, thing in held_things)
st.html(markup.quiet(f"Store: {place} · {db.name.rpartition('/')[2]} · {counts} · times are UTC"))
