"""Directories that ``save_to_disk`` of the Hugging Face datasets library writes, and its hub.

A local directory is read and written with pyarrow alone. The library itself, from the optional
extra ``hub``, is imported only where a dataset of the hub is asked for by name.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.arrow import ERRORS, one_line, records
from vectorlab.services.sets.files.parquet_format import MANIFEST_KEY, manifest_of, record_batches
from vectorlab.services.sets.files.table import (
    ImportProgress,
    Record,
    Records,
    RecordTable,
    check_columns,
    first_records,
)

HUB = "hub:"
_SPLITS = "dataset_dict.json"
_STATE = "state.json"
_DATA = "data-00000-of-00001.arrow"
_ROWS = 1000  # per record batch, as the library writes
_NOTES_LIMIT = 2**24  # bytes of the JSON files beside the data


def open_dataset(
    folder: Path, *, split: str | None, progress: ImportProgress, stack: ExitStack
) -> RecordTable:
    """Read the schema; the rows follow as they are asked for.

    Args:
        folder: With ``state.json``, or with ``dataset_dict.json`` and a folder per split.
        split: Which of several.
        progress: Of the input.
        stack: Closes the files.

    Raises:
        InputError: If it is no such folder, or the split is not named where there are several.
    """
    folder, name = _choose_split(folder, split)
    files = _data_files(folder)
    progress.total = sum(path.stat().st_size for path in files)
    columns, notes = _schema(files[0], stack)
    check_columns(name, columns)

    def batches(present: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        before = 0
        for path in files:
            file = stack.enter_context(pa.OSFile(str(path)))
            for batch in pa.ipc.open_stream(file):
                yield batch.select(list(present))
                progress.done = before + file.tell()
            before += path.stat().st_size

    def read(keys: tuple[str, ...]) -> Records:
        present = tuple(key for key in keys if key in columns)
        return records(batches(present), present, name)

    return RecordTable(
        name=name,
        format="dataset",
        columns=columns,
        read=read,
        where=lambda number: f"{name}, row {number}",
        progress=progress,
        about=manifest_of(notes),
    )


def open_hub(
    name: str,
    *,
    config: str | None,
    split: str | None,
    revision: str | None,
    progress: ImportProgress,
) -> RecordTable:
    """A dataset of the hub, streamed.

    Args:
        name: ``OWNER/NAME`` on the hub.
        config: Its configuration; None takes the only one.
        split: Its split; None takes the only one.
        revision: Branch, tag or commit; None takes the main branch.
        progress: Counts rows.

    Raises:
        InputError: If the library is missing, or the dataset cannot be reached.
    """
    try:
        import datasets
    except ImportError as exc:
        raise InputError(
            "Reading from the hub needs the datasets library: pip install 'vectorlab[hub]'"
        ) from exc
    try:
        dataset = datasets.load_dataset(
            name, config, split=split, revision=revision, streaming=True
        )
        if isinstance(dataset, Mapping):
            dataset = dataset[_only_split(f"{HUB}{name}", list(dataset), None)]
        stream = iter(dataset)
    except InputError:
        raise
    except Exception as exc:
        raise _unreachable(name, exc) from exc
    progress.unit = "rows"

    def rows() -> Iterator[tuple[int, Record, int]]:
        number = 0
        while True:
            try:
                record = next(stream, None)
            except Exception as exc:
                raise _unreachable(name, exc) from exc
            if record is None:
                return
            number += 1
            progress.done = number
            yield number, record, 0

    return first_records(
        f"{HUB}{name}", "hub", rows(), lambda number: f"{HUB}{name}, row {number}", progress
    )


def write_dataset(folder: Path, items: Iterable[Demonstration], about: Mapping[str, Any]) -> None:
    """Write a folder that ``datasets.load_from_disk`` and ``open_dataset`` read.

    Args:
        folder: Empty.
        items: The demonstrations.
        about: The manifest, kept in the schema.
    """
    names = ("source", "target", "metadata")
    features = {name: {"dtype": "string", "_type": "Value"} for name in names}
    notes = {
        MANIFEST_KEY: json.dumps(about, sort_keys=True).encode(),
        b"huggingface": json.dumps({"info": {"features": features}}).encode(),
    }
    schema = pa.schema([pa.field(name, pa.string()) for name in names], metadata=notes)
    with (
        pa.OSFile(str(folder / _DATA), "wb") as file,
        pa.ipc.new_stream(file, schema) as writer,
    ):
        for batch in record_batches(items, schema, _ROWS):
            writer.write_batch(batch)
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    state: dict[str, Any] = {
        "_data_files": [{"filename": _DATA}],
        "_fingerprint": str(about["content_sha256"])[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    for file_name, value in (("dataset_info.json", info), (_STATE, state)):
        text = json.dumps(value, indent=2, sort_keys=True)
        (folder / file_name).write_text(text, encoding="utf-8")


def is_dataset(folder: Path) -> bool:
    """Whether the folder looks like one that ``save_to_disk`` wrote."""
    return (folder / _STATE).is_file() or (folder / _SPLITS).is_file()


def _choose_split(folder: Path, split: str | None) -> tuple[Path, str]:
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is no folder; a dataset is one. Give its folder.")
    if not is_dataset(folder):
        raise InputError(
            f"{str(folder)!r} is a folder, but not one that save_to_disk of the datasets library "
            f"wrote: it has neither {_STATE} nor {_SPLITS}. Give a file, or such a folder."
        )
    if not (folder / _SPLITS).is_file():
        if split is not None:
            raise InputError(f"{folder} has no splits; leave --split out.")
        return folder, str(folder)
    splits = _notes(folder / _SPLITS).get("splits")
    if not isinstance(splits, list) or not all(_is_plain_name(split) for split in splits):
        raise InputError(f"{folder / _SPLITS} does not list the splits.")
    chosen = _only_split(str(folder), splits, split)
    return folder / chosen, str(folder / chosen)


def _only_split(name: str, splits: list[str], split: str | None) -> str:
    if split is None and len(splits) == 1:
        return splits[0]
    if split not in splits:
        has = f"{name} has the splits {', '.join(map(repr, splits)) or '(none)'}"
        raise InputError(f"{has}. Choose one with --split.")
    return split


def _data_files(folder: Path) -> list[Path]:
    state = _notes(folder / _STATE)
    if state.get("_indices_data_files"):
        raise InputError(f"{folder} keeps its rows behind an index. Save it after flatten_indices.")
    listed = state.get("_data_files")
    entries = listed if isinstance(listed, list) else []
    names = [str(entry.get("filename", "")) for entry in entries if isinstance(entry, dict)]
    if not names or not all(_is_plain_name(name) for name in names):
        raise InputError(f"{folder / _STATE} does not list data files of this folder.")
    missing = next((name for name in names if not (folder / name).is_file()), None)
    if missing is not None:
        raise InputError(f"{folder / missing} is missing, a data file of the dataset.")
    return [folder / name for name in names]


def _is_plain_name(name: object) -> bool:
    """Whether a name stays within its folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _notes(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            notes = json.loads(file.read(_NOTES_LIMIT))
    except (OSError, ValueError, RecursionError) as exc:
        raise InputError(f"{path} cannot be read ({one_line(exc)}).") from exc
    if not isinstance(notes, dict):
        raise InputError(f"{path} is not a JSON object.")
    return notes


def _schema(path: Path, stack: ExitStack) -> tuple[tuple[str, ...], Mapping[bytes, bytes]]:
    try:
        schema = pa.ipc.open_stream(stack.enter_context(pa.OSFile(str(path)))).schema
        return tuple(schema.names), schema.metadata or {}
    except ERRORS as exc:
        raise InputError(f"{path} is not a whole Arrow file ({one_line(exc)}).") from exc


def _unreachable(name: str, error: Exception) -> InputError:
    return InputError(
        f"Dataset {name!r} of the hub cannot be read ({one_line(error)}). Check the name, "
        "--config, --split and the network; offline only what was downloaded before is there."
    )
