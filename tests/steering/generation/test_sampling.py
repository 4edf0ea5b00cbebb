import numpy as np
import pytest
import torch

from vectorlab.domain.runs.runs import Decoding
from vectorlab.steering.generation.sampling import (
    choose,
    greedy_choice,
    log_probability,
    row_uniforms,
)

PROBABILITIES = torch.tensor([0.1, 0.4, 0.2, 0.3])
PINNED = [0.8640235759583977, 0.1304146962403333, 0.19393762066729736]


def shares(decoding: Decoding, draws: int = 20_000) -> list[float]:
    """How often each of the four tokens is drawn by evenly spread uniforms."""
    uniforms = (torch.arange(draws, dtype=torch.float64) + 0.5) / draws
    logits = PROBABILITIES.log().repeat(draws, 1)
    counts = torch.bincount(choose(logits, uniforms, decoding).tokens, minlength=4)
    return [round(float(count) / draws, 3) for count in counts]


def test_draws_are_uniform_and_fixed_for_ever() -> None:
    draws = row_uniforms(7, "Once upon a time", 3, 10_000)
    assert draws.dtype == np.float64
    assert 0 <= draws.min() < 0.001
    assert 0.999 < draws.max() < 1
    assert draws.mean() == pytest.approx(0.5, abs=0.01)
    pinned = row_uniforms(0, "", 0, 3)
    assert pinned.tolist() == PINNED


def test_a_longer_request_begins_with_the_same_draws() -> None:
    assert np.array_equal(row_uniforms(1, "a", 0, 100)[:10], row_uniforms(1, "a", 0, 10))


@pytest.mark.parametrize("other", [(2, "a", 0), (1, "b", 0), (1, "a", 1)])
def test_seed_prompt_and_sample_each_change_the_draws(other: tuple[int, str, int]) -> None:
    assert not np.array_equal(row_uniforms(*other, 4), row_uniforms(1, "a", 0, 4))


def test_greedy_takes_the_most_likely_token() -> None:
    assert choose(PROBABILITIES[None], None, Decoding()).tokens.tolist() == [1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_k": 2}, [0.0, 0.571, 0.0, 0.429]),
        ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.5}, [0.0, 0.571, 0.0, 0.429]),
        ({"top_p": 0.39}, [0.0, 1.0, 0.0, 0.0]),
        ({"top_k": 3, "top_p": 0.75}, [0.0, 0.571, 0.0, 0.429]),
        ({"min_p": 0.49}, [0.0, 0.444, 0.222, 0.333]),
        ({"min_p": 0.6}, [0.0, 0.571, 0.0, 0.429]),
        ({"min_p": 1.0}, [0.0, 1.0, 0.0, 0.0]),
        ({"min_p": 0.3, "top_k": 2}, [0.0, 0.571, 0.0, 0.429]),
        ({"temperature": 0.5}, [0.033, 0.533, 0.133, 0.3]),
        ({"temperature": 1e-4}, [0.0, 1.0, 0.0, 0.0]),
    ],
)
def test_sampling_follows_the_filtered_distribution(
    settings: dict[str, float], expected: list[float]
) -> None:
    assert shares(Decoding(do_sample=True, **settings)) == pytest.approx(expected, abs=0.001)


def test_equal_probabilities_are_ordered_by_token() -> None:
    uniforms = torch.tensor([0.1, 0.3, 0.6, 0.99], dtype=torch.float64)
    chosen = choose(torch.zeros(4, 4), uniforms, Decoding(do_sample=True)).tokens
    assert chosen.tolist() == [0, 1, 2, 3]
    first = choose(torch.zeros(4, 4), uniforms, Decoding(do_sample=True, top_k=1)).tokens
    assert first.tolist() == [0] * 4


@pytest.mark.parametrize("draw", [0.0, 1 - 2**-53])
def test_the_ends_of_the_interval_pick_a_possible_token(draw: float) -> None:
    logits = torch.tensor([[0.0, -1e9, 0.5, -1e9]])
    chosen = choose(logits, torch.tensor([draw], dtype=torch.float64), Decoding(do_sample=True))
    assert chosen.tokens.item() in (0, 2)


def test_a_row_draws_the_same_in_any_batch() -> None:
    logits = torch.randn(64, 500)
    uniforms = torch.rand(64, dtype=torch.float64)
    decoding = Decoding(do_sample=True, top_p=0.9)
    together = choose(logits, uniforms, decoding)
    alone = [choose(logits[i : i + 1], uniforms[i : i + 1], decoding) for i in range(64)]
    for ours, theirs in zip(together, zip(*alone, strict=True), strict=True):
        assert torch.equal(ours, torch.cat(theirs))


def test_greedy_choice_says_the_likeliest_token_and_its_log_probability() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)) * 8
    tokens, logprobs, _ = greedy_choice(logits)
    assert tokens.tolist() == logits.argmax(dim=-1).tolist()
    torch.testing.assert_close(logprobs, log_probability(logits, tokens))
