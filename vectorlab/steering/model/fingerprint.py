"""Hashes of a model directory, read from its files without loading the model.

The weights' hash covers every tensor's name, dtype, shape and bytes but not the files they lie
in, so a sharded and a single-file save of one model agree.
"""

import hashlib
import json
import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vectorlab.domain.hashing import bytes_sha256, content_sha256
from vectorlab.errors import ModelError

SINGLE_FILE = "model.safetensors"
SHARD_INDEX = "model.safetensors.index.json"
OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.gguf", "*.h5", "*.msgpack")
TOKENIZER_FILES = (
    "added_tokens.json",
    "merges.txt",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
VOLATILE_CONFIG_KEYS = ("transformers_version", "_name_or_path")


@dataclass(frozen=True, kw_only=True)
class WeightsDigest:
    """What the safetensors files of a directory hold."""

    sha256: str
    n_parameters: int


def weights_digest(directory: Path) -> WeightsDigest:
    """Hash the named tensors of a model directory; (name, dtype, shape, bytes), sorted by name.

    Raises:
        ModelError: If there is no safetensors file, a shard is missing or a file is damaged.
    """
    tensors = sorted(entry for path in weight_files(directory) for entry in _tensor_digests(path))
    return WeightsDigest(
        sha256=content_sha256("weights", tensors),
        n_parameters=sum(math.prod(shape) for _, _, shape, _ in tensors),
    )


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files that make up a model.

    Raises:
        ModelError: If there are none, or if the index names shards that are not there.
    """
    if (directory / SHARD_INDEX).is_file():
        names = sorted(set(read_json(directory / SHARD_INDEX).get("weight_map", {}).values()))
        missing = [name for name in names if not (directory / name).is_file()]
        if missing or not names:
            raise ModelError(
                f"Model directory {directory} misses {len(missing)} of {len(names)} shards named "
                f"in {SHARD_INDEX}: {', '.join(missing)}. Copy or download them again."
            )
        return [directory / name for name in names]
    if (directory / SINGLE_FILE).is_file():
        return [directory / SINGLE_FILE]
    raise ModelError(_no_safetensors_message(directory))


def config_sha256(config: dict[str, Any], eos_token_ids: tuple[int, ...]) -> str:
    """Hash of a configuration and of the tokens that end a text, without version stamps."""
    lasting = {key: value for key, value in config.items() if key not in VOLATILE_CONFIG_KEYS}
    return content_sha256("config", {"config": lasting, "eos": list(eos_token_ids)})


def tokenizer_sha256(directory: Path) -> str:
    """Hash of the tokenizer's files by name and bytes.

    Raises:
        ModelError: If the directory has no tokenizer.
    """
    present = [name for name in TOKENIZER_FILES if (directory / name).is_file()]
    if not present:
        raise ModelError(
            f"Model directory {directory} has no tokenizer (for example tokenizer.json). "
            "Save it there with tokenizer.save_pretrained(DIRECTORY)."
        )
    return content_sha256(
        "tokenizer", [[name, bytes_sha256((directory / name).read_bytes())] for name in present]
    )


def chat_template_sha256(directory: Path) -> str | None:
    """Hash of the chat template, from its own file or the tokenizer's settings."""
    file, settings = directory / "chat_template.jinja", directory / "tokenizer_config.json"
    if file.is_file():
        return content_sha256("chat-template", file.read_text(encoding="utf-8"))
    template = read_json(settings).get("chat_template") if settings.is_file() else None
    return None if template is None else content_sha256("chat-template", template)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a model directory.

    Raises:
        ModelError: If the file cannot be read or is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ModelError(f"Cannot read {path}: {exc}. Copy or download it again.") from exc
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds {type(value).__name__}, expected a JSON object.")
    return value


def _tensor_digests(path: Path) -> Iterator[tuple[str, str, list[int], str]]:
    """Name, dtype, shape and hash of each tensor; the layout is 8 bytes n, n bytes JSON, data.

    Source: https://huggingface.co/docs/safetensors/index#format
    """
    if path.stat().st_size == 0:
        raise ModelError(f"{path} is not a safetensors file: it is empty. Download it again.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = 8 + int.from_bytes(data[:8], "little")
        header = _header(path, data[8:start], size=len(data) - start)
        with memoryview(data) as view:
            for name, entry in header.items():
                first, last = (start + offset for offset in entry["data_offsets"])
                with view[first:last] as part:
                    digest = hashlib.sha256(part).hexdigest()
                yield name, entry["dtype"], entry["shape"], digest


def _header(path: Path, raw: bytes, *, size: int) -> dict[str, Any]:
    try:
        header = json.loads(raw)
        header.pop("__metadata__", None)
        complete = max(entry["data_offsets"][1] for entry in header.values()) <= size
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise ModelError(f"{path} is not a safetensors file: {exc}. Download it again.") from exc
    if not complete:
        raise ModelError(f"{path} ends early: a part of its tensors is missing. Download it again.")
    return dict(header)


def _no_safetensors_message(directory: Path) -> str:
    other_files = sorted(path.name for pattern in OTHER_WEIGHTS for path in directory.glob(pattern))
    text = f"Model directory {directory} has no {SINGLE_FILE} and no {SHARD_INDEX}"
    if not other_files:
        return f"{text}. Save the model there with model.save_pretrained(DIRECTORY)."
    return (
        f"{text}, but {', '.join(other_files)}. Pickled and other formats are not loaded; convert "
        "once where you trust the file: AutoModelForCausalLM.from_pretrained(OLD)"
        ".save_pretrained(NEW)."
    )
