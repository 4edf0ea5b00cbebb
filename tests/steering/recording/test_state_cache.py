"""A state that was kept stands in for a forward pass, and for nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.steering.extraction.test_extraction import PAIRS, stack
from tests.tiny_models import tiny_model
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.methods import METHODS
from vectorlab.domain.vectors.passages import Passage
from vectorlab.domain.vectors.states import StateBlock, StateSpec, tokens_sha256
from vectorlab.domain.vectors.vectors import ExtractionSpec, Site
from vectorlab.errors import InputError
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.recording.paired_states import known_states
from vectorlab.steering.recording.state_cache import state_spec

MORE = [
    Demonstration(source="The tea was cold", target="The tea was hot, hooray"),
    Demonstration(source="Bad", target="Bad no more"),  # its source is in PAIRS
]


class Memory:
    """A cache in a dict, for every specification."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[str, np.ndarray]] = {}
        self.asked: list[str] = []
        self.flushed = 0

    def open(self, spec: StateSpec) -> "Memory.Opened":
        return Memory.Opened(self, spec)

    class Opened:
        def __init__(self, memory: "Memory", spec: StateSpec) -> None:
            self.memory, self.spec = memory, spec

        def find(self, text_sha256s: Sequence[str]) -> Iterator[StateBlock]:
            for name in text_sha256s:
                if (self.spec.sha256, name) in self.memory.kept:
                    tokens, values = self.memory.kept[self.spec.sha256, name]
                    yield StateBlock(
                        text_sha256s=(name,), token_sha256s=(tokens,), values=values[None]
                    )

        def keep(self, block: StateBlock) -> None:
            rows = zip(block.text_sha256s, block.token_sha256s, block.values, strict=True)
            for name, tokens, values in rows:
                self.memory.kept[self.spec.sha256, name] = tokens, values

        def flush(self) -> None:
            self.memory.flushed += 1


def spec_of(loaded: LoadedModel, **changes: Any) -> ExtractionSpec:
    values: dict[str, Any] = {
        "model_fingerprint": loaded.description.fingerprint,
        "set_sha256": "f" * 64,
        "method": "icv",
        "read_site": Site.BLOCK_OUTPUT,
        "write_site": Site.MLP_OUTPUT,
    }
    return ExtractionSpec(**(values | changes))


@contextmanager
def counted_rows(loaded: LoadedModel) -> Iterator[list[int]]:
    """Texts in every forward pass of the model: the last MLP sees one token of each."""
    rows: list[int] = []

    def hook(_module: Any, args: tuple[Any, ...], _output: Any) -> None:
        rows.append(args[0].shape[:-1].numel())

    handle = loaded.layers.mlp_tails[-1].register_forward_hook(hook)
    try:
        yield rows
    finally:
        handle.remove()


@pytest.mark.parametrize("method", ["icv", "mean_difference"])
@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "bloom"])
def test_a_second_extraction_runs_no_forward_pass_and_gives_the_same_bits(name, method):
    loaded, memory = tiny_model(name), Memory()
    cold = extract(loaded, PAIRS, spec_of(loaded, method=method), open_cache=memory.open)
    bare = extract(loaded, PAIRS, spec_of(loaded, method=method))
    with counted_rows(loaded) as rows:
        warm = extract(loaded, PAIRS, spec_of(loaded, method=method), open_cache=memory.open)
    assert rows == []
    assert (cold.reuse.reused, cold.reuse.computed) == (0, 8)
    assert (warm.reuse.reused, warm.reuse.computed) == (8, 0)
    hashes = [[item.sha256 for item in found.layers] for found in (cold, warm, bare)]
    assert hashes[0] == hashes[1] == hashes[2]
    assert cold.alignments == warm.alignments == bare.alignments


def test_ten_pairs_more_than_a_thousand_are_ten_pairs_of_forward_passes():
    loaded, memory = tiny_model("llama"), Memory()
    thousand = [
        Demonstration(source=f"number {n} is dull", target=f"number {n} is bright!")
        for n in range(1000)
    ]
    ten = [
        Demonstration(source=f"letter {n} is dull", target=f"letter {n} is bright!")
        for n in range(10)
    ]
    extract(loaded, thousand, spec_of(loaded), open_cache=memory.open)
    with counted_rows(loaded) as rows:
        found = extract(loaded, [*thousand, *ten], spec_of(loaded), open_cache=memory.open)
    assert sum(rows) == 20
    assert (found.reuse.reused, found.reuse.computed) == (2000, 20)
    expected = stack(extract(loaded, [*thousand, *ten], spec_of(loaded)))
    np.testing.assert_allclose(stack(found), expected, rtol=1e-5, atol=1e-6)


def test_one_recording_serves_every_method():
    loaded, memory = tiny_model("llama"), Memory()
    extract(loaded, PAIRS, spec_of(loaded, method="mean_difference"), open_cache=memory.open)
    with counted_rows(loaded) as rows:
        found = {
            method: extract(loaded, PAIRS, spec_of(loaded, method=method), open_cache=memory.open)
            for method in sorted(set(METHODS) - {"context_shift"})  # reads other texts
        }
    assert rows == []
    for method, reused in found.items():
        bare = extract(loaded, PAIRS, spec_of(loaded, method=method))
        assert np.array_equal(stack(reused), stack(bare)), method


