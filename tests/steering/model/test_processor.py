"""Sizes and precisions follow the processor, and people are told where one is slow."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.steering.builders import arm, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.evals import forced
from vectorlab.steering.generation import compiled
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.model import processor
from vectorlab.steering.recording import activations
from vectorlab.steering.recording.activations import default_token_budget

CPU, MIB = torch.device("cpu"), 1 << 20


def as_if(monkeypatch: pytest.MonkeyPatch, **facts: object) -> None:
    """Let the product see another processor."""
    other = replace(processor.processor(), **facts)
    for module in (processor, activations, forced, compiled):
        monkeypatch.setattr(module, "processor", lambda: other)


def write_cache(folder: Path, number: int, **told: str) -> None:
    cache = folder / f"index{number}"
    cache.mkdir()
    for name, text in told.items():
        (cache / name).write_text(text + "\n")


def test_caches_are_read_as_linux_tells_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cache(tmp_path, 0, level="1", type="Data", size="32K")
    write_cache(tmp_path, 1, level="2", type="Instruction", size="64K")
    write_cache(tmp_path, 2, level="2", type="Unified", size="512K")
    write_cache(tmp_path, 3, level="3", type="Unified", size="32M")
    monkeypatch.setattr(processor, "_CACHES", tmp_path)
    assert processor._cache_bytes(2) == 512 << 10
    assert processor._cache_bytes(3) == 32 * MIB
    assert processor._cache_bytes(4) is None


def test_a_limit_of_kernels_forbids_products_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    for name in processor._LIMITS:
        monkeypatch.delenv(name, raising=False)
    assert processor._multiplies_bfloat16()
    for limit, multiplies in (("AVX2", False), ("avx512_core", False), ("AVX512_CORE_AMX", True)):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        assert processor._multiplies_bfloat16() is multiplies
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert not processor._multiplies_bfloat16()


@pytest.mark.parametrize(
    ("cache", "tokens"), [(1, 448), (448, 448), (1000, 1000), (2048, 2048), (9999, 2048)]
)
def test_batches_of_an_extraction_follow_the_cache(
    cache: int, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny_model("llama")
    widest = max(max(item.shape) for item in loaded.layers.blocks[0].parameters())
    as_if(
        monkeypatch, l3_bytes=cache * 9 * 3 * widest * 4
    )  # holds so many tokens, three times over
    assert default_token_budget(loaded) == tokens


@pytest.mark.parametrize("cache", [1, MIB, 256 * MIB])
def test_states_and_likelihoods_do_not_hang_on_the_cache(
    cache: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, ["Once upon a time"], [arm(), arm(intervention(0.4))])
    run = forced.PreparedRun.prepare(loaded, spec, vectors(loaded))
    texts = generate(loaded, spec, vectors(loaded)).generations
    before = forced.read_texts(run, texts)
    as_if(monkeypatch, l3_bytes=cache)
    for (own, plain), (own_before, plain_before) in zip(
        forced.read_texts(run, texts), before, strict=True
    ):
        assert own.logprob == pytest.approx(own_before.logprob, abs=1e-4)
        assert plain.logprob == pytest.approx(plain_before.logprob, abs=1e-4)


def test_who_asks_for_bfloat16_is_told_where_it_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    as_if(monkeypatch, name="Some CPU", kernels="AVX2", multiplies_bfloat16=False)
    loaded = tiny_model("llama", dtype="bfloat16")
    spec = run_spec(loaded, ["Hi"], [arm()], dtype="bfloat16")
    [note] = generate(loaded, spec, vectors(loaded)).events
    assert "slower here, not faster" in note
    assert "Some CPU, AVX2" in note
    assert processor.precision_notes(CPU, torch.float32) == ()
    assert processor.precision_notes(torch.device("cuda"), torch.bfloat16) == ()
    as_if(monkeypatch, multiplies_bfloat16=True)
    assert generate(loaded, spec, vectors(loaded)).events == ()


def test_graphs_kept_on_the_disk_are_those_of_the_instruction_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_if(monkeypatch, kernels="AVX2")
    monkeypatch.setattr(torch.compiler.config, "cache_key_tag", "")
    compiled._compiled.__wrapped__("cpu")
    assert torch.compiler.config.cache_key_tag == "AVX2"
