"""Steering vectors to and from files; one file per format, see ``base``."""

from vectorlab.services.vectors.files.files import (
    VectorInFile,
    export_vector,
    import_vector,
    look_at,
)

__all__ = ["VectorInFile", "export_vector", "import_vector", "look_at"]
