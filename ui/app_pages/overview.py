"""What the store holds, and what happened last."""

import streamlit as st

from ui import data, parts, texts
from vectorlab.domain.jobs import JobState
from vectorlab.services import jobs, reports, runs, sets, vectors

LATEST = 6
COUNTED = 500

db = data.store()
parts.header("VectorLab", "Demonstrations, the vectors they became, and the texts those produced.")

all_sets = sets.list_sets(db)
if not all_sets:
    parts.note(
        "The store is empty",
        "Fill it with two ready experiments on the bundled model, or import your own pairs:",
        command="vectorlab demo --no-serve\nvectorlab sets import reviews.csv --set upbeat",
    )
    st.stop()

all_vectors = vectors.list_vectors(db)
latest_runs = runs.list_runs(db, limit=COUNTED)
waiting = len(jobs.list_jobs(db, state=JobState.QUEUED, limit=COUNTED))
running = len(jobs.list_jobs(db, state=JobState.RUNNING, limit=COUNTED))

counts = st.columns(4)
counts[0].metric("Demonstration sets", len(all_sets), border=True)
counts[1].metric("Steering vectors", len(all_vectors), border=True)
more = "+" if len(latest_runs) == COUNTED else ""
counts[2].metric("Generation runs", f"{len(latest_runs)}{more}", border=True)
counts[3].metric("Jobs running · waiting", f"{running} · {waiting}", border=True)
if waiting:
    parts.worker_note()

st.subheader("Latest runs", anchor=False)
if latest_runs:
    chosen = parts.pick(
        reports.runs_frame(latest_runs[:LATEST]),
        key="overview.runs",
        hide=("run", "seed", "seconds"),
        columns=parts.RUN_COLUMNS,
    )
    if chosen is not None:
        parts.go("compare", run=latest_runs[chosen].id)
else:
    parts.page_link("No run yet. Make one", "new_run")

st.subheader("Latest vectors", anchor=False)
if all_vectors:
    chosen = parts.pick(
        reports.vectors_frame(all_vectors[:LATEST]),
        key="overview.vectors",
        hide=("id", "sha256", "read site", "write site", "origin"),
        columns={"made": parts.TIME},
    )
    if chosen is not None:
        parts.go("vectors", vector=all_vectors[chosen].name)
else:
    parts.page_link("No vector yet. Extract one", "new_vector")

place = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[db.dialect]
st.html(texts.quiet(f"Store: {place} · {db.name.rpartition('/')[2]} · times are UTC"))
