"""Import a file as the next version of a set: look at it first, then freeze it."""

import tempfile
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import cached, markup
from ui.frame import navigation, notes
from ui.sets.demonstrations import COLUMNS, show_findings
from vectorlab.services.sets import files, sets
from vectorlab.services.sets.files import ColumnChoice

FIRST = 8
READ = files.ReadOptions(without_folders=True)  # an upload lies in a folder of the moment


def show(*, is_open: bool) -> None:
    """A form for one file; what it holds is shown before anything is frozen."""
    with st.expander("Import a file", expanded=is_open):
        upload = st.file_uploader(
            "A file with one pair per row", type=list(files.ENDINGS), key="sets.upload"
        )
        left, right = st.columns(2)
        name = left.text_input(
            "Name of the set",
            key="sets.import_name",
            placeholder="upbeat",
            help="A set of this name gets its next version; if there is none, it is created.",
        )
        message = right.text_input("Message", key="sets.import_message", placeholder="optional")
        if upload is None:
            return
        failed = f"{upload.name} cannot be imported"
        with notes.errors_as_panel(failed), tempfile.TemporaryDirectory() as folder:
            path = _kept(upload, Path(folder))
            columns = _choose_columns(path, upload)
            if columns is not None:
                label = f"Freeze {_preview(path, columns)} demonstrations"
                if st.button(label, type="primary", disabled=not name.strip()):
                    _freeze(path, columns, name.strip(), message.strip())


def _kept(upload: UploadedFile, folder: Path) -> Path:
    """The upload as a file of its own name, whose ending says the format."""
    path = folder / Path(upload.name).name
    path.write_bytes(upload.getvalue())
    return path


def _choose_columns(path: Path, upload: UploadedFile) -> ColumnChoice | None:
    """What the visitor says of the columns where their names do not; None before it is said."""
    known, guess = files.guess_columns([path], READ)
    if len(known) < 2 or (guess is not None and not guess.guessed):
        return ColumnChoice()  # nothing to choose
    if guess is None:
        st.html(
            markup.note(f"The columns of {upload.name} do not tell source from target: choose.")
        )
    left, right = st.columns(2)
    source = left.multiselect(
        "Source columns",
        known,
        default=() if guess is None else guess.source,
        key=f"sets.import_source.{upload.file_id}",
        placeholder="at least one",
        help="The texts of several columns are joined, in this order.",
    )
    target = right.multiselect(
        "Target columns",
        known,
        default=() if guess is None else guess.target,
        key=f"sets.import_target.{upload.file_id}",
        placeholder="none: bare prompts",
    )
    if not source:
        return None
    return ColumnChoice(source=tuple(source), target=tuple(target), bare_prompts=not target)


def _preview(path: Path, columns: ColumnChoice) -> int:
    """The first demonstrations and what the checks find; how many there are."""
    with files.open_import([path], READ, columns) as opened:
        for line in opened.sentences():
            st.html(markup.note(line))
        seen = files.survey(opened, rows=FIRST)
    st.dataframe(
        pd.DataFrame(
            {
                "source": [demonstration.source for demonstration in seen.first],
                "target": [demonstration.target for demonstration in seen.first],
            }
        ),
        key="sets.import_first",
        hide_index=True,
        column_config=COLUMNS,
    )
    show_findings(seen.findings)
    return seen.count


def _freeze(path: Path, columns: ColumnChoice, name: str, message: str) -> None:
    with files.open_import([path], READ, columns) as opened:
        done = sets.commit(
            cached.store(),
            name=name,
            demonstrations=opened.demonstrations(),
            message=message or opened.message(),
            actor=cached.user(),
        )
    navigation.go("sets", set=name, version=done.version.number)
