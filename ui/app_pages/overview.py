"""What the store holds, what is running, and what happened last."""

import streamlit as st

from ui import cached, first_steps, markup
from ui.frame import job_panels, lists, navigation, notes
from vectorlab.services import frames, jobs
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
if waiting:
    job_panels.worker_note()
if waiting or running:
    navigation.page_link("See what is running", "jobs")

st.subheader("Latest runs", anchor=False)
latest_runs = run_lists.list_runs(db, limit=LATEST)
if latest_runs:
    chosen = lists.pick(
        frames.summaries_frame(latest_runs),
        key="overview.runs",
        hide=("seed", "seconds"),
        columns=lists.RUN_COLUMNS,
    )
    if chosen is not None:
        navigation.go("compare", run=latest_runs[chosen].id)
else:
    navigation.page_link("No run yet. Make one", "new_run")

st.subheader("Latest vectors", anchor=False)
latest_vectors = run_lists.list_vectors(db, limit=LATEST)
if latest_vectors:
    chosen = lists.pick(
        frames.vectors_frame(latest_vectors),
        key="overview.vectors",
        hide=("id", "sha256", "read site", "write site", "origin"),
        columns={"made": lists.TIME},
    )
    if chosen is not None:
        navigation.go("vectors", vector=latest_vectors[chosen].name)
else:
    navigation.page_link("No vector yet. Extract one", "new_vector")

place = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[db.dialect]
st.html(markup.quiet(f"Store: {place} · {db.name.rpartition('/')[2]} · times are UTC"))
