"""Models are kept within a budget; the one that was not used for longest goes first."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from vectorlab.worker.shelf import ModelShelf, model_bytes

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


def get(shelf: ModelShelf, name: str, mib: int = 4, dtype: str = "float32") -> Any:
    return shelf.get(ord(name[0]), described(name, mib), dtype)


def test_a_held_model_is_not_loaded_again_and_the_least_recently_used_goes_first():
    loader = Loader()
    shelf = ModelShelf("cpu", budget_bytes=8 * MIB, load=loader)
    first = get(shelf, "a")
    get(shelf, "b")
    assert get(shelf, "a") is first
    assert shelf.model_ids == (ord("b"), ord("a"))
    get(shelf, "c")
    assert shelf.model_ids == (ord("a"), ord("c"))
    assert get(shelf, "a") is first
    assert loader.loaded == ["a", "b", "c"]


def test_a_model_larger_than_the_budget_is_held_alone():
    loader = Loader()
    shelf = ModelShelf("cpu", budget_bytes=8 * MIB, load=loader)
    get(shelf, "a")
    large = get(shelf, "b", 20)
    assert shelf.model_ids == (ord("b"),)
    assert get(shelf, "b", 20) is large


def test_one_model_in_two_dtypes_is_two():
    loader = Loader()
    shelf = ModelShelf("cpu", budget_bytes=100 * MIB, load=loader)
    assert get(shelf, "a") is not get(shelf, "a", dtype="bfloat16")
    assert shelf.model_ids == (ord("a"),)


def test_when_memory_runs_out_while_loading_the_others_are_dropped():
    loader, said = Loader(room=1), []
    shelf = ModelShelf("cpu", budget_bytes=100 * MIB, load=loader)
    get(shelf, "a")
    shelf.get(1, described("b"), "float32", log=said.append)
    assert shelf.model_ids == (1,)
    assert said[0] == "out of memory while loading: every other model is dropped"
    with pytest.raises(torch.OutOfMemoryError):
        get(ModelShelf("cpu", load=Loader(room=0)), "a")


def test_the_others_are_dropped_for_the_one_in_use():
    shelf = ModelShelf("cpu", budget_bytes=100 * MIB, load=Loader())
    get(shelf, "a")
    used = get(shelf, "b")
    assert shelf.free_others(used) is True
    assert shelf.free_others(used) is False
    assert shelf.model_ids == (ord("b"),)


def test_tied_weights_count_once():
    model = torch.nn.Sequential(
        torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False)
    )
    assert model_bytes(SimpleNamespace(model=model)) == 2 * 8 * 8 * 4  # type: ignore[arg-type]
    model[1].weight = model[0].weight
    assert model_bytes(SimpleNamespace(model=model)) == 8 * 8 * 4  # type: ignore[arg-type]
