"""How much of a file is looked at or held at once; docs/sets_files.md states the same numbers."""

FIELD_LIMIT = 2**22  # characters of one source, target or other field: 4 Mi
RECORD_LIMIT = 2**24  # characters of one row, object or line: 16 Mi
OBJECT_LIMIT = 2**26  # characters of a JSON file that is one object, which is read whole: 64 Mi
METADATA_LIMIT = 2**16  # characters of the metadata of one demonstration, as JSON: 64 Ki
DEPTH_LIMIT = 64  # levels of nesting of a metadata value
ENTRY_LIMIT = 10_000_000  # entries that an object of lists makes with its suffixes
COLUMN_LIMIT = 10_000  # columns of a table
ROW_LIMIT = 2**20  # rows of a sheet of a workbook, as many as spreadsheets have
ELEMENT_LIMIT = 2**19  # elements that a part of a workbook has in a row, or outside of rows
TEXT_LIMIT = 2**22  # rows of a part, or texts of its list of texts
WORKBOOK_LIMIT = 2**27  # bytes of all parts of a workbook, unpacked: 128 MiB

PEEK_RECORDS = 100  # records of a JSON file that are looked at before columns are chosen
PEEK_CHARACTERS = 2**22  # and no more than this much of it
CHUNK_BYTES = 2**18  # read from a file at a time
BATCH_BYTES = 2**25  # of Arrow data at a time, as far as the file tells its sizes: 32 MiB
