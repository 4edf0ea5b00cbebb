"""What the store holds, what is running, and what happened last."""

import streamlit as st

from ui import data, first_steps, parts, texts
from vectorlab.services import browsing, jobs, reports

LATEST = 6

db = data.store()
parts.header("VectorLab", "Demonstrations, the vectors they became, and the texts those produced.")

held = browsing.inventory(db)
if not held.runs:
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
    parts.worker_note()
if waiting or running:
    parts.page_link("See what is running", "jobs")

st.subheader("Latest runs", anchor=False)
latest_runs = browsing.list_runs(db, limit=LATEST)
if latest_runs:
    chosen = parts.pick(
        reports.summaries_frame(latest_runs),
        key="overview.runs",
        hide=("seed", "seconds"),
        columns=parts.RUN_COLUMNS,
    )
    if chosen is not None:
        parts.go("compare", run=latest_runs[chosen].id)
else:
    parts.page_link("No run yet. Make one", "new_run")

st.subheader("Latest vectors", anchor=False)
latest_vectors = browsing.list_vectors(db, limit=LATEST)
if latest_vectors:
    chosen = parts.pick(
        reports.vectors_frame(latest_vectors),
        key="overview.vectors",
        hide=("id", "sha256", "read site", "write site", "origin"),
        columns={"made": parts.TIME},
    )
    if chosen is not None:
        parts.go("vectors", vector=latest_vectors[chosen].name)
else:
    parts.page_link("No vector yet. Extract one", "new_vector")

place = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[db.dialect]
st.html(texts.quiet(f"Store: {place} · {db.name.rpartition('/')[2]} · times are UTC"))
