"""What each operator promises, on every architecture and in every dtype."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.covering import in_turn
from tests.steering.builders import OTHER, VECTOR, ZERO, arm, intervention, vectors
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.interventions.operators import operation, prepare_constant
from vectorlab.steering.interventions.operators.base import Slots
from vectorlab.steering.model.architectures import hidden_of
from vectorlab.steering.model.loading import LoadedModel

pytestmark = pytest.mark.kernels

TOKENS = torch.tensor([[1, 40, 50, 60, 70, 80, 90]])
# Tokens of all rows that go to one expert share its matrix product, whose shape follows the
# routing: a steered row that is routed otherwise moves the last bits of its neighbours.
MIXTURES = ("mixtral", "qwen2_moe", "qwen3_moe")
KEEP_NORMS = [Operator.ROTATE, Operator.ADD_NORM_PRESERVING]
REPEATABLE = [Operator.ABLATE, Operator.PROJECT_TO]


def applied(
    operator: Operator, states: torch.Tensor, rows: torch.Tensor, strengths: list[float]
) -> torch.Tensor:
    slots = prepare_constant(operator, {"vector": rows}, torch.tensor(strengths), Combine.MEAN)
    batch = Slots.stacked([slots]).of_arms(torch.tensor([0]))
    return operation(operator).apply(states, batch)


def at_layer_0(
    loaded: LoadedModel, *interventions: object, site: Site = Site.MLP_OUTPUT
) -> tuple[torch.Tensor, torch.Tensor]:
    """States of a site of layer 0 before and after steering, (T, D) each."""
    seen: list[torch.Tensor] = []

    def look(_module: object, _args: object, output: object) -> None:
        seen.append(hidden_of(output).reshape(-1, loaded.description.d_model).clone())

    module = loaded.layers.at(site)[0]
    table = SteeringTable.build(loaded, [arm(*interventions)], vectors(loaded))  # type: ignore[arg-type]
    hook = module.register_forward_hook(look)
    try:
        with torch.no_grad():
            loaded.model(input_ids=TOKENS)
            with steer(loaded, table, [0]):
                loaded.model(input_ids=TOKENS)
    finally:
        hook.remove()
    return seen[0], seen[1]


def unit(loaded: LoadedModel, name: str = VECTOR) -> torch.Tensor:
    vector = torch.from_numpy(vectors(loaded)[name][0].values)
    return vector / vector.norm()


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("vectors_of_arm", [1, 2])
def test_what_an_operator_returns_is_a_tensor_of_its_own(
    operator: Operator, vectors_of_arm: int
) -> None:
    states, held = torch.randn(1, 3, 8), torch.randn(vectors_of_arm, 8)
    slots = operation(operator).prepare({"vector": held}, torch.full((vectors_of_arm,), 0.5))
    batch = Slots.stacked([slots]).of_arms(torch.tensor([0]))
    given = [states, *(getattr(batch, item.name) for item in fields(batch))]
    before = [tensor.clone() for tensor in given]
    operation(operator).apply(states, batch).fill_(7.0)
    assert all(map(torch.equal, given, before))


@pytest.mark.parametrize(("name", "operator"), in_turn(sorted(CONFIGURATIONS), Operator))
def test_strength_0_and_a_zero_vector_change_no_bit(name: str, operator: Operator) -> None:
    loaded = tiny_model(name)
    arms = [
        arm(intervention(0.0, operator=operator)),
        arm(intervention(0.7, operator=operator, vector=ZERO)),
        arm(intervention(0.7, operator=operator)),
    ]
    with torch.no_grad():
        clean = loaded.model(TOKENS.expand(3, -1)).logits
        table = SteeringTable.build(loaded, arms, vectors(loaded))
        with steer(loaded, table, range(3)):
            steered = loaded.model(TOKENS.expand(3, -1)).logits
    if name in MIXTURES:
        torch.testing.assert_close(steered[:2], clean[:2], atol=1e-5, rtol=1e-5)
    else:
        assert torch.equal(steered[:2], clean[:2])
    assert not torch.allclose(steered[2], clean[2], atol=1e-3)


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
@pytest.mark.parametrize("operator", KEEP_NORMS)
def test_norms_are_kept_where_that_is_promised(name: str, operator: Operator) -> None:
    loaded = tiny_model(name)
    before, after = at_layer_0(loaded, intervention(0.4, operator=operator, layers=(0,)))
    assert not torch.allclose(before, after, atol=1e-4)
    torch.testing.assert_close(before.norm(dim=-1), after.norm(dim=-1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_ablate_leaves_nothing_along_the_vector_and_all_beside_it(name: str) -> None:
    loaded = tiny_model(name)
    before, after = at_layer_0(loaded, intervention(1.0, operator=Operator.ABLATE, layers=(0,)))
    along = unit(loaded)
    torch.testing.assert_close(after @ along, torch.zeros(7), atol=1e-4, rtol=0)
    beside = before - (before @ along)[:, None] * along
    torch.testing.assert_close(after, beside, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_project_to_leaves_all_along_the_vector_and_nothing_beside_it(name: str) -> None:
    loaded = tiny_model(name)
    before, after = at_layer_0(loaded, intervention(1.0, operator=Operator.PROJECT_TO, layers=(0,)))
    along = unit(loaded)
    expected = (before @ along)[:, None] * along
    torch.testing.assert_close(after, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("operator", REPEATABLE)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 4))
def test_twice_is_once(operator: Operator, seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, 16, generator=generator)
    if operator is Operator.ABLATE:  # one after another; only one direction is surely gone
        rows = rows[:1]
    states = torch.randn(1, 5, 16, generator=generator) * 5
    once = applied(operator, states, rows, [1.0] * len(rows))
    torch.testing.assert_close(
        applied(operator, once, rows, [1.0] * len(rows)), once, atol=1e-4, rtol=1e-4
    )


@given(seed=st.integers(0, 10_000), strength=st.floats(-2, 2, width=32))
def test_project_to_and_ablate_share_a_state_out(seed: int, strength: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    row, states = torch.randn(1, 8, generator=generator), torch.randn(1, 5, 8, generator=generator)
    parts = [applied(item, states, row, [strength]) for item in REPEATABLE]
    torch.testing.assert_close(sum(parts), (2 - strength) * states, atol=1e-4, rtol=1e-4)


def test_project_to_several_vectors_keeps_their_span_whatever_their_order() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(3, 8, generator=generator)
    rows = torch.cat([rows, rows[:1] * 2, torch.zeros(1, 8)])  # dependent ones add nothing
    states = torch.randn(1, 4, 8, generator=generator)
    found = applied(Operator.PROJECT_TO, states, rows, [1.0] * 5)
    basis = torch.linalg.qr(rows[:3].T.double()).Q
    expected = (states.double() @ basis @ basis.T).float()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    again = applied(Operator.PROJECT_TO, states, rows.flip(0), [1.0] * 5)
    torch.testing.assert_close(found, again, atol=1e-5, rtol=1e-5)


@given(seed=st.integers(0, 10_000), strength=st.floats(-3, 3, width=32))
def test_add_norm_preserving_is_add_with_the_norm_from_before(seed: int, strength: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    row, states = torch.randn(1, 8, generator=generator), torch.randn(1, 5, 8, generator=generator)
    kept = applied(Operator.ADD_NORM_PRESERVING, states, row, [strength])
    shifted = applied(Operator.ADD, states, row, [strength])
    expected = states.norm(dim=-1, keepdim=True) * torch.nn.functional.normalize(shifted, dim=-1)
    torch.testing.assert_close(kept, expected, atol=1e-5, rtol=1e-5)


def test_a_state_that_the_sum_cancels_becomes_zero_not_nan() -> None:
    row = torch.tensor([[3.0, 4.0]])
    gone = applied(Operator.ADD_NORM_PRESERVING, row[None], row, [-1.0])
    assert torch.equal(gone, torch.zeros(1, 1, 2))


@pytest.mark.parametrize("site", list(Site))
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("operator", list(Operator))
def test_sums_are_made_in_float32_and_given_back_in_the_dtype_of_the_model(
    operator: Operator, dtype: torch.dtype, site: Site
) -> None:
    loaded = tiny_model("llama", dtype=str(dtype).removeprefix("torch."))
    item = intervention(0.3, operator=operator, site=site, layers=(0,))
    before, after = at_layer_0(loaded, item, site=site)
    assert after.dtype == dtype
    row = torch.from_numpy(vectors(loaded)[VECTOR][0].values)[None]
    expected = applied(operator, before.float()[None], row, [0.3])[0].to(dtype)
    assert torch.equal(after, expected)


@pytest.mark.parametrize("operator", list(Operator))
def test_large_float16_states_do_not_overflow_on_the_way(operator: Operator) -> None:
    """Their squares are far beyond float16, the results are not."""
    loaded = tiny_model("llama", dtype="float16")
    with torch.no_grad(), _large_states(loaded, 20_000.0):
        _, after = at_layer_0(loaded, intervention(0.1, operator=operator, layers=(0,)))
    assert after.isfinite().all()
    assert after.abs().max() > 100


class _large_states:  # noqa: N801 - used as a with-statement
    def __init__(self, loaded: LoadedModel, size: float) -> None:
        self.module, self.size = loaded.layers.mlp[0], size

    def __enter__(self) -> None:
        self.handle = self.module.register_forward_hook(
            lambda _module, _args, output: torch.sign(output) * self.size
        )

    def __exit__(self, *_: object) -> None:
        self.handle.remove()


@pytest.mark.parametrize("operator", list(Operator))
def test_two_vectors_of_one_operator_are_not_one(operator: Operator) -> None:
    loaded = tiny_model("gpt2")
    one = intervention(0.5, operator=operator, layers=(0,))
    _, alone = at_layer_0(loaded, one)
    other = intervention(0.5, operator=operator, vector=OTHER, layers=(0,))
    _, both = at_layer_0(loaded, one, other)
    assert not torch.allclose(alone, both, atol=1e-3)
