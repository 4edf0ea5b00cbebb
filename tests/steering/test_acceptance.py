"""The laws of the method on trained models: the bundled one, and a real one given by path."""

import numpy as np
import pytest
import torch

from tests.steering.builders import VECTOR, arm, intervention, run_spec
from tests.steering.extraction.test_extraction import extraction, stack, swapped
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.texts import compare_generations
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.architectures import hidden_of
from vectorlab.steering.model.loading import LoadedModel

ANIMALS = ["dog", "cat", "boy", "girl", "bird", "bear", "mom", "frog", "duck", "lady"]
# The last word carries the difference: behind a full stop the two texts end almost alike.
SAD_TO_HAPPY = [
    Demonstration(source=f"The {name} was very sad", target=f"The {name} was very happy")
    for name in ANIMALS
]
UNFINISHED = [
    "The little rabbit felt very",
    "Tom lost his toy. He was very",
    "Lily looked at the rain. She was very",
    "The old man was so",
    "Sam and Mia went home. They were very",
    "The fox saw a big hole. He felt",
    "Anna had no one to play with. She felt very",
    "One day, a girl named Lucy was",
]


@pytest.fixture(params=["bundled_tiny", pytest.param("real_model", marks=pytest.mark.acceptance)])
def trained(request: pytest.FixtureRequest) -> LoadedModel:
    found: LoadedModel = request.getfixturevalue(request.param)
    return found


def test_icv_lies_along_the_mean_difference_at_every_layer(trained: LoadedModel) -> None:
    icv, mean = (
        stack(extraction(trained, SAD_TO_HAPPY, name)) for name in ("icv", "mean_difference")
    )
    cosines = (icv * mean).sum(1) / np.linalg.norm(icv, axis=1) / np.linalg.norm(mean, axis=1)
    assert cosines.min() > 0.99


def test_swapping_all_pairs_negates_the_vector(trained: LoadedModel) -> None:
    there = stack(extraction(trained, SAD_TO_HAPPY))
    back = stack(extraction(trained, swapped(SAD_TO_HAPPY)))
    np.testing.assert_allclose(there, -back, atol=1e-5)


def test_baselines_beside_steered_rows_are_bit_identical(trained: LoadedModel) -> None:
    arms = [arm(), arm(intervention(0.2)), arm(intervention(0.0))]
    table = SteeringTable.build(trained, arms, {VECTOR: sad_to_happy(trained)})
    ids = torch.tensor([trained.tokenizer(UNFINISHED[0])["input_ids"]] * 3)
    with torch.no_grad():
        expected = trained.model(ids).logits
        with steer(trained, table, [0, 1, 2]):
            found = trained.model(ids).logits
        again = trained.model(ids).logits
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[2], expected[2])
    assert not torch.equal(found[1], expected[1])
    assert torch.equal(again, expected)


@pytest.mark.parametrize("strength", [-0.3, 0.1, 0.45])
def test_the_norm_of_the_site_is_kept(trained: LoadedModel, strength: float) -> None:
    seen: list[torch.Tensor] = []

    def look(_module: object, _args: object, output: object) -> None:
        seen.append(hidden_of(output).clone())

    arms = [arm(intervention(strength, layers=(1,)))]
    table = SteeringTable.build(trained, arms, {VECTOR: sad_to_happy(trained)})
    ids = torch.tensor([trained.tokenizer(UNFINISHED[0])["input_ids"]])
    handle = trained.layers.mlp[1].register_forward_hook(look)
    with torch.no_grad():
        trained.model(ids)
        with steer(trained, table, [0]):
            trained.model(ids)
    handle.remove()
    assert not torch.allclose(seen[0], seen[1])
    torch.testing.assert_close(seen[0].norm(dim=-1), seen[1].norm(dim=-1))


