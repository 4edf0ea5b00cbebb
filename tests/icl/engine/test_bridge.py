"""Demonstrations in the prompt of language models: effects, heads, controls."""

import pandas as pd
import pytest
import torch

from tests.noise import nudged
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.context_prompts import (
    LAYOUTS,
    context_prompt,
    context_texts,
    find_layout,
)
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ArchitectureError, InputError
from vectorlab.icl.engine.attention_record import record_heads
from vectorlab.icl.engine.bridge import Bridge, BridgeOptions, bridge
from vectorlab.icl.services.runs import strongest_heads
from vectorlab.steering.extraction.methods import aggregate, texts_of
from vectorlab.steering.recording.activations import record_states

PAIRS = [
    Demonstration(source=source, target=target)
    for source, target in (("ab", "cd"), ("e", "fg"), ("hi", "j"), ("k", "lm"), ("nop", "q"))
]
OPTIONS = BridgeOptions(shots=3, queries=2, layout="arrow")
OUT_OF_REACH = {"bloom", "falcon", "gpt_neo", "gptj", "mpt"}


@pytest.mark.parametrize("architecture", sorted(set(CONFIGURATIONS) - OUT_OF_REACH))
def test_heads_demonstrations_and_the_rest_add_up_to_the_change(architecture: str):
    loaded = tiny_model(architecture)
    before = loaded.model.config._attn_implementation
    found = bridge(loaded, PAIRS, OPTIONS)
    assert loaded.model.config._attn_implementation == before
    assert len(found.rest) == len(loaded.layers)
    for layer, rest in enumerate(found.rest):
        heads = [item for item in found.heads if item.layer == layer]
        assert sum(item.share for item in heads) + rest == pytest.approx(1, abs=2e-4)
        for item in heads:
            assert sum(item.by_demonstration) == pytest.approx(item.share, abs=1e-4)
            assert 0 <= item.attention <= 1 + 1e-5


@pytest.mark.parametrize("architecture", sorted(OUT_OF_REACH))
def test_value_states_that_cannot_be_reached_are_an_error_and_the_rest_still_works(
    architecture: str,
):
    loaded = tiny_model(architecture)
    with pytest.raises(ArchitectureError, match=r"value states .* cannot be reached.*--no-heads"):
        bridge(loaded, PAIRS, OPTIONS)
    without = BridgeOptions(shots=3, queries=2, layout="arrow", heads=False)
    found = bridge(loaded, PAIRS, without)
    assert (found.heads, found.rest) == ((), ())
    assert len(found.effects) == 3 * len(loaded.layers)


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "gpt2", "gpt_neox"])
def test_recorded_heads_put_out_what_the_attention_puts_out(architecture: str):
    loaded = tiny_model(architecture)
    ids = [5, 9, 30, 31, 7, 9]
    wanted = record_states(loaded, [ids], site=Site.ATTENTION_OUTPUT).values[0]
    for layer, record in enumerate(record_heads(loaded, ids)):
        heads = record.heads
        found = record.project(heads) + record.project.bias(heads.numel())
        torch.testing.assert_close(found, wanted[layer], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(record.project.each(heads).sum(0), record.project(heads))
        assert float(record.weights.sum(-1).min()) == pytest.approx(1, abs=1e-4)


def test_the_effect_is_the_difference_of_two_states_of_the_query():
    loaded = tiny_model("llama")
    found = bridge(loaded, PAIRS, OPTIONS)
    layout = find_layout("arrow")
    shown = [PAIRS[place] for place in found.demonstrations]
    changes = []
    for place in found.queries:
        behind = context_prompt(layout, shown, PAIRS[place].source).text
        ids = [
            loaded.tokenizer(text)["input_ids"] for text in (behind, f"{PAIRS[place].source} ->")
        ]
        with_, without = record_states(loaded, ids, site=Site.BLOCK_OUTPUT).values
        changes.append(with_ - without)
    torch.testing.assert_close(found.shift, torch.stack(changes).mean(0), rtol=1e-4, atol=1e-4)


def effect(found: Bridge, condition: str) -> list[float]:
    return [item.cosine for item in found.effects if item.condition == condition]


def test_controls_differ_from_the_demonstrations_and_a_set_agrees_with_itself():
    loaded = tiny_model("llama")
    found = bridge(loaded, PAIRS, OPTIONS)
    for name in ("shuffled", "random"):
        assert effect(found, name) != effect(found, "demonstrations")
    for item in found.effects:
        agrees = item.agreement == pytest.approx(1, abs=1e-5)
        assert agrees == (item.condition == "demonstrations"), item
    other = bridge(loaded, PAIRS, OPTIONS, random_set=PAIRS[:2])
    assert effect(other, "random") != effect(found, "random")
    assert effect(other, "demonstrations") == effect(found, "demonstrations")


def test_a_single_demonstration_has_no_target_to_exchange():
    found = bridge(tiny_model("llama"), PAIRS[:2], OPTIONS)
    assert (len(found.demonstrations), len(found.queries)) == (1, 1)
    assert {item.condition for item in found.effects} == {"demonstrations", "random"}


def test_demonstrations_never_ask_for_what_they_show():
    found = bridge(tiny_model("llama"), PAIRS, OPTIONS)
    assert not set(found.demonstrations) & set(found.queries)


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        (PAIRS[:1], OPTIONS, "at least two"),
        ([*PAIRS, Demonstration(source="x", target=None)], OPTIONS, "5 of 6 .* are pairs"),
        (PAIRS, BridgeOptions(shots=0), "shots = 0"),
        (PAIRS, BridgeOptions(layout="odd"), "Layout 'odd' is not known. Layouts: labelled"),
        (
            [Demonstration(source="x" * 200, target="y"), *PAIRS],
            BridgeOptions(shots=5, layout="arrow"),
            "the model's context is 128",
        ),
    ],
)
def test_bad_input_is_named(pairs, options: BridgeOptions, message: str):
    with pytest.raises(InputError, match=message):
        bridge(tiny_model("llama"), pairs, options)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_spans_of_a_prompt_hold_its_demonstrations_and_braces_in_texts_stay(layout: str):
    odd = Demonstration(source="{target} {", target="{source}")
    prompt = context_prompt(find_layout(layout), [PAIRS[0], odd], "{source}")
    first, second = (prompt.text[span.start : span.stop] for span in prompt.spans)
    assert ("ab" in first, "cd" in first) == (True, True)
    assert "{target} {" in second
    assert "{source}" in second
    assert prompt.text == first + second + prompt.text[prompt.spans[-1].stop :]
    assert "{source}" in prompt.text[prompt.spans[-1].stop :]


