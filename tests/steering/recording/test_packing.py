"""Sequences in one row, stems computed once: the same states, fewer tokens."""

import os
import random
from dataclasses import replace

import pytest
import torch

from tests.covering import in_turn
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.vectors.vectors import Site, TokenRule
from vectorlab.steering.model.architectures import ARCHITECTURES, decoder_layers
from vectorlab.steering.recording.activations import record_states
from vectorlab.steering.recording.packing import can_pack, find_families, pack, packs

STEM = list(range(40, 52))
# A stem with three branches, one of them the stem itself; a pair; a stranger; short ones.
SEQUENCES = [
    [*STEM, 7],
    [*STEM, 9, 10, 11],
    STEM,
    [*STEM, 9, 10, 12, 13, 14],
    [60, 61, 62, 63, 64, 65],
    [60, 61, 62, 63, 64, 66],
    [3, 4, 5],
    [3, 4, 6],
    [8],
]
WIDE = {"mistral": {"sliding_window": 64}, "cohere2": {"sliding_window": 64}}
SHORT = {"gemma2", "gemma3_text"}  # windows, through which these sequences do not fit
# Read from the table, as making a model of each takes a second in every worker of the suite.
PACKED = [
    name for name in sorted(CONFIGURATIONS) if ARCHITECTURES[name].packs and name not in SHORT
]


def test_most_architectures_are_packed():
    models = {name: tiny_model(name, **WIDE.get(name, {})) for name in sorted(CONFIGURATIONS)}
    assert [name for name, loaded in models.items() if can_pack(loaded, 20)] == PACKED
    assert len(PACKED) >= 18
    assert {"llama", "mistral", "qwen2", "qwen3", "gpt2", "gpt_neox", "phi3"} <= set(PACKED)


@pytest.mark.parametrize(
    ("name", "rule"),
    in_turn(PACKED, ["last", "index:2", "index:-3", "mean", "max", "first:14"]),
)
def test_packed_rows_record_what_padded_batches_do(name, rule):
    loaded = tiny_model(name, **WIDE.get(name, {}))
    sequences = [ids for ids in SEQUENCES if len(ids) > 2]
    options = {
        "site": Site.BLOCK_OUTPUT,
        "token_rule": TokenRule(rule),
        "include_embeddings": True,
    }
    packed = record_states(loaded, sequences, **options)
    padded = record_states(loaded, sequences, padding_side="right", **options)
    torch.testing.assert_close(packed.values, padded.values, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("site", list(Site))
@pytest.mark.parametrize("budget", [1, 9, 40, 1000])
def test_budget_and_order_change_rows_and_nothing_else(site, budget):
    loaded = tiny_model("llama")
    expected = torch.cat([record_states(loaded, [ids], site=site).values for ids in SEQUENCES])
    shuffled = random.Random(budget).sample(range(len(SEQUENCES)), len(SEQUENCES))
    found = record_states(
        loaded, [SEQUENCES[place] for place in shuffled], site=site, token_budget=budget
    )
    torch.testing.assert_close(found.values, expected[shuffled], atol=1e-5, rtol=1e-5)


def test_a_pair_that_differs_in_its_last_token_costs_one_row():
    loaded = tiny_model("llama")
    draws = random.Random(3)
    stems = [[draws.randrange(3, 250) for _ in range(draws.randint(5, 60))] for _ in range(20)]
    pairs = [[*stem, last] for stem in stems for last in (1, 2)]
    seen: list[int] = []
    hook = loaded.model.register_forward_pre_hook(
        lambda _m, _a, kwargs: seen.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    steps: list[tuple[int, int]] = []
    found = record_states(
        loaded, pairs, site=Site.BLOCK_OUTPUT, on_progress=lambda *step: steps.append(step)
    )
    hook.remove()
    assert sum(seen) == sum(map(len, stems)) + len(pairs) == steps[-1][1]
    alone = record_states(loaded, pairs, site=Site.BLOCK_OUTPUT, padding_side="right")
    apart = torch.linalg.vector_norm(found.values - alone.values, dim=-1)
    # Under MKL_CBWR=AVX2, and under nothing else that was tried, they part by 1.06e-6.
    tolerance = 1.2e-6 if "MKL_CBWR" in os.environ else 1e-6
    assert (apart <= tolerance * torch.linalg.vector_norm(alone.values, dim=-1)).all()


@pytest.mark.parametrize("seed", range(6))
def test_every_token_of_every_sequence_stands_in_the_row_behind_its_stem(seed):
    draws = random.Random(seed)
    sequences = list(
        {tuple(draws.choice([1, 2]) for _ in range(draws.randint(1, 12))) for _ in range(60)}
    )
    found = find_families(sequences)
    assert sorted(number for item in found for number in item.members) == list(
        range(len(sequences))
    )
    budget = 50
    rows = packs(found, sequences, budget)
    assert [item for row in rows for item in row] == found
    total = 0
    for row in rows:
        order, packed = pack(row, sequences, torch.device("cpu"))
        ids, positions = packed.input_ids[0].tolist(), packed.position_ids[0].tolist()
        assert len(ids) == sum(item.tokens(sequences) for item in row)
        assert len(ids) <= budget or len(row) == 1
        total += len(ids)
        for number, (stem, rest) in zip(order, packed.columns, strict=True):
            columns = [*stem, *rest]
            assert tuple(ids[column] for column in columns) == sequences[number]
            assert [positions[column] for column in columns] == list(range(len(columns)))
    assert total == sum(map(len, sequences)) - sum(item.shared for item in found)


def test_sequences_join_only_where_that_saves_tokens():
    # Joining the third would cut the stem of the first two from 8 to 4 and save as much as before.
    alike = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 10], [1, 2, 3, 4, 11]]
    assert [item.members for item in find_families(alike)] == [(2,), (0, 1)]
    assert [item.shared for item in find_families([[1, 2, 3, 4], [1, 2, 3, 5]])] == [0, 0]