def test_copies_and_padding_and_cache_do_not_change_a_text(trained: LoadedModel) -> None:
    vectors = {VECTOR: sad_to_happy(trained)}
    arms = [
        arm(intervention(0.15)),
        arm(*[intervention(0.15)] * 3),
        arm(intervention(0.15, positions=Positions.RESPONSE)),
        arm(),
    ]
    spec = run_spec(trained, UNFINISHED[:4], arms, max_new_tokens=8)
    rows = range(len(spec.rows()))
    together = generate(trained, spec, vectors, plan=BatchPlan(batches=(tuple(rows),)))
    alone = generate(trained, spec, vectors, plan=BatchPlan(batches=tuple((i,) for i in rows)))
    assert compare_generations(together.generations, alone.generations) == ()
    texts = {item.key: item.token_ids for item in together.generations}
    for key, ids in texts.items():
        if key.arm == 0:
            assert ids == texts[type(key)(prompt=key.prompt, arm=1, sample=0)]


@pytest.mark.parametrize("sampled", [False, True])
def test_a_hundred_rows_replay_identically(trained: LoadedModel, sampled: bool) -> None:
    vectors = {VECTOR: sad_to_happy(trained)}
    arms = [arm(), *(arm(intervention(strength)) for strength in (0.05, 0.1, 0.2))]
    spec = run_spec(
        trained, UNFINISHED, arms, max_new_tokens=8, samples=4, do_sample=sampled, top_k=40
    )
    first = generate(trained, spec, vectors, token_budget=600)
    assert len(first.plan.batches) > 2
    again = generate(trained, spec, vectors, plan=first.plan)
    assert len(again.generations) == 128
    assert first.generations == again.generations


@pytest.mark.acceptance
def test_sad_to_happy_moves_stories_and_random_directions_do_not(real_model: LoadedModel) -> None:
    vector = sad_to_happy(real_model)
    shift = towards_happy(real_model, vector)
    assert shift.min() > 0.5
    assert shift.mean() > 1.5
    random = torch.stack([towards_happy(real_model, same_norms(vector, seed)) for seed in range(5)])
    assert random.mean(dim=1).max() < shift.mean() / 2
    assert random.mean().abs() < shift.mean() / 4


def sad_to_happy(loaded: LoadedModel) -> tuple[LayerVector, ...]:
    return extraction(loaded, SAD_TO_HAPPY).layers


def same_norms(vector: tuple[LayerVector, ...], seed: int) -> tuple[LayerVector, ...]:
    """A random direction whose layers are as long as the vector's."""
    generator = np.random.default_rng(seed)
    directions = [generator.normal(size=item.values.shape) for item in vector]
    return tuple(
        LayerVector(
            layer=item.layer,
            values=(values / np.linalg.norm(values) * item.norm).astype(np.float32),
        )
        for item, values in zip(vector, directions, strict=True)
    )


def towards_happy(loaded: LoadedModel, vector: tuple[LayerVector, ...]) -> torch.Tensor:
    """Change of log-odds of "happy" over "sad" at strength 0.2, in nats per unfinished story."""
    table = SteeringTable.build(loaded, [arm(), arm(intervention(0.2))], {VECTOR: vector})
    changes = []
    for text in UNFINISHED:
        odds = _log_probability(loaded, table, text, " happy")
        odds -= _log_probability(loaded, table, text, " sad")
        changes.append(odds[1] - odds[0])
    return torch.stack(changes)


def _log_probability(
    loaded: LoadedModel, table: SteeringTable, text: str, ending: str
) -> torch.Tensor:
    """Of the ending's tokens behind the text, (2,): without and with steering."""
    start = len(loaded.tokenizer(text)["input_ids"])
    ids = torch.tensor(loaded.tokenizer(text + ending)["input_ids"])
    with torch.no_grad(), steer(loaded, table, [0, 1]):
        scores = loaded.model(ids.expand(2, -1)).logits.log_softmax(dim=-1)
    return scores[:, start - 1 : -1].gather(2, ids[start:].expand(2, -1)[..., None]).sum(dim=(1, 2))
