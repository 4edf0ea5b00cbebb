"""Files with data about entity types: the published JSON files, CSV, and one file of our own.

Every reader makes checked ``EntityData`` and raises nothing but ``InputError``; nothing is stored
here.
"""

from vectorlab.ravel.services.files.native import built_in, read_native, write_native
from vectorlab.ravel.services.files.published import published_types, read_published
from vectorlab.ravel.services.files.spreadsheet import read_spreadsheet

__all__ = [
    "built_in",
    "published_types",
    "read_native",
    "read_published",
    "read_spreadsheet",
    "write_native",
]