def test_the_attention_is_given_back_whatever_happens():
    loaded = tiny_model("llama")
    config = loaded.model.config
    before = config._attn_implementation

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_states(loaded, SEQUENCES, site=Site.MLP_OUTPUT, on_progress=stop)
    assert config._attn_implementation == before
    tokens = torch.tensor([SEQUENCES[3]])
    assert torch.isfinite(loaded.model(tokens).logits).all()


def test_a_window_shorter_than_the_texts_is_not_packed():
    loaded = tiny_model("mistral")
    assert can_pack(loaded, 16)
    assert not can_pack(loaded, 17)


def test_a_family_too_large_for_the_memory_falls_apart():
    loaded = tiny_model("llama")
    expected = record_states(loaded, SEQUENCES[:4], site=Site.BLOCK_OUTPUT)

    def hook(_module, _args, kwargs) -> None:
        if kwargs["input_ids"].numel() > 18:
            raise torch.OutOfMemoryError("no memory left")

    handle = loaded.model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        found = record_states(loaded, SEQUENCES[:4], site=Site.BLOCK_OUTPUT)
    finally:
        handle.remove()
    assert found.events
    torch.testing.assert_close(found.values, expected.values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize(("dtype", "noise"), [("bfloat16", 0.04), ("float16", 0.006)])
def test_low_precision_costs_its_own_rounding_and_no_more(name, dtype, noise):
    exact = record_states(tiny_model(name), SEQUENCES, site=Site.BLOCK_OUTPUT).values
    loaded = tiny_model(name, dtype=dtype)
    for side in (None, "right", "left"):
        found = record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT, padding_side=side)
        assert found.values.dtype == torch.float32
        apart = torch.linalg.vector_norm(found.values - exact, dim=-1)
        assert (apart < noise * torch.linalg.vector_norm(exact, dim=-1)).all()


@pytest.mark.parametrize("rule", ["mean", "first:9"])
def test_means_are_added_up_in_float32_whatever_the_model_computes_in(rule):
    loaded = tiny_model("llama", dtype="bfloat16")
    text = list(range(10, 110))
    found = record_states(
        loaded, [text], site=Site.BLOCK_OUTPUT, layers=[0], token_rule=TokenRule(rule)
    )
    kept: list[torch.Tensor] = []
    handle = loaded.layers.blocks[0].register_forward_hook(
        lambda _module, _args, output: kept.append(output)
    )
    loaded.model(torch.tensor([text]))
    handle.remove()
    wanted = kept[0][0].double()[: 9 if rule == "first:9" else None]
    torch.testing.assert_close(found.values[0, 0], wanted.mean(dim=0).float(), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.ao.quantization:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("side", [None, "right"])
def test_a_model_with_quantised_maps_is_read_like_any_other(side):
    loaded = tiny_model("llama")
    torch.backends.quantized.engine = "fbgemm"
    small = torch.ao.quantization.quantize_dynamic(
        loaded.model, {torch.nn.Linear}, dtype=torch.qint8
    )
    quantised = replace(loaded, model=small, layers=decoder_layers(small, "llama"))
    exact = record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT).values
    found = record_states(quantised, SEQUENCES, site=Site.BLOCK_OUTPUT, padding_side=side).values
    cosines = torch.nn.functional.cosine_similarity(found, exact, dim=-1)
    assert cosines.min() > 0.98
    assert not torch.equal(found, exact)
