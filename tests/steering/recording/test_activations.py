from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from tests.covering import in_turn, pairwise
from tests.steering.builders import hook_count, small_memory
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.vectors.vectors import Site, TokenRule
from vectorlab.errors import ArchitectureError, InputError, ModelError, ShapeError
from vectorlab.steering.model.architectures import DecoderLayers
from vectorlab.steering.model.batching import PaddingSide
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.recording.activations import record_states

SEQUENCES = [[1, 40], list(range(30, 55)), [9], [1, 40], [7, 8, 9, 10, 11, 12]]


@pytest.mark.parametrize(("name", "side"), in_turn(sorted(CONFIGURATIONS), ["left", "right"]))
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
    # Tokens, each of which counts once: 1, 2, 6 and 25.
    assert steps == [(1, 34), (3, 34), (9, 34), (34, 34)]
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
    # Of the last wanted block only what is read is computed, which rounds differently; the blocks
    # before it are the same to the bit, and so is everything where no block is trimmed.
    assert torch.equal(some.values[:, :1], everything.values[:, :1])
    whole = record_states(untrimmed(loaded), SEQUENCES, site=Site.BLOCK_OUTPUT, layers=(0, 1))
    assert torch.equal(whole.values, everything.values[:, :2])
    torch.testing.assert_close(some.values, everything.values[:, :2], atol=1e-5, rtol=1e-5)


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
    sequences = [*SEQUENCES, [5, 6], [8, 9]]
    with small_memory(loaded, rows=2):
        states = record_states(loaded, sequences, site=Site.BLOCK_OUTPUT)
    assert states.events
    assert "out of memory with 6 sequences: token budget now 19" in states.events[0]
    torch.testing.assert_close(states.values[:5], expected, atol=1e-5, rtol=1e-5)


def test_a_memory_too_small_for_one_sequence_says_what_would_fit() -> None:
    loaded = tiny_model("llama")
    clean = hook_count(loaded)
    message = r"out of memory with a single text of 1 tokens; no text fitted.*--dtype bfloat16"
    with small_memory(loaded, rows=0), pytest.raises(ModelError, match=message):
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


def untrimmed(loaded: LoadedModel) -> LoadedModel:
    """The same model, of which every block is computed whole."""
    layers = replace(loaded.layers, attention_tails=(), mlp_tails=())
    return LoadedModel(**(vars(loaded) | {"layers": layers}))


@contextmanager
def rows_seen(modules: Sequence[torch.nn.Module]) -> Iterator[list[int]]:
    """Tokens that modules work on, call by call."""
    seen: list[int] = []

    def hook(_module: torch.nn.Module, args: tuple[torch.Tensor, ...], _output: object) -> None:
        seen.append(args[0].shape[:-1].numel())

    handles = [module.register_forward_hook(hook) for module in modules]
    yield seen
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize(
    ("name", "site", "rule"), pairwise(sorted(CONFIGURATIONS), Site, ["last", "index:0"])
)
def test_a_trimmed_last_block_gives_the_states_of_the_whole_one(
    name: str, site: Site, rule: str
) -> None:
    loaded = tiny_model(name)
    options = {"site": site, "token_rule": TokenRule(rule), "include_embeddings": True}
    tails = loaded.layers.tails(site, len(loaded.layers) - 1)
    with rows_seen(tails) as seen:
        trimmed = record_states(loaded, SEQUENCES, **options)
    # One token of each different sequence, in every module that ends before the reading does.
    assert sum(seen) in {4 * count for count in range(len(tails) + 1)}
    whole = record_states(untrimmed(loaded), SEQUENCES, **options)
    torch.testing.assert_close(trimmed.values, whole.values, atol=2e-5, rtol=2e-5)


def test_every_architecture_but_one_is_trimmed() -> None:
    # OPT sees batch and tokens as one axis.
    whole = [
        name for name in CONFIGURATIONS if not tiny_model(name).layers.tails(Site.MLP_OUTPUT, 0)
    ]
    assert whole == ["opt"]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("last", lambda own: own[-1]),
        ("index:1", lambda own: own[1]),
        ("index:-2", lambda own: own[-2]),
        ("first:1", lambda own: own[0]),
        ("first:3", lambda own: own[:3].mean(0)),
        ("first:50", lambda own: own.mean(0)),
        ("mean", lambda own: own.mean(0)),
        ("max", lambda own: own.amax(0)),
    ],
)
@pytest.mark.parametrize("lead", [0, 2])
def test_a_token_rule_reads_what_it_says_without_the_tokens_in_front(
    rule: str, expected: Callable[[torch.Tensor], torch.Tensor], lead: int, side: PaddingSide
) -> None:
    loaded = tiny_model("llama")
    sequences = [[1, 2, 60, 61], list(range(30, 55)), [7, 8, 9, 10, 11, 12]]
    found = record_states(
        loaded,
        sequences,
        site=Site.BLOCK_OUTPUT,
        token_rule=TokenRule(rule),
        lead=lead,
        padding_side=side,
    ).values
    for ids, state in zip(sequences, found, strict=True):
        with torch.no_grad():
            hidden = loaded.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        for layer in (0, 1):  # the last one stands behind the final norm there
            own = hidden[layer + 1][0, lead:]
            torch.testing.assert_close(state[layer], expected(own), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rule", ["index:4", "index:-5", "mean", "max", "first:2"])
def test_a_rule_that_fits_no_token_names_the_sequence(rule: str) -> None:
    sequences = [list(range(10)), [1, 2] if ":" not in rule or "first" in rule else [1, 2, 3, 4]]
    with pytest.raises(InputError, match=rf"Sequence 2 of 2 has \d tokens of its own.*{rule} fits"):
        record_states(
            tiny_model("llama"),
            sequences,
            site=Site.BLOCK_OUTPUT,
            token_rule=TokenRule(rule),
            lead=2,
        )


def test_states_that_are_no_numbers_say_where_they_begin() -> None:
    loaded = tiny_model("llama", dtype="float16")

    def spoil(_module: object, _args: object, output: torch.Tensor) -> torch.Tensor:
        return output * float("inf") if output.shape[1] == 25 else output

    handle = loaded.layers.mlp[1].register_forward_hook(spoil)
    message = r"Sequence 2 of 5 has NaN or infinite states, beginning at block_output of layer 1"
    try:
        with pytest.raises(ModelError, match=message):
            record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT, token_budget=30)
    finally:
        handle.remove()


def test_what_fitted_before_is_told_when_memory_runs_out() -> None:
    loaded = tiny_model("llama")

    def hook(_module: object, _args: object, kwargs: dict[str, torch.Tensor]) -> None:
        if kwargs["input_ids"].shape[1] > 6:
            raise torch.OutOfMemoryError("no memory left")

    handle = loaded.model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        with pytest.raises(ModelError, match="single text of 25 tokens; texts of up to 6 tokens"):
            record_states(loaded, SEQUENCES, site=Site.BLOCK_OUTPUT)
    finally:
        handle.remove()
