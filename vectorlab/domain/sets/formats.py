"""File formats of demonstration sets, by name."""

FORMATS = ("csv", "tsv", "json", "jsonl", "parquet", "text", "dataset")
READ_FORMATS = (*FORMATS, "xlsx")  # a workbook is read and not written
