"""The database in use, what it holds, whether it is sound; models and versions."""

import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import streamlit as st

from ui import cached, markup
from ui.frame import job_panels, notes, verbs
from vectorlab.services import database, models
from vectorlab.services.runs import lists
from vectorlab.version import __version__

PACKAGES = ("torch", "transformers", "sqlalchemy", "streamlit", "altair", "numpy", "pandas")
MOST_BACKUP_BYTES = 500 * 2**20  # a larger file does not pass through the browser


def _show_database() -> None:
    st.subheader("Database", anchor=False)
    address = database.display(db.url).replace(str(Path.home()), "~")
    facts = {"address": address, **database.describe(db)}
    size = database.file_bytes(db)
    if size is not None:
        facts["size"] = _size(size)
    st.html(markup.facts([(name, markup.escape(value)) for name, value in facts.items()]))
    for line in database.warnings(db):
        notes.note("Risky", line, tone="bad")
    held = lists.inventory(db)
    st.html(
        markup.quiet(
            f"sets: {held.sets:,} in {held.versions:,} versions · vectors: {held.vectors:,} · "
            f"runs: {held.runs:,} · models: {held.models:,}"
        )
    )


def _show_storage() -> None:
    st.subheader("Storage by table", anchor=False)
    if st.button("Measure", help="Measure the tables; this looks at every page of a SQLite file."):
        with st.spinner("Measuring …"):
            st.session_state["settings.sizes"] = database.table_sizes(db)
    sizes = st.session_state.get("settings.sizes")
    if sizes is None:
        st.html(markup.quiet("Not measured yet; it takes a while on a large file."))
        return
    st.dataframe(
        pd.DataFrame(
            {
                "table": [size.name for size in sizes],
                "rows": [size.rows for size in sizes],
                "MB": [size.n_bytes / 1e6 for size in sizes],
            }
        ),
        key="settings.tables",
        hide_index=True,
        column_config={"MB": st.column_config.NumberColumn(format="%.2f")},
    )


def _show_checks() -> None:
    st.subheader("Checks", anchor=False)
    if st.button("Check every hash", help="Read the whole store and compute every hash anew."):
        with st.spinner("Checking …"):
            st.session_state["settings.problems"] = database.verify(db)
    problems = st.session_state.get("settings.problems")
    if problems is None:
        st.html(markup.quiet("Not checked in this session."))
    elif problems:
        notes.note(markup.count(len(problems), "problem"), "\n".join(problems[:20]), tone="bad")
    else:
        notes.note("Sound", "Every stored hash holds.", tone="good")


def _show_backup() -> None:
    st.subheader("Backup", anchor=False)
    size = database.file_bytes(db)
    if db.dialect == "postgresql":
        notes.note(
            "PostgreSQL", "Its own tool makes the backup:", command="pg_dump -Fc -f FILE URL"
        )
        return
    if size is None:
        notes.note(
            "No file", "The file of the store is gone; there is nothing to copy.", tone="bad"
        )
        return
    if size > MOST_BACKUP_BYTES:
        notes.note(
            "Too large for the browser",
            f"The file has {_size(size)}. Make the backup in a terminal, while everything runs:",
            command="vectorlab db backup FILE",
        )
        return
    st.download_button(
        "Make and download a backup",
        _backup,
        file_name="vectorlab-backup.db",
        mime="application/vnd.sqlite3",
        on_click="ignore",
    )
    st.caption("A consistent copy, made while the store is in use. vectorlab db restore takes it.")


def _backup() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return database.backup(db.url, Path(folder) / "backup.db").read_bytes()


def _show_models() -> None:
    st.subheader("Models", anchor=False)
    registered = models.list_models(db)
    if registered:
        st.dataframe(
            pd.DataFrame(
                {
                    "model": [model.name for model in registered],
                    "architecture": [model.description.architecture for model in registered],
                    "layers": [model.description.n_layers for model in registered],
                    "d_model": [model.description.d_model for model in registered],
                    "parameters": [model.description.n_parameters for model in registered],
                    "source": [model.description.source for model in registered],
                    "fingerprint": [model.fingerprint[:12] for model in registered],
                }
            ),
            key="settings.models",
            hide_index=True,
        )
        with st.container(horizontal=True):
            for model in registered:
                verbs.rename(
                    "model",
                    model.name,
                    models.rename,
                    page="settings",
                    label=f"Rename {model.name}",
                )
    else:
        st.html(markup.quiet("No model is registered yet."))
    with (
        st.expander("Register a model", expanded=not registered),
        st.form("register", border=False),
    ):
        source = st.text_input(
            "Directory or hub id, as the worker sees it",
            key="settings.source",
            value="bundled:tiny",
        )
        name = st.text_input("Name", key="settings.model_name", placeholder="from the source")
        if st.form_submit_button("Register"):
            job_panels.ask(
                lambda: models.request_registration(
                    db, source, actor=cached.user(), name=name.strip() or None
                )
            )
    job_panels.follow_job(link=False)


def _show_versions() -> None:
    st.subheader("Versions", anchor=False)
    facts = [("vectorlab", __version__), ("python", platform.python_version())]
    for name in PACKAGES:
        try:
            facts.append((name, version(name)))
        except PackageNotFoundError:
            continue
    facts.append(("platform", f"{platform.system()} {platform.machine()}, {sys.byteorder} endian"))
    st.html(markup.facts([(name, markup.escape(value)) for name, value in facts]))


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


db = cached.store()
notes.header("Settings", "The database in use, what it holds, and whether it is sound.")
_show_database()
_show_models()
_show_storage()
left, right = st.columns(2)
with left:
    _show_checks()
with right:
    _show_backup()
_show_versions()
