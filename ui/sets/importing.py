"""Import a file as the next version of a set: look at it first, then freeze it."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import cached, markup
from ui.frame import navigation, uploads
from ui.frame.fields import in_fields
from ui.sets.demonstrations import COLUMNS, show_findings
from vectorlab.services.sets import files, sets
from vectorlab.services.sets.files import ColumnChoice, ReadOptions

FORM = "import"  # of the address, where the form is what was come for
FIRST = 8
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "mac-roman", "shift-jis", "gb18030")


def show(*, is_open: bool) -> None:
    """A form for one file; what it holds is shown before anything is frozen."""
    with st.expander("Import a file", expanded=is_open or st.query_params.get("form") == FORM):
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
        options = _choose_reading(upload)
        with uploads.in_folder([upload]) as [path]:
            options = _choose_sheet(path, options, upload)
            columns = _choose_columns(path, options, upload)
            if columns is not None:
                count = _preview(path, options, columns)
                label = f"Freeze {markup.count(count, 'demonstration')}"
                if st.button(label, type="primary", disabled=not name.strip()):
                    _freeze(path, options, columns, name.strip(), message.strip())


def _choose_reading(upload: UploadedFile) -> ReadOptions:
    """How the bytes become rows, for formats that do not say it themselves."""
    kind = _kind(upload)
    encoding = delimiter = None
    left, right = st.columns(2)
    if kind in files.TEXT_FORMATS:
        encoding = left.selectbox(
            "Encoding",
            ENCODINGS,
            index=None,
            accept_new_options=True,
            key=f"sets.import_encoding.{upload.file_id}",
            placeholder="utf-8",
            help="How the file writes letters: cp1252 or latin-1 for most older files.",
        )
    if kind == "csv":
        delimiter = right.selectbox(
            "Delimiter",
            list(DELIMITERS),
            index=None,
            accept_new_options=True,
            format_func=lambda sign: DELIMITERS.get(sign, sign),
            key=f"sets.import_delimiter.{upload.file_id}",
            placeholder="comma",
            help="Between the columns. Commas within a cell, as in 0,5, stay where another sign "
            "stands between columns.",
        )
    # An upload lies in a folder of the moment.
    return ReadOptions(encoding=encoding, delimiter=delimiter, without_folders=True)


def _choose_sheet(path: Path, options: ReadOptions, upload: UploadedFile) -> ReadOptions:
    """Which sheet of a workbook is read, where there are several."""
    if _kind(upload) != "xlsx":
        return options
    sheets = files.list_sheets([path], options)
    if len(sheets) == 1:
        return options
    sheet = st.selectbox("Sheet", sheets, key=f"sets.import_sheet.{upload.file_id}")
    return replace(options, sheet=sheet)


def _kind(upload: UploadedFile) -> str | None:
    """The format that the ending of a file names."""
    return files.ENDINGS.get(Path(upload.name).suffix.lstrip(".").lower())


def _choose_columns(path: Path, options: ReadOptions, upload: UploadedFile) -> ColumnChoice | None:
    """What the visitor says of the columns where their names do not; None before it is said."""
    known, guess = files.guess_columns([path], options)
    if len(known) < 2 or (guess is not None and not guess.guessed):
        return ColumnChoice()  # nothing to choose
    # Columns of another reading are others, and chosen anew.
    key = f"{upload.file_id}.{options.encoding}.{options.delimiter}.{options.sheet}"
    if guess is None:
        st.html(
            markup.note(f"The columns of {upload.name} do not tell source from target: choose.")
        )
    left, right, beneath = *st.columns(2), st.container()
    source = left.multiselect(
        "Source columns",
        known,
        default=() if guess is None else guess.source,
        key=f"sets.import_source.{key}",
        placeholder="at least one",
        help="The texts of several columns are joined, in this order.",
    )
    target = right.multiselect(
        "Target columns",
        known,
        default=() if guess is None else guess.target,
        key=f"sets.import_target.{key}",
        placeholder="none: bare prompts",
    )
    others = [column for column in known if column not in (*source, *target)]
    metadata = beneath.multiselect(
        "Kept as metadata",
        others,
        default=[
            column for column in (() if guess is None else guess.metadata) if column in others
        ],
        key=f"sets.import_metadata.{key}.{'.'.join(others)}",
        placeholder="none",
        help="Columns that stay with their pair, such as a topic or the prompt that it answers.",
    )
    if not source:
        return None
    return ColumnChoice(
        source=tuple(source),
        target=tuple(target),
        metadata=tuple(metadata),
        bare_prompts=not target,
    )


def _preview(path: Path, options: ReadOptions, columns: ColumnChoice) -> int:
    """The first demonstrations and what the checks find; how many there are."""
    with files.open_import([path], options, columns) as opened:
        for line in opened.sentences():
            st.html(markup.quiet(in_fields(line)))
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


def _freeze(
    path: Path, options: ReadOptions, columns: ColumnChoice, name: str, message: str
) -> None:
    with files.open_import([path], options, columns) as opened:
        done = sets.commit(
            cached.store(),
            name=name,
            demonstrations=opened.demonstrations(),
            message=message or opened.message(),
            actor=cached.user(),
        )
    navigation.go("sets", set=name, version=done.version.number)
