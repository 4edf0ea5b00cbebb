"""Store a vector from a file: look at what it is first."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import cached, markup
from ui.frame import navigation, uploads
from vectorlab.domain.vectors.formats import VECTOR_FORMATS
from vectorlab.services import models
from vectorlab.services.vectors import files
from vectorlab.services.vectors.files import VectorInFile

FIELDS = {"--format": "Format", "--model": "Model that it belongs to", "--name": "Name to keep"}


def show() -> None:
    """A form for one file; what the file does not say itself is asked for."""
    with st.expander("Import a file"):
        upload = st.file_uploader("A file of a vector", key="vectors.upload")
        if upload is None:
            return
        written_as = _choose_format(upload)
        with uploads.in_folder([upload], fields=FIELDS) as [path]:
            _offer(path, written_as, upload)


def _choose_format(upload: UploadedFile) -> str | None:
    """The format of a file whose ending names none."""
    endings = [ending for entry in VECTOR_FORMATS.values() for ending in entry.endings]
    if Path(upload.name).suffix.removeprefix(".").lower() in endings:
        return None
    return st.selectbox(
        FIELDS["--format"],
        list(VECTOR_FORMATS),
        index=None,
        key=f"vectors.format.{upload.file_id}",
        placeholder="its ending names none",
    )


def _offer(path: Path, written_as: str | None, upload: UploadedFile) -> None:
    found = files.look_at(cached.store(), path, format=written_as)
    st.html(
        markup.quiet(
            f"{found.name}: a vector of method {found.method} on {found.layers} layers, made on "
            f"{found.made_on}."
        )
    )
    left, right = st.columns(2)
    name = left.text_input(
        FIELDS["--name"], key=f"vectors.import_name.{upload.file_id}", placeholder=found.name
    )
    with right:
        model = _choose_model(found, upload)
    if st.button("Store the vector", type="primary", disabled=found.model is None and not model):
        vector = files.import_vector(
            cached.store(),
            path,
            format=written_as,
            model=None if model is None else models.get(cached.store(), model),
            name=name.strip() or None,
            actor=cached.user(),
        )
        navigation.go("vectors", vector=vector.name)


def _choose_model(found: VectorInFile, upload: UploadedFile) -> str | None:
    """The model of a vector whose own is not registered here."""
    if found.model is not None:
        return None
    known = [model.name for model in models.list_models(cached.store())]
    return st.selectbox(
        FIELDS["--model"],
        known,
        index=None,
        key=f"vectors.import_model.{upload.file_id}",
        placeholder=f"{found.made_on} is not registered",
        help="The model with which the file was made is not registered here: register it in "
        "Settings, or say which one the vector is to act on.",
    )
