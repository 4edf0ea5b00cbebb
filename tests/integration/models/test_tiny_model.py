"""The committed weights of the bundled model load and behave, on small samples of the report."""

import random
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from scripts.train_tiny import attributes, cases, evaluation, scoring
from scripts.train_tiny.laboratory import (
    continuations,
    demonstrations,
    in_context_vector,
    open_model,
    random_vector,
)
from scripts.train_tiny.settings import (
    ATTRIBUTES,
    CASES_PER_ROW,
    DIALOGUE,
    PARAPHRASE,
    StyleSettings,
)
from vectorlab.steering.model.loading import LoadedModel, bundled_model_path

MEGABYTES = 8


@pytest.fixture(scope="module")
def tiny() -> LoadedModel:
    return open_model()


def test_the_weights_are_half_precision_and_at_most_eight_megabytes() -> None:
    path = bundled_model_path("tiny") / "model.safetensors"
    assert path.stat().st_size <= MEGABYTES * 1000**2
    with safe_open(path, framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118


def test_the_folder_has_every_file_that_loading_needs() -> None:
    folder = bundled_model_path("tiny")
    names = {path.name for path in Path(folder).iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    } <= names


def test_a_prompt_reads_the_same_with_and_without_its_trailing_space(tiny: LoadedModel) -> None:
    prompt = cases.dialogue_cases("test", 1)[0].prompt
    assert prompt.endswith(" ")
    assert tiny.tokenizer(prompt)["input_ids"] == tiny.tokenizer(prompt[:-1])["input_ids"]


def test_text_of_any_kind_survives_the_tokenizer(tiny: LoadedModel) -> None:
    text = "Xylophones, naïve 日本 😍!\n{}"
    ids = tiny.tokenizer(text)["input_ids"]
    assert ids[0] == tiny.tokenizer.bos_token_id
    assert tiny.tokenizer.decode(ids, skip_special_tokens=True) == text


@pytest.mark.parametrize(("kind", "floor"), [("plain", 0.99), ("one-shot", 0.99), ("json", 0.99)])
def test_it_knows_the_facts_in_templates_it_never_saw(
    tiny: LoadedModel, kind: str, floor: float
) -> None:
    chosen = cases.sample(cases.fact_cases(kind, "test"), 150)
    assert evaluation.fact_share(tiny, chosen) >= floor


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "chosen", "is_target"),
    [
        (DIALOGUE, cases.dialogue_cases("validation", 40), scoring.is_respectful),
        (PARAPHRASE, cases.paraphrase_cases("validation", CASES_PER_ROW), scoring.is_excited),
    ],
    ids=["dialogue", "paraphrase"],
)
def test_ten_demonstrations_turn_the_style_and_nothing_else_does(
    tiny: LoadedModel,
    settings: StyleSettings,
    chosen: list[cases.StyleCase],
    is_target: evaluation.IsTarget,
) -> None:
    vector = in_context_vector(tiny, demonstrations(settings.demonstrations))
    arms = {
        "unsteered": (vector, 0.0),
        "steered": (vector, settings.strength),
        "random": (random_vector(vector, 0), settings.strength),
    }
    made = continuations(tiny, [case.prompt for case in chosen], arms)
    unsteered = evaluation.mark(made["unsteered"], chosen, is_target)
    steered = evaluation.mark(made["steered"], chosen, is_target)
    elsewhere = evaluation.mark(made["random"], chosen, is_target)
    assert unsteered.target <= 0.05
    assert steered.target >= 0.95
    assert elsewhere.target <= 0.05
    assert steered.item >= 0.94
    assert steered.polarity is None or steered.polarity >= 0.9
    assert unsteered.broken <= 0.02, unsteered.why_broken
    assert steered.broken <= 0.02, steered.why_broken


def test_swapping_a_citys_state_swaps_its_continent(tiny: LoadedModel) -> None:
    items = attributes.swaps(random.Random(1), "validation", "validation", 60, isolate=False)
    share = attributes.swapped_share(
        tiny, ATTRIBUTES.swap_layer, ATTRIBUTES.swap_site, items, attributes.whole
    )
    assert share >= 0.95


def test_an_edit_that_keeps_the_base_state_changes_nothing(tiny: LoadedModel) -> None:
    items = attributes.swaps(random.Random(1), "validation", "validation", 60, isolate=True)
    share = attributes.swapped_share(
        tiny, ATTRIBUTES.subspace_layer, ATTRIBUTES.subspace_site, items, lambda base, _: base
    )
    assert share >= 0.95
