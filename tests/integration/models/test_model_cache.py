"""Models are kept within a budget; the one that was not used for longest goes first."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from vectorlab.worker.model_cache import ModelCache, model_bytes

MIB = 1 << 20


class Loader:
    """Makes models of 4 bytes per parameter and remembers what it was asked for."""

    def __init__(self, *, room: int | None = None) -> None:
        self.loaded: list[str] = []
        self.room = room  # loads that fit before memory runs out, once

    def __call__(self, described: Any, **_: str) -> Any:
        self.loaded.append(described.source)
        if self.room == 0:
            self.room = None
            raise torch.OutOfMemoryError("no memory left")
        self.room = None if self.room is None else self.room - 1
        return SimpleNamespace(
            description=described,
            model=torch.nn.Linear(described.n_parameters, 1, bias=False),
            device=torch.device("cpu"),
        )


def described(name: str, mib: int = 4) -> Any:
    return SimpleNamespace(source=name, fingerprint=name, n_parameters=mib * MIB // 4)


def get(model_cache: ModelCache, name: str, mib: int = 4, dtype: str = "float32") -> Any:
    return model_cache.get(ord(name[0]), described(name, mib), dtype)


def test_a_held_model_is_not_loaded_again_and_the_least_recently_used_goes_first():
    loader = Loader()
    model_cache = ModelCache("cpu", budget_bytes=8 * MIB, load=loader)
    first = get(model_cache, "a")
    get(model_cache, "b")
    assert get(model_cache, "a") is first
    assert model_cache.model_ids == (ord("b"), ord("a"))
    get(model_cache, "c")
    assert model_cache.model_ids == (ord("a"), ord("c"))
    assert get(model_cache, "a") is first
    assert loader.loaded == ["a", "b", "c"]


def test_a_model_larger_than_the_budget_is_held_alone():
    loader = Loader()
    model_cache = ModelCache("cpu", budget_bytes=8 * MIB, load=loader)
    get(model_cache, "a")
    large = get(model_cache, "b", 20)
    assert model_cache.model_ids == (ord("b"),)
    assert get(model_cache, "b", 20) is large


def test_one_model_in_two_dtypes_is_two():
    loader = Loader()
    model_cache = ModelCache("cpu", budget_bytes=100 * MIB, load=loader)
    assert get(model_cache, "a") is not get(model_cache, "a", dtype="bfloat16")
    assert model_cache.model_ids == (ord("a"),)


def test_when_memory_runs_out_while_loading_the_others_are_dropped():
    loader, said = Loader(room=1), []
    model_cache = ModelCache("cpu", budget_bytes=100 * MIB, load=loader)
    get(model_cache, "a")
    model_cache.get(1, described("b"), "float32", log=said.append)
    assert model_cache.model_ids == (1,)
    assert said[0] == "out of memory while loading: every other model is dropped"
    with pytest.raises(torch.OutOfMemoryError):
        get(ModelCache("cpu", load=Loader(room=0)), "a")


def test_the_others_are_dropped_for_the_one_in_use():
    model_cache = ModelCache("cpu", budget_bytes=100 * MIB, load=Loader())
    get(model_cache, "a")
    used = get(model_cache, "b")
    assert model_cache.free_others(used) is True
    assert model_cache.free_others(used) is False
    assert model_cache.model_ids == (ord("b"),)


def test_tied_weights_count_once():
    model = torch.nn.Sequential(
        torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False)
    )
    assert model_bytes(SimpleNamespace(model=model)) == 2 * 8 * 8 * 4  # type: ignore[arg-type]
    model[1].weight = model[0].weight
    assert model_bytes(SimpleNamespace(model=model)) == 8 * 8 * 4  # type: ignore[arg-type]
