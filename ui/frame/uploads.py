"""Uploaded files, read as files are."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.frame import notes
from ui.frame.fields import in_fields
from vectorlab.errors import VectorLabError


@contextmanager
def in_folder(
    uploads: Sequence[UploadedFile], *, fields: Mapping[str, str] | None = None
) -> Iterator[list[Path]]:
    """The uploads as files of their own names, one beside the other, while the block lasts.

    Errors that VectorLab raises on purpose become a panel, which does not name the folder of the
    moment.

    Args:
        uploads: In the order that the files are given in.
        fields: Labels of the fields that errors are about, by the flag of the command line.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / Path(upload.name).name for upload in uploads]
        try:
            for path, upload in zip(paths, uploads, strict=True):
                path.write_bytes(upload.getvalue())
            yield paths
        except VectorLabError as error:
            names = ", ".join(path.name for path in paths)
            said = str(error).replace(folder + os.sep, "").replace(folder, "What was uploaded")
            notes.note(f"{names} cannot be imported", in_fields(said, fields), tone="bad")
