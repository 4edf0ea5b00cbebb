"""Import a file as the next version of a set: look at it first, then freeze it."""

from collections.abc import Callable, Hashable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import cached, markup
from ui.frame import navigation, uploads
from ui.frame.fields import in_fields
from ui.sets.demonstrations import COLUMNS, show_findings
from vectorlab.services.sets import files, sets
from vectorlab.services.sets.files import ColumnChoice, OpenInput, ReadOptions, Survey

T = TypeVar("T")
READ = "sets.import_read"  # session key: the file that was read last, and what was found
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
        with uploads.in_folder([upload]) as [path], ExitStack() as stack:
            reading = _Reading(path, options, upload, stack)
            options = _choose_sheet(reading, options, upload)
            columns = _choose_columns(reading, options, upload)
            if columns is not None:
                count = _preview(reading, options, columns)
                label = f"Freeze {markup.count(count, 'demonstration')}"
                if st.button(label, type="primary", disabled=not name.strip()):
                    _freeze(path, options, columns, name.strip(), message.strip())


class _Reading:
    """What is known of an upload; its file is opened for what is not, and then once."""

    def __init__(
        self, path: Path, options: ReadOptions, upload: UploadedFile, stack: ExitStack
    ) -> None:
        kept = st.session_state.get(READ)
        if kept is None or kept[0] != upload.file_id:
            kept = st.session_state[READ] = (upload.file_id, {})
        self._known: dict[Hashable, Any] = kept[1]
        self._path, self._options, self._stack = path, options, stack
        self._opened: OpenInput | None = None

    def ask(self, read: Callable[[OpenInput], T], *what: Hashable) -> T:
        """The answer to a question about the file, which is read if nobody asked it before.

        Args:
            read: Finds the answer.
            what: The question.

        Raises:
            InputError: If the file cannot be read.
        """
        question = (self._options, *what)
        if question not in self._known:
            if self._opened is None:
                self._opened = self._stack.enter_context(
                    files.open_input([self._path], self._options)
                )
            self._known[question] = read(self._opened)
        found: T = self._known[question]
        return found


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


def _choose_sheet(reading: _Reading, options: ReadOptions, upload: UploadedFile) -> ReadOptions:
    """Which sheet of a workbook is read, where there are several."""
    sheets = reading.ask(OpenInput.sheets, "sheets")
    if len(sheets) < 2:
        return options
    sheet = st.selectbox("Sheet", sheets, key=f"sets.import_sheet.{upload.file_id}")
    return replace(options, sheet=sheet)


def _kind(upload: UploadedFile) -> str | None:
    """The format that the ending of a file names."""
    return files.ENDINGS.get(Path(upload.name).suffix.lstrip(".").lower())


def _choose_columns(
    reading: _Reading, options: ReadOptions, upload: UploadedFile
) -> ColumnChoice | None:
    """What the visitor says of the columns where their names do not; None before it is said."""
    sheet = options.sheet
    known, guess = reading.ask(lambda opened: opened.columns(sheet=sheet), "columns", sheet)
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


def _preview(reading: _Reading, options: ReadOptions, columns: ColumnChoice) -> int:
    """The first demonstrations and what the checks find; how many there are."""

    def read(opened: OpenInput) -> tuple[list[str], Survey]:
        found = opened.found(columns, sheet=options.sheet)
        return found.sentences(), files.survey(found, rows=FIRST)

    sentences, seen = reading.ask(read, "demonstrations", options.sheet, columns)
    for line in sentences:
        st.html(markup.quiet(in_fields(line)))
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
