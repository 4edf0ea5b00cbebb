"""Demonstration sets from and to files, standard input, data frames and datasets.

Reading is lazy and bounded: a reader makes a ``Table`` of numbered records (one file per format),
``mapping`` chooses the columns, ``demonstrations`` makes and checks demonstrations one at a time,
and a commit takes them as a stream, so that an error anywhere leaves nothing behind. Writing gives
the same bytes for the same version, with a manifest that names it.
"""

from vectorlab.services.sets.files.exporting import (
    Readable,
    export_format,
    read_version,
    write_files,
)
from vectorlab.services.sets.files.formats import ENDINGS, TEXT_FORMATS, ReadOptions
from vectorlab.services.sets.files.frames import make_frame
from vectorlab.services.sets.files.importing import (
    FoundSet,
    OpenInput,
    Seen,
    Survey,
    open_frame_import,
    open_import,
    open_input,
    survey,
)
from vectorlab.services.sets.files.manifest import describe_version
from vectorlab.services.sets.files.mapping import ColumnChoice
from vectorlab.services.sets.files.table import ImportProgress

__all__ = [
    "ENDINGS",
    "TEXT_FORMATS",
    "ColumnChoice",
    "FoundSet",
    "ImportProgress",
    "OpenInput",
    "ReadOptions",
    "Readable",
    "Seen",
    "Survey",
    "describe_version",
    "export_format",
    "make_frame",
    "open_frame_import",
    "open_import",
    "open_input",
    "read_version",
    "survey",
    "write_files",
]
