import pytest
import torch

from tests.steering.builders import hook_count, small_memory
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.vectors import Site
from vectorlab.errors import ArchitectureError, ShapeError
from vectorlab.steering.activations import record_states
from vectorlab.steering.batching import PaddingSide
from vectorlab.steering.layers import DecoderLayers
from vectorlab.steering.loading import LoadedModel

SEQUENCES = [[1, 40], list(range(30, 55)), [9], [1, 40], [7, 8, 9, 10, 11, 12]]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_padded_batches_record_what_single_sequences_do(name: str, side: PaddingSide) -> None:
    loaded = tiny_model(name)
    together = record_states(
        loaded, SEQUENCES, site=Site.BLOCK_OUTPUT, include_embeddings=True, padding_side=side
    )
    alone = [
        record_states(loaded, [ids], site=Site.BLOCK_OUTPUT, include_embeddings=True).values
        for ids in SEQUENCES
    ]
    torch.testing.assert_close(together.values, torch.cat(alone), atol=2e-5, rtol=2e-5)


def test_states_are_those_that_transformers_reports() -> None:
    loaded = tiny_model("llama")
    ids = SEQUENCES[1]
    with torch.no_grad():
        hidden = loaded.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    ours = record_states(loaded, [ids], site=Site.BLOCK_OUTPUT, include_embeddings=True).values[0]
    # transformers returns the last block's output behind the final norm.
    torch.testing.assert_close(ours[:-1], torch.stack(hidden)[:-1, 0, -1], atol=1e-5, rtol=1e-5)
    normed = loaded.model.model.norm(ours[-1])
    torch.testing.assert_close(normed, hidden[-1][0, -1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("budget", [1, 60, 10_000])
def test_the_token_budget_changes_batches_and_nothing_else(budget: int) -> None:
    loaded = tiny_model("gpt2")
    expected = record_states(loaded, SEQUENCES, site=Site.MLP_OUTPUT).values
    found = record_states(loaded, SEQUENCES, site=Site.MLP_OUTPUT, token_budget=budget).values
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_repeated_sequences_are_computed_once() -> None:
    loaded, steps = tiny_model("gpt2"), []
    states = record_states(
        loaded,
        SEQUENCES * 3,
        site=Site.BLOCK_OUTPUT,
        token_budget=1,
        on_progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert torch.equal(states.values[0], states.values[3])
    assert states.values.shape == (15, 3, 32)


def test_chosen_layers_end_the_forward_pass_early() -> None:
    loaded, ran = tiny_model("llama"), []
    hook = loaded.layers.blocks[2].register_forward_hook(lambda *_: ran.append(1))
    some = record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT, layers=[1, 0])
    hook.remove()
    assert not ran
    assert some.layers == (0, 1)
    everything = record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT)
    assert torch.equal(some.values, everything.values[:, :2])


def test_the_model_is_as_before_after_recording() -> None:
    loaded, tokens = tiny_model("gemma2"), torch.tensor([SEQUENCES[1]])
    clean = hook_count(loaded)
    before = loaded.model(tokens).logits
    record_states(loaded, SEQUENCES, site=Site.ATTENTION_OUTPUT)
    assert hook_count(loaded) == clean
    assert torch.equal(loaded.model(tokens).logits, before)


@pytest.mark.parametrize("layers", [[3], [-1], []])
def test_a_layer_that_is_not_there_is_an_error(layers: list[int]) -> None:
    with pytest.raises(ShapeError, match="the model has 3"):
        record_states(tiny_model("llama"), SEQUENCES, site=Site.BLOCK_OUTPUT, layers=layers)


def test_low_precision_models_are_recorded_in_float32() -> None:
    loaded = tiny_model("llama", dtype="bfloat16")
    assert record_states(loaded, SEQUENCES, site=Site.MLP_OUTPUT).values.dtype == torch.float32


def test_a_full_memory_halves_the_batch_and_is_told() -> None:
    loaded = tiny_model("llama")
    expected = record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT).values
    with small_memory(loaded, rows=2):
        states = record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT)
    assert states.events
    assert "out of memory with 4 sequences" in states.events[0]
    torch.testing.assert_close(states.values, expected, atol=1e-5, rtol=1e-5)


def test_a_memory_too_small_for_one_sequence_surfaces() -> None:
    loaded = tiny_model("llama")
    clean = hook_count(loaded)
    with small_memory(loaded, rows=0), pytest.raises(torch.OutOfMemoryError):
        record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT)
    assert hook_count(loaded) == clean


def test_a_module_that_never_runs_is_an_error() -> None:
    loaded = tiny_model("llama")
    layers = DecoderLayers(
        blocks=loaded.layers.blocks,
        mlp=(torch.nn.Identity(), *loaded.layers.mlp[1:]),
        attention=loaded.layers.attention,
    )
    broken = LoadedModel(**(vars(loaded) | {"layers": layers}))
    with pytest.raises(ArchitectureError, match=r"1 of 3 hooked modules never ran"):
        record_states(broken, SEQUENCES, site=Site.MLP_OUTPUT)
