"""Steering vectors to and from files; one file per format, see ``base``."""

from vectorlab.services.vectors.files.files import export_vector, import_vector

__all__ = ["export_vector", "import_vector"]
