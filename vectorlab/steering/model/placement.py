"""Models that are spread over devices, the machine's memory and the disk, by accelerate.

A layer that lies in memory or on the disk is brought to the main device when its turn comes, so
it computes there; a layer that lies on a card computes on that card.
"""

import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from vectorlab.errors import InputError

SPREAD = "spread"  # as ``--device`` says it
_STORED = ("cpu", "disk")

# Where modules lie, by the beginning of their names; "auto" fills cards, then memory, then disk.
DeviceMap = Mapping[str, str | int] | str


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where each layer of a model lies, and where it computes."""

    homes: tuple[str, ...]  # of every layer: "cuda:0", "cpu", "disk"
    devices: tuple[torch.device, ...]  # of every layer, and the main one at the end

    def __str__(self) -> str:
        counts = Counter(self.homes)
        return ", ".join(f"{home}: {count} layers" for home, count in counts.items())


@contextmanager
def loading_options(device_map: DeviceMap | None) -> Iterator[dict[str, Any]]:
    """What ``from_pretrained`` is told of it, while it runs.

    Raises:
        InputError: If there is a map, and accelerate is not installed.
    """
    if device_map is None:
        yield {}
        return
    if find_spec("accelerate") is None:
        raise InputError(
            f"--device {SPREAD} needs the package accelerate. Run: pip install 'vectorlab[large]'"
        )
    # For weights on the disk that are not used as their file holds them; else it stays empty.
    folder = tempfile.mkdtemp(prefix="vectorlab-weights-")
    argument = device_map if isinstance(device_map, str) else dict(device_map)
    try:
        yield {"device_map": argument, "offload_folder": folder}
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def delete_with(model: nn.Module, options: Mapping[str, Any]) -> None:
    """Let the folder of those options go when the model does."""
    if options:
        weakref.finalize(model, shutil.rmtree, options["offload_folder"], ignore_errors=True)


def placement_of(device_map: Mapping[str, Any], layers: Sequence[str]) -> Placement:
    """Where the layers of those names lie and compute under a map that has been resolved."""
    homes = [_home(device_map, name) for name in layers]
    cards = [home for home in map(_name, device_map.values()) if home not in _STORED]
    main = torch.device(cards[0] if cards else "cpu")
    return Placement(
        homes=tuple(homes),
        devices=(*(main if home in _STORED else torch.device(home) for home in homes), main),
    )


def _home(device_map: Mapping[str, Any], name: str) -> str:
    """What the longest beginning of a module's name is mapped to."""
    parts = name.split(".")
    beginnings = (".".join(parts[:count]) for count in range(len(parts), -1, -1))
    return _name(next(device_map[beginning] for beginning in beginnings if beginning in device_map))


def _name(device: Any) -> str:
    return f"cuda:{device}" if isinstance(device, int) else str(device)