def test_order_repeats_and_part_of_a_set_are_found_text_by_text():
    loaded, memory = tiny_model("gpt2"), Memory()
    extract(loaded, PAIRS, spec_of(loaded), open_cache=memory.open)
    other = [MORE[1], PAIRS[2], MORE[0], PAIRS[0], PAIRS[2]]
    with counted_rows(loaded) as rows:
        found = extract(loaded, other, spec_of(loaded), open_cache=memory.open)
    assert sum(rows) == 3
    assert (found.reuse.reused, found.reuse.computed) == (5, 3)
    expected = extract(loaded, other, spec_of(loaded))
    np.testing.assert_allclose(stack(found), stack(expected), atol=1e-5, rtol=1e-5)
    for ours, theirs in zip(found.alignments, expected.alignments, strict=True):
        assert ours.cosines == pytest.approx(theirs.cosines, abs=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"read_site": Site.MLP_OUTPUT},
        {"add_special_tokens": False},
        {"dtype": "bfloat16"},
    ],
)
def test_whatever_decides_a_state_keeps_states_apart(change):
    loaded, memory = tiny_model("llama"), Memory()
    extract(loaded, PAIRS, spec_of(loaded), open_cache=memory.open)
    other = tiny_model("llama", dtype=change.get("dtype", "float32"))
    found = extract(other, PAIRS, spec_of(other, **change), open_cache=memory.open)
    assert found.reuse.reused == 0


def test_another_model_or_version_shares_nothing():
    loaded = tiny_model("llama")
    ours = state_spec(loaded, spec_of(loaded))
    theirs = state_spec(tiny_model("gpt2"), spec_of(tiny_model("gpt2")))
    newer = replace(ours, engine={**ours.engine, "torch": "9.9"})
    assert len({item.sha256 for item in (ours, theirs, newer)}) == 3
    assert ours.engine["torch"] == str(torch.__version__)
    assert ours.engine["device"] == "cpu"
    assert StateSpec.from_json(ours.to_json()) == ours


def test_text_is_named_as_it_is_tokenised():
    loaded, memory = tiny_model("llama"), Memory()
    marked = [Demonstration(source="Don't go.", target=" Please, go!")]
    plain = [Demonstration(source="Dont go", target="Please go")]
    extract(loaded, marked, spec_of(loaded, strip_punctuation=True), open_cache=memory.open)
    found = extract(loaded, plain, spec_of(loaded), open_cache=memory.open)
    assert (found.reuse.reused, found.reuse.computed) == (2, 0)
    ids = loaded.tokenizer("Dont go")["input_ids"]
    tokens, _ = memory.kept[
        state_spec(loaded, spec_of(loaded)).sha256, Passage(text="Dont go").sha256
    ]
    assert tokens == tokens_sha256(ids)


def test_a_pair_of_the_same_tokens_is_refused_although_both_states_are_kept():
    loaded, memory = tiny_model("llama"), Memory()
    extract(loaded, PAIRS, spec_of(loaded), open_cache=memory.open)
    same = [*PAIRS, Demonstration(source="Bad", target="Bad")]
    with pytest.raises(InputError, match=r"of 1 demonstrations are the same tokens .*number 5"):
        extract(loaded, same, spec_of(loaded), open_cache=memory.open)


def test_a_text_that_does_not_fit_is_named_by_its_place_in_the_whole_set():
    loaded, memory = tiny_model("llama"), Memory()
    extract(loaded, PAIRS, spec_of(loaded), open_cache=memory.open)
    pairs = [*PAIRS, Demonstration(source="short", target="long " * 40)]
    with pytest.raises(InputError, match=r"Demonstration text 10 of 10 has 201 tokens.* 128"):
        extract(loaded, pairs, spec_of(loaded), open_cache=memory.open)


def test_what_was_kept_before_an_interruption_is_not_computed_again():
    loaded, memory = tiny_model("llama"), Memory()

    def stop_at(done: int, total: int) -> None:
        if 2 * done >= total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(
            loaded,
            PAIRS,
            spec_of(loaded),
            open_cache=memory.open,
            on_progress=stop_at,
            token_budget=30,
        )
    kept = len(memory.kept)
    assert 3 <= kept < 8
    steps: list[tuple[int, int]] = []
    with counted_rows(loaded) as rows:
        extract(
            loaded,
            PAIRS,
            spec_of(loaded),
            open_cache=memory.open,
            on_progress=lambda done, total: steps.append((done, total)),
        )
    assert sum(rows) == 8 - kept
    assert steps[-1][0] == steps[-1][1] > 0
    assert memory.flushed == 1


def test_states_alone_are_enough_once_all_of_them_are_kept():
    loaded, memory = tiny_model("llama"), Memory()
    spec = spec_of(loaded)
    shared = state_spec(loaded, spec)
    extract(loaded, PAIRS, spec, open_cache=memory.open)
    found = known_states(PAIRS, spec, memory.open(shared), shared)
    assert found is not None
    assert found.source.values.shape == (4, 4, 32)
    assert known_states([*PAIRS, *MORE], spec, memory.open(shared), shared) is None
