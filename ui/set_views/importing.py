"""Import a file as the next version of a set: look at it first, then freeze it."""

import tempfile
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import data, parts, texts
from ui.set_views.demonstrations import COLUMNS, show_findings
from vectorlab.services import set_files, sets

FIRST = 8
ENDINGS = ("csv", "tsv", "json", "jsonl", "txt", "parquet", "xlsx")


def show(*, is_open: bool) -> None:
    """A form for one file; what it holds is shown before anything is frozen."""
    with st.expander("Import a file", expanded=is_open):
        given = st.file_uploader(
            "A file with one pair per row", type=list(ENDINGS), key="sets.upload"
        )
        left, right = st.columns(2)
        name = left.text_input(
            "Name of the set",
            key="sets.import_name",
            placeholder="upbeat",
            help="A set that is there gets its next version.",
        )
        message = right.text_input("Message", key="sets.import_message", placeholder="optional")
        if given is None:
            return
        with parts.in_words(), tempfile.TemporaryDirectory() as folder:
            path = _kept(given, Path(folder))
            with set_files.open_import([path]) as found:
                for line in found.sentences():
                    st.html(texts.note(line))
                seen = set_files.survey(found, rows=FIRST)
            st.dataframe(
                pd.DataFrame(
                    {
                        "source": [item.source for item in seen.first],
                        "target": [item.target for item in seen.first],
                    }
                ),
                key="sets.import_first",
                hide_index=True,
                column_config=COLUMNS,
            )
            show_findings(seen.findings)
            label = f"Freeze {seen.count} demonstrations"
            if st.button(label, type="primary", disabled=not name.strip()):
                _freeze(path, name.strip(), message.strip())


def _kept(given: UploadedFile, folder: Path) -> Path:
    """The upload as a file of its own name, whose ending says the format."""
    path = folder / Path(given.name).name
    path.write_bytes(given.getvalue())
    return path


def _freeze(path: Path, name: str, message: str) -> None:
    with set_files.open_import([path]) as found:
        done = sets.commit(
            data.store(),
            name=name,
            demonstrations=found.demonstrations(),
            message=message or found.message(),
            actor=data.user(),
        )
    parts.go("sets", set=name, version=done.version.number)
