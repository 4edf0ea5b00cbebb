"""A model that is spread over memory and disk says and reads what it does in one place."""

import gc
import importlib.util
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.steering.builders import VECTOR, arm, hook_count, intervention, run_spec, vectors
from tests.steering.extraction.test_extraction import PAIRS, stack
from tests.steering.generation.test_generation import ARMS, PROMPTS, generated, tokens
from tests.steering.model.test_loading import saved
from tests.steering.recording.test_state_cache import spec_of
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.generation.compiled import reason_against
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import Steering
from vectorlab.steering.model.architectures import architecture
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model
from vectorlab.steering.model.logit_lens import nearest_tokens
from vectorlab.steering.model.placement import Placement, placement_of
from vectorlab.steering.recording.state_cache import state_spec

# What is on the disk between the layers: a tied head and a mixture's experts, too.
FAMILIES = ["llama", "gpt2", "gemma2", "qwen2_moe"]


def both(folder: Path, name: str) -> tuple[LoadedModel, LoadedModel]:
    """A model in memory, and the same with every second layer on the disk."""
    description = describe_model(str(saved(folder / name, name)))
    whole = load_model(description, device="cpu")
    return whole, load_model(description, device="spread", device_map=alternating(whole))


def alternating(loaded: LoadedModel) -> dict[str, str]:
    """Everything in memory but layers 0 and 2, and the head where it has weights of its own."""
    places, module, before = {}, loaded.model, ""
    for part in architecture(loaded.description.architecture).blocks.split("."):
        places |= {before + name: "cpu" for name, _ in module.named_children() if name != part}
        module, before = getattr(module, part), f"{before}{part}."
    if not loaded.model.config.tie_word_embeddings:
        places["lm_head"] = "disk"
    return places | {f"{before}{layer}": ("disk", "cpu", "disk")[layer] for layer in range(3)}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_spread_model_gives_the_vectors_and_texts_of_a_whole_one(tmp_path: Path, name: str):
    whole, spread = both(tmp_path, name)
    assert {item.device.type for item in spread.model.parameters()} == {"cpu", "meta"}
    assert str(spread.placement) == "disk: 2 layers, cpu: 1 layers"
    before = hook_count(spread)
    for method in ("icv", "mean_difference"):
        ours, theirs = (
            extract(item, PAIRS, spec_of(item, method=method)) for item in (spread, whole)
        )
        np.testing.assert_allclose(stack(ours), stack(theirs), rtol=1e-5, atol=1e-6)
    for sampled in (False, True):
        spec = run_spec(whole, PROMPTS, ARMS, do_sample=sampled)
        assert tokens(generated(spread, spec)) == tokens(generated(whole, spec))
    assert hook_count(spread) == before
    top = [nearest_tokens(item, vectors(whole)[VECTOR], count=1) for item in (spread, whole)]
    assert [item.toward[0].token_id for item in top[0]] == [
        item.toward[0].token_id for item in top[1]
    ]


def test_where_layers_lie_is_recorded_and_keeps_states_apart(tmp_path: Path):
    whole, spread = both(tmp_path, "llama")
    assert describe_environment(whole)["placement"] is None
    assert describe_environment(spread)["placement"] == "disk: 2 layers, cpu: 1 layers"
    ours, theirs = (state_spec(item, spec_of(item)) for item in (spread, whole))
    assert ours.sha256 != theirs.sha256
    assert "placement" not in theirs.engine
    assert "spread" in str(reason_against(spread))


def test_spread_on_a_machine_that_holds_it_all_is_the_plain_model(tmp_path: Path):
    description = describe_model(str(saved(tmp_path / "model")))
    loaded = load_model(description, device="spread")
    if not torch.cuda.is_available():
        assert loaded.placement is None
        assert loaded.device.type == "cpu"
    assert {item.device.type for item in loaded.model.parameters()} == {loaded.device.type}


def test_nothing_stays_on_the_disk_when_the_model_is_gone(tmp_path: Path, monkeypatch):
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    _, spread = both(tmp_path, "qwen2_moe")
    assert len(os.listdir(folder)) == 1
    del spread
    gc.collect()
    assert os.listdir(folder) == []


def test_without_accelerate_the_error_says_what_to_install(tmp_path: Path, monkeypatch):
    description = describe_model(str(saved(tmp_path / "model")))
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "vectorlab.steering.model.placement.find_spec",
        lambda name: None if name == "accelerate" else found(name),
    )
    with pytest.raises(InputError, match=r"needs the package accelerate.*vectorlab\[large\]"):
        load_model(description, device="spread")


def test_layers_compute_on_their_card_and_what_is_stored_on_the_main_one():
    cards = {"model.embed_tokens": 1, "model.layers.0": 1, "model.layers.1": "cuda:2"}
    stored = {"model.layers.10": "cpu", "model.layers": "disk", "": "cpu"}
    found = placement_of(cards | stored, [f"model.layers.{layer}" for layer in (0, 1, 10, 11)])
    assert found.homes == ("cuda:1", "cuda:2", "cpu", "disk")
    assert [str(item) for item in found.devices] == ["cuda:1", "cuda:2", *["cuda:1"] * 3]
    assert str(found) == "cuda:1: 1 layers, cuda:2: 1 layers, cpu: 1 layers, disk: 1 layers"


@pytest.mark.parametrize("site", list(Site))
@pytest.mark.parametrize("operator", list(Operator))
def test_what_steers_a_layer_is_where_its_states_are(operator: Operator, site: Site):
    """The meta device stands for a second card: nothing computes on it with another's tensors."""
    plain = tiny_model("llama")
    cpu, other = torch.device("cpu"), torch.device("meta")
    placement = Placement(homes=("cpu", "meta", "cpu"), devices=(cpu, other, cpu, cpu))
    loaded = replace(plain, placement=placement)
    window = Positions.parse("response:first=3")
    arms = [
        arm(),
        arm(intervention(0.3, operator=operator, site=site)),
        arm(intervention(0.3, operator=operator, site=site, positions=window)),
    ]
    steering = Steering(loaded, SteeringTable.build(loaded, arms, vectors(loaded)), [0, 1, 2])
    ids = torch.ones(3, 4, dtype=torch.long)
    for response in (False, True, torch.ones(3, 4, dtype=torch.bool)):
        steering.set_response(response)
        steering.begin_pass(ids, None)
        for place in steering.places:
            device = placement.devices[place.layer]
            states = torch.zeros(3, 4, loaded.description.d_model, device=device)
            assert steering.writers[place].write(states).device == device
