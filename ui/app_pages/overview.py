"""What the store holds, what is running, and what happened last."""

import streamlit as st

from ui import cached, first_steps, markup
from ui.frame import job_panels, navigation, notes
from ui.runs import listing as runs_listing
from ui.vectors import listing as vectors_listing
from vectorlab.services import jobs
from vectorlab.services.runs import lists as run_lists

LATEST = 6

db = cached.store()
notes.header("VectorLab", "Demonstrations, the vectors they became, and the texts those produced.")

held = run_lists.inventory(db)
if not held.runs or first_steps.are_under_way():
    first_steps.show(held)
if not (held.sets or held.vectors or held.runs):
    st.stop()

waiting, running = jobs.under_way(db)
counts = st.columns(4)
counts[0].metric("Demonstration sets", f"{held.sets:,}", border=True)
counts[1].metric("Steering vectors", f"{held.vectors:,}", border=True)
counts[2].metric("Generation runs", f"{held.runs:,}", border=True)
counts[3].metric("Jobs running · waiting", f"{running} · {waiting}", border=True)
if jobs.any_due(db):  # one whose worker is gone waits for the next
    job_panels.worker_note()
if waiting or running:
    navigation.page_link("See what is running", "jobs")

st.subheader("Latest runs", anchor=False)
latest_runs = run_lists.list_runs(db, limit=LATEST)
if latest_runs:
    runs_listing.show(latest_runs, name="latest-runs")
    navigation.page_link("All runs", "runs")
else:
    navigation.page_link("No run yet. Make one", "new_run")

st.subheader("Latest vectors", anchor=False)
latest_vectors = run_lists.list_vectors(db, limit=LATEST)
if latest_vectors:
    vectors_listing.show_latest(latest_vectors, name="latest-vectors")
    navigation.page_link("All vectors", "vectors")
else:
    navigation.page_link("No vector yet. Extract one", "new_vector")

place = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[db.dialect]
st.html(markup.quiet(f"Store: {place} · {db.name.rpartition('/')[2]} · times are UTC"))