def test_context_texts_are_queries_alone_and_behind_others_only():
    texts = context_texts(PAIRS, shots=2, layout="arrow", seed=3)
    alone, behind = texts[: len(PAIRS)], texts[len(PAIRS) :]
    for item, query, prompt in zip(PAIRS, alone, behind, strict=True):
        assert prompt.endswith(query)
        assert prompt.count("->") == 3
        assert f"{item.source} -> {item.target}" not in prompt
    assert context_texts(PAIRS, shots=2, layout="arrow", seed=3) == texts
    assert context_texts(PAIRS, shots=2, layout="arrow", seed=4) != texts
    assert all(text.count("->") == 5 for text in context_texts(PAIRS, shots=99, layout="arrow")[5:])
    with pytest.raises(InputError, match="shots = 0"):
        context_texts(PAIRS, shots=0)


@pytest.mark.parametrize("seed", range(8))
def test_heads_of_equal_share_stand_in_the_order_of_the_layers(seed: int):
    heads = pd.DataFrame({"head": range(5), "share": nudged([0.3, -0.5, 0.5, 0.3, -0.3], seed)})
    assert strongest_heads(heads)["head"].tolist() == [1, 2, 0, 3, 4]


def test_the_context_shift_is_the_mean_of_what_its_prompts_did():
    loaded = tiny_model("llama")
    texts = texts_of("context_shift", PAIRS, {"shots": 2, "layout": "arrow"})
    assert texts is not None
    ids = [loaded.tokenizer(text)["input_ids"] for text in texts]
    states = record_states(loaded, ids, site=Site.BLOCK_OUTPUT)
    source, target = states[:5], states[5:]
    found = aggregate("context_shift", source, target, {"shots": 2}).values
    torch.testing.assert_close(found, (target.values - source.values).mean(0))
    assert texts_of("icv", PAIRS, {}) is None
    with pytest.raises(InputError, match="no parameter odd"):
        texts_of("context_shift", PAIRS, {"odd": 1})
