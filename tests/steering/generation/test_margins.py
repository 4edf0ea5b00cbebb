"""How near choices were: against what the words say, written out, and in any batch."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from tests.steering.builders import OTHER, arm, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.margins import ROUNDING_NATS, probability_moved
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.generation.generation import Member, generate, generate_together
from vectorlab.steering.generation.sampling import choose, greedy_choice

PROMPTS = ["Once upon a time", "Hi", "A somewhat longer prompt than the others."]
ARMS = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
]
SAMPLED = [
    {},
    {"top_k": 4},
    {"top_p": 0.8},
    {"min_p": 0.1},
    {"top_k": 6, "top_p": 0.7, "min_p": 0.02, "temperature": 0.6},
    {"top_k": 1},
    {"top_p": 0.05},
]


def draws(rows: int, vocabulary: int, scale: float = 2.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(vocabulary)
    logits = torch.randn(rows, vocabulary, generator=generator, dtype=torch.float64) * scale
    return logits, torch.rand(rows, generator=generator, dtype=torch.float64)


def ranked(logits: torch.Tensor, decoding: Decoding) -> list[Fraction]:
    """Probabilities in falling order."""
    found = (logits.double() / decoding.temperature).softmax(dim=-1)
    return [Fraction(value) for value in sorted(found.tolist(), reverse=True)]


def spelt_out(logits: torch.Tensor, uniform: float, decoding: Decoding) -> float:
    """The margin of a draw as its definition says it, without any shortcut."""
    weights, drawn = ranked(logits, decoding), Fraction(uniform)
    least = Fraction(decoding.min_p) * weights[0]
    allowed = [item for item in weights[: decoding.top_k or None] if item >= least]
    enough = Fraction(decoding.top_p) * sum(allowed)
    kept = sum(sum(allowed[:rank]) < enough for rank in range(len(allowed)))
    total = sum(weights[:kept])
    rank = next(place for place in range(kept) if drawn * total < sum(weights[: place + 1]))
    boundaries = [sum(weights[:inner]) for inner in range(1, kept)]
    distances = [abs(drawn * total - boundary) for boundary in boundaries]
    distances += [abs(weights[rank] - item) / 2 for i, item in enumerate(weights) if i != rank]
    both, share = 1 + Fraction(decoding.min_p), total / sum(allowed)
    upper, lower = sum(weights[: rank + 1]), sum(weights[:rank])
    cuts = decoding.min_p > 0 or decoding.top_p < 1
    if cuts and kept < min(len(weights), decoding.top_k or len(weights)):
        one_more = max((least - weights[kept]) / both, (total - enough) * share)
        distances.append(max(one_more, upper - drawn * sum(weights[: kept + 1])))
    if cuts and kept > 1:
        fewer = sum(weights[: kept - 1])
        one_less = min((weights[kept - 1] - least) / both, (enough - fewer) * share)
        distances.append(max(one_less, drawn * fewer - lower))
    return float(min([item / total for item in distances] + [Fraction(1)]))


def test_the_margin_of_a_greedy_choice_is_the_difference_of_the_two_best_logits() -> None:
    logits = draws(64, 50)[0].float()
    logits[0, 7] = logits[0].max()  # twice
    first, second = logits.topk(2).values.T
    assert torch.equal(greedy_choice(logits).margins, first - second)
    assert greedy_choice(logits).margins[0] == 0


def test_logits_that_are_not_finite_are_not_hidden() -> None:
    for bad in (torch.nan, torch.inf):
        logits = torch.tensor([[0.0, bad, 1.0]])
        assert not greedy_choice(logits).logprobs.isfinite().any()


@pytest.mark.parametrize("settings", SAMPLED)
@pytest.mark.parametrize("vocabulary", [3, 12])
def test_the_margin_of_a_draw_is_what_its_definition_says(
    settings: dict[str, float], vocabulary: int
) -> None:
    decoding = Decoding(do_sample=True, **settings)
    logits, uniforms = draws(200, vocabulary)
    expected = [
        spelt_out(row, uniform, decoding)
        for row, uniform in zip(logits, uniforms.tolist(), strict=True)
    ]
    found = choose(logits, uniforms, decoding).margins
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=1e-9)


def test_there_is_no_other_token_where_one_alone_is_possible() -> None:
    logits = torch.tensor([[50.0, -200.0, -300.0]])
    decoding = Decoding(do_sample=True, top_k=1)
    assert choose(logits, torch.tensor([0.3], dtype=torch.float64), decoding).margins == 0.5


@pytest.mark.parametrize("settings", SAMPLED)
def test_logits_that_move_less_than_the_margin_change_no_draw(settings: dict[str, float]) -> None:
    """What ``rounding_margin`` relies on."""
    decoding = Decoding(do_sample=True, **settings)
    generator = torch.Generator().manual_seed(1)
    moved = 0
    for vocabulary in (4, 30):
        logits, uniforms = draws(4000, vocabulary)
        before = choose(logits, uniforms, decoding)
        for most in (1e-4, 1e-3, 1e-2):
            noise = torch.randn(logits.shape, generator=generator, dtype=torch.float64).sign()
            after = choose(logits + most * noise, uniforms, decoding)
            safe = before.margins > probability_moved(2 * most, decoding.temperature)
            assert torch.equal(before.tokens[safe], after.tokens[safe])
            assert safe.float().mean() > 0.3
            moved += int((before.tokens != after.tokens).sum())
    assert moved


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_text_has_the_least_margin_of_its_own_tokens(name: str) -> None:
    loaded = tiny_model(name)
    [whole] = generate(loaded, run_spec(loaded, ["Once"], ARMS[:1]), {}).generations
    ids = loaded.tokenizer("Once")["input_ids"]
    logits = loaded.model(torch.tensor([[*ids, *whole.token_ids]])).logits[0, len(ids) - 1 : -1]
    best = logits.topk(2).values
    gaps = (best[:, 0] - best[:, 1]).tolist()
    assert whole.choice_margin == pytest.approx(min(gaps), abs=1e-4)
    # One that ends before its nearest choice does not know of it.
    nearest = gaps.index(min(gaps))
    end = whole.token_ids[nearest - 1]
    ended = replace(loaded, eos_token_ids=(end,))
    [short] = generate(ended, run_spec(loaded, ["Once"], ARMS[:1]), {}).generations
    kept = whole.token_ids.index(end) + 1
    assert 0 < kept <= nearest
    assert len(short.token_ids) == kept
    assert short.choice_margin == pytest.approx(min(gaps[:kept]), abs=1e-4)


@pytest.mark.parametrize("more", [{}, {"do_sample": True, "top_p": 0.9, "samples": 2}])
def test_margins_are_the_same_alone_in_a_batch_and_in_a_shared_one(more: dict[str, float]) -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS, ARMS, **more)
    other = run_spec(loaded, ["Another run's prompt"], ARMS[:1], **more)
    together = generate(loaded, spec, vectors(loaded)).generations
    members = [Member(spec=item, vectors=vectors(loaded)) for item in (other, spec)]
    shared = generate_together(loaded, members)[1].generations  # type: ignore[union-attr]
    alone = [
        text
        for prompt in PROMPTS
        for text in generate(
            loaded, run_spec(loaded, [prompt], ARMS, **more), vectors(loaded)
        ).generations
    ]
    for text, same, single in zip(together, shared, alone, strict=True):
        assert text.choice_margin == pytest.approx(same.choice_margin, abs=2e-5)
        assert text.choice_margin == pytest.approx(single.choice_margin, abs=2e-5)
    assert len({text.choice_margin for text in together}) == len(together)


def test_a_replay_says_where_each_text_leaves_the_original_and_how_near_that_was() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS, ARMS)
    first = generate(loaded, spec, vectors(loaded))
    original = {item.key: item.token_ids for item in first.generations}
    kept = generate(loaded, spec, vectors(loaded), plan=first.plan, original=original)
    assert [item.departure for item in kept.generations] == [None] * len(original)
    [key, *_] = original
    forged = {**original, key: (*original[key][:3], 1, *original[key][4:])}
    [text, *others] = generate(
        loaded, spec, vectors(loaded), plan=first.plan, original=forged
    ).generations
    assert text.departure is not None
    assert (text.departure.position, text.departure.original_id) == (3, 1)
    assert text.departure.replay_id == text.token_ids[3]
    assert text.departure.margin is not None
    assert text.choice_margin <= text.departure.margin
    assert [item.departure for item in others] == [None] * len(others)


def test_margins_in_float32_move_far_less_than_is_called_rounding() -> None:
    loaded = tiny_model("llama")
    texts = {}
    for threads in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            texts[threads] = generate(loaded, run_spec(loaded, PROMPTS, ARMS), vectors(loaded))
        finally:
            torch.set_num_threads(before)
    for one, two in zip(texts[1].generations, texts[2].generations, strict=True):
        assert one.choice_margin == pytest.approx(
            two.choice_margin, abs=ROUNDING_NATS["float32"] / 10
        )
