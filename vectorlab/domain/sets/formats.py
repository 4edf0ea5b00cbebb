"""File formats of demonstration sets, by name."""

FORMATS = ("csv", "tsv", "json", "jsonl", "parquet", "text", "dataset")
