"""What is said when a device's memory is too small: sizes by hand."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from tests.tiny_models import D_MODEL, tiny_model
from vectorlab.steering.model import device_memory
from vectorlab.steering.model.device_memory import does_not_fit, free_bytes, tokens_that_fit

MLP = 48  # width of the inner states of the tiny models


def large(dtype: torch.dtype) -> SimpleNamespace:
    """Stands for a model with a billion weights, without the memory for them."""
    weights = [torch.empty(2**29, dtype=dtype, device="meta") for _ in range(2)]
    tiny = tiny_model("llama")
    return SimpleNamespace(
        model=SimpleNamespace(parameters=lambda: weights, config=tiny.model.config),
        description=tiny.description,
        dtype=dtype,
        device=torch.device("cpu"),
    )


def test_half_of_the_weights_is_offered_where_they_can_be_halved():
    assert "--dtype bfloat16 (weights of 2.0 GiB, half of now)" in does_not_fit(
        large(torch.float32), 5, 0
    )
    assert "bfloat16" not in does_not_fit(large(torch.bfloat16), 5, 0)


def test_what_fitted_before_is_told():
    assert "; no text fitted before" in does_not_fit(large(torch.float32), 5, 0)
    said = does_not_fit(large(torch.float32), 500, 70)
    assert "single text of 500 tokens; texts of up to 70 tokens did fit before" in said


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 4), (torch.bfloat16, 2)])
@pytest.mark.parametrize("kind", ["llama", "bloom"])  # with a gate's width in the configuration
def test_tokens_that_fit_are_counted_at_the_widest_point(kind, dtype, size):
    loaded = replace(tiny_model(kind), dtype=dtype)
    inner = MLP if kind == "llama" else 4 * D_MODEL
    per_token = size * (6 * D_MODEL + 3 * inner)
    assert tokens_that_fit(loaded, 10 * per_token) == 10
    assert tokens_that_fit(loaded, 10 * per_token - 1) == 9


@pytest.mark.parametrize(("length", "is_told"), [(8, False), (7, False), (9, True)])
def test_room_for_the_text_is_no_explanation(monkeypatch, length, is_told):
    model = large(torch.float32)
    room = 8 * 4 * (6 * D_MODEL + 3 * MLP)
    monkeypatch.setattr(device_memory, "free_bytes", lambda _: room)
    told = "; about 8 tokens fit into the 0.0 GiB that are free" in does_not_fit(model, length, 0)
    assert told is is_told


def test_free_memory_is_what_the_system_says(monkeypatch, tmp_path):
    information = tmp_path / "meminfo"
    information.write_text("MemTotal:  9 kB\nMemFree:  3 kB\nMemAvailable:   7 kB\nBuffers: 1 kB\n")
    monkeypatch.setattr(device_memory, "Path", lambda _: information)
    assert free_bytes(torch.device("cpu")) == 7 * 1024
    assert free_bytes(torch.device("meta")) is None
    information.write_text("MemTotal:  9 kB\n")
    assert free_bytes(torch.device("cpu")) is None
    information.unlink()
    assert free_bytes(torch.device("cpu")) is None
