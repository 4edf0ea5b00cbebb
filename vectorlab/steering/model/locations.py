"""Where models come from: the package, a directory, or a hub repository.

The network is used for hub ids and nothing else.
"""

import os
import re
from importlib import resources
from pathlib import Path

from vectorlab.errors import ModelError

BUNDLED_PREFIX = "bundled:"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "*.py"]


def bundled_model_path(name: str = "tiny") -> Path:
    """The directory of a model that comes with the package.

    Raises:
        ModelError: If no model of that name is bundled.
    """
    path = Path(str(resources.files("vectorlab"))) / "models" / name
    if not path.is_dir():
        raise ModelError(f"No bundled model {name!r}. Bundled is: {BUNDLED_PREFIX}tiny.")
    return path


def model_directory(source: str, revision: str | None) -> Path:
    """The local directory of a source; a hub repository is fetched if it is not cached.

    Raises:
        ModelError: If there is no such directory, repository or bundled model.
    """
    if source.startswith(BUNDLED_PREFIX):
        return bundled_model_path(source.removeprefix(BUNDLED_PREFIX))
    directory = Path(source).expanduser()
    if directory.is_dir():
        return directory.resolve()
    if is_hub_id(source):
        return _hub_snapshot(source, revision)
    raise ModelError(
        f"No model directory {source}. Give a directory made by save_pretrained, "
        f"a hub id such as gpt2, or {BUNDLED_PREFIX}tiny."
    )


def is_hub_id(source: str) -> bool:
    """Whether a source names a hub repository rather than a directory or a bundled model."""
    return HUB_ID.fullmatch(source) is not None and not Path(source).is_dir()


def recorded_source(source: str, directory: Path) -> str:
    """The source as it is stored: names as they are, directories absolute."""
    by_name = source.startswith(BUNDLED_PREFIX) or is_hub_id(source)
    return source if by_name else str(directory)


def _hub_snapshot(source: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    failures: list[Exception] = []
    # Some versions of the hub client ask the network for a pinned commit that is already here.
    for local_files_only in (False, True):
        try:
            return Path(
                snapshot_download(
                    source,
                    revision=revision,
                    allow_patterns=HUB_FILES,
                    local_files_only=local_files_only,
                )
            )
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as exc:
            failures.append(exc)
    offline = " HF_HUB_OFFLINE is set." if os.environ.get("HF_HUB_OFFLINE") else ""
    raise ModelError(
        f"No directory {source!r} here, and no model of that id could be had from the "
        f"Hugging Face hub ({type(failures[0]).__name__}).{offline} Check the path or the id."
    ) from failures[0]
