"""Models that a worker keeps, the most recently used ones within a budget of memory."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from vectorlab.domain.models import ModelDescription
from vectorlab.steering.model.batching import free_memory, is_out_of_memory
from vectorlab.steering.model.loading import DTYPES, LoadedModel, load_model, resolve_device
from vectorlab.steering.model.processor import precision_notes

DEFAULT_SHARE = 0.5  # of the device's memory; the rest is for computing
UNKNOWN_MEMORY = 8 << 30  # bytes, where the system does not tell


class ModelCache:
    """Loads models and keeps them; the one that was not used for longest goes first.

    Args:
        device: As ``--device`` names it.
        budget_bytes: For the weights of all models together; the model in use is kept even when
            it alone is larger. None takes half of the device's memory.
        load: Loads a described model on a device in a dtype.
    """

    def __init__(
        self,
        device: str,
        *,
        budget_bytes: int | None = None,
        load: Callable[..., LoadedModel] = load_model,
    ) -> None:
        self._device = device
        self._budget = budget_bytes
        self._load = load
        self._held: OrderedDict[tuple[str, str], tuple[int, LoadedModel]] = OrderedDict()

    @property
    def model_ids(self) -> tuple[int, ...]:
        """Ids of the models held, the one used last at the end."""
        return tuple(dict.fromkeys(model_id for model_id, _ in self._held.values()))

    def get(
        self,
        model_id: int,
        description: ModelDescription,
        dtype: str,
        *,
        log: Callable[[str], None] = lambda _: None,
    ) -> LoadedModel:
        """The described model in that dtype, loaded if it is not held."""
        key = (description.fingerprint, dtype)
        if key not in self._held:
            self._make_room(_size(description, dtype), log)
            self._held[key] = (model_id, self._loaded(description, dtype, log))
        self._held.move_to_end(key)
        return self._held[key][1]

    def free_others(self, loaded: LoadedModel) -> bool:
        """Drop every model but this one, as when memory ran out; False if there was no other."""
        others = [key for key, (_, held) in self._held.items() if held is not loaded]
        for key in others:
            del self._held[key]
        if others:
            free_memory(loaded.device)
        return bool(others)

    def _loaded(
        self, description: ModelDescription, dtype: str, log: Callable[[str], None]
    ) -> LoadedModel:
        began = time.monotonic()
        try:
            loaded = self._load(description, device=self._device, dtype=dtype)
        except RuntimeError as error:
            if not (is_out_of_memory(error) and self._held):
                raise
            loaded = None
        if loaded is None:  # only here has the error let go of what it held
            log("out of memory while loading: every other model is dropped")
            self._drop_all()
            loaded = self._load(description, device=self._device, dtype=dtype)
        seconds = time.monotonic() - began
        log(f"loaded {description.source} in {seconds:.1f} s ({dtype}, {loaded.device})")
        for note in precision_notes(loaded.device, DTYPES[dtype]):
            log(note)
        return loaded

    def _make_room(self, needed: int, log: Callable[[str], None]) -> None:
        while self._held and self._used() + needed > self._budget_bytes():
            _, (_, dropped) = self._held.popitem(last=False)
            log(f"dropped {dropped.description.source} to make room")
            device = dropped.device
            del dropped
            free_memory(device)

    def _drop_all(self) -> None:
        self._held.clear()
        free_memory(resolve_device(self._device))

    def _used(self) -> int:
        return sum(model_bytes(held) for _, held in self._held.values())

    def _budget_bytes(self) -> int:
        if self._budget is None:
            self._budget = int(DEFAULT_SHARE * _device_memory(resolve_device(self._device)))
        return self._budget


def memory_taken(device: str) -> int | None:
    """Bytes that this process takes on its device; None where the system does not tell."""
    if resolve_device(device).type == "cuda":
        return int(torch.cuda.memory_reserved(resolve_device(device)))
    statm = Path("/proc/self/statm")
    if not statm.is_file():
        return None
    pages = int(statm.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def model_bytes(loaded: LoadedModel) -> int:
    """Memory that the weights of a loaded model take."""
    model: Any = loaded.model
    tensors = [*model.parameters(), *model.buffers()]
    # Tied weights are one storage under two names.
    return sum(
        {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in tensors}.values()
    )


def _size(description: ModelDescription, dtype: str) -> int:
    return description.n_parameters * DTYPES[dtype].itemsize


def _device_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if not hasattr(os, "sysconf"):  # as on Windows
        return UNKNOWN_MEMORY
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
