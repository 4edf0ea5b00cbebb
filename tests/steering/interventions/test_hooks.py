from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.covering import pairwise
from tests.steering.builders import (
    OTHER,
    VECTOR,
    ZERO,
    arm,
    hook_count,
    intervention,
    random_vector,
    vectors,
)
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.interventions.arms import Arm, Combine
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.vectors.vectors import LayerVector, Site
from vectorlab.errors import ArchitectureError, InputError, NotFoundError, ShapeError
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.architectures import DecoderLayers
from vectorlab.steering.model.loading import LoadedModel

TOKENS = torch.tensor([[1, 40, 50, 60, 70, 80, 90]])
BASELINE = arm()


def logits(
    loaded: LoadedModel,
    arms: Sequence[Arm],
    *,
    tokens: torch.Tensor = TOKENS,
    response: torch.Tensor | bool = False,
) -> torch.Tensor:
    """Logits of the same tokens under each arm, all in one batch, (A, T, V)."""
    table = SteeringTable.build(loaded, arms, vectors(loaded))
    with torch.no_grad(), steer(loaded, table, range(len(arms))) as steering:
        steering.set_response(response)
        return loaded.model(input_ids=tokens.expand(len(arms), -1)).logits


def unhooked(loaded: LoadedModel, rows: int = 1) -> torch.Tensor:
    with torch.no_grad():
        return loaded.model(input_ids=TOKENS.expand(rows, -1)).logits


@pytest.mark.parametrize(
    ("name", "operator", "site"),
    pairwise(["llama", "gpt2", "qwen2", "gemma2", "bloom", "opt"], Operator, Site),
)
def test_baselines_in_a_steered_batch_are_bit_identical(
    name: str, operator: Operator, site: Site
) -> None:
    loaded = tiny_model(name)
    arms = [
        BASELINE,
        arm(intervention(0.4, operator=operator, site=site)),
        arm(intervention(0.0, operator=operator, site=site)),
        arm(intervention(0.4, operator=operator, site=site, vector=ZERO)),
    ]
    result, expected = logits(loaded, arms), unhooked(loaded, rows=4)
    for row in (0, 2, 3):
        assert torch.equal(result[row], expected[row])
    assert (result[1] - expected[1]).abs().max() > 1e-3


EXTREMES = [0.0, -0.0, 1e-42, -1e-30, 1e-13, 1.0, -1e18, 3e38]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("operator", list(Operator))
def test_a_baseline_keeps_every_bit_of_the_smallest_and_largest_states(
    operator: Operator, dtype: str
) -> None:
    loaded = tiny_model("llama", dtype=dtype)
    modules = [torch.nn.Identity() for _ in loaded.layers.mlp]
    table = SteeringTable.build(
        loaded, [BASELINE, arm(intervention(operator=operator))], vectors(loaded)
    )
    states = torch.tensor(EXTREMES)[:, None].repeat(2, 1, 32).to(loaded.dtype)
    with torch.no_grad(), steer(_with_layers(loaded, tuple(modules)), table, [0, 1]):
        changed = modules[1](states)
    bits = torch.int32 if dtype == "float32" else torch.int16
    assert torch.equal(changed[0].view(bits), states[0].view(bits))
    assert not torch.equal(changed[1], states[1])


@pytest.mark.parametrize(
    "quiet", [BASELINE, arm(intervention(0.0)), arm(intervention(vector=ZERO))]
)
def test_nothing_to_do_means_no_hook(quiet: Arm) -> None:
    loaded = tiny_model("llama")
    table = SteeringTable.build(loaded, [quiet], vectors(loaded))
    clean = hook_count(loaded)
    with steer(loaded, table, [0, 0]):
        assert hook_count(loaded) == clean


@pytest.mark.parametrize("site", list(Site))
@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_every_architecture_is_steered_at_every_site(name: str, site: Site) -> None:
    loaded = tiny_model(name)
    change = logits(loaded, [arm(intervention(0.4, site=site))]) - unhooked(loaded)
    assert change.isfinite().all()
    assert change.abs().max() > 1e-3


@pytest.mark.kernels
def test_rows_of_one_batch_are_steered_as_if_alone() -> None:
    loaded = tiny_model("qwen2")
    arms = [
        BASELINE,
        arm(intervention(0.3)),
        arm(intervention(-0.2, vector=OTHER)),
        arm(intervention(0.3), intervention(0.1, vector=OTHER)),
        arm(intervention(0.3), intervention(0.1, vector=OTHER), combine=Combine.SUM),
        arm(intervention(1.5, operator=Operator.ADD, site=Site.BLOCK_OUTPUT)),
        arm(intervention(1.0, operator=Operator.ABLATE, site=Site.ATTENTION_OUTPUT, layers=(1,))),
        arm(
            intervention(0.2, layers=(0, 2)),
            intervention(0.5, operator=Operator.ADD, vector=OTHER),
            intervention(1.0, operator=Operator.ABLATE, vector=OTHER),
            intervention(0.5, site=Site.ATTENTION_OUTPUT, positions=Positions.RESPONSE),
        ),
    ]
    together = logits(loaded, arms)
    for row, one in enumerate(arms):
        alone = logits(loaded, [one])[0]
        torch.testing.assert_close(together[row], alone, atol=1e-4, rtol=1e-4)
    distances = torch.cdist(together.flatten(1), together.flatten(1)) + torch.eye(len(arms)) * 9
    assert distances.min() > 1e-2


@pytest.mark.kernels
@pytest.mark.parametrize("copies", [2, 5])
def test_copies_of_an_intervention_steer_like_one(copies: int) -> None:
    loaded = tiny_model("gpt2")
    result = logits(loaded, [arm(intervention(0.3)), arm(*[intervention(0.3)] * copies)])
    torch.testing.assert_close(result[0], result[1], atol=1e-5, rtol=1e-5)


@pytest.mark.kernels
def test_sum_is_mean_with_every_strength_times_their_number() -> None:
    loaded = tiny_model("gpt2")
    result = logits(
        loaded,
        [
            arm(intervention(0.1), intervention(0.2, vector=OTHER), combine=Combine.SUM),
            arm(intervention(0.2), intervention(0.4, vector=OTHER)),
        ],
    )
    torch.testing.assert_close(result[0], result[1], atol=1e-5, rtol=1e-5)


def test_interventions_at_other_positions_do_not_share_the_mean() -> None:
    loaded = tiny_model("llama")
    apart = arm(
        intervention(0.3, positions=Positions.PROMPT),
        intervention(0.3, positions=Positions.RESPONSE),
    )
    mask = torch.tensor([[False] * 4 + [True] * 3] * 2)
    result = logits(loaded, [apart, arm(intervention(0.3))], response=mask)
    torch.testing.assert_close(result[0], result[1])


def test_positions_choose_which_tokens_are_touched() -> None:
    loaded = tiny_model("llama")
    mask = torch.tensor([[False] * 4 + [True] * 3] * 2)
    arms = [arm(intervention(positions=where)) for where in (Positions.PROMPT, Positions.RESPONSE)]
    changed = (logits(loaded, arms, response=mask) - unhooked(loaded, 2)).abs().amax(dim=-1) > 1e-4
    assert changed[0].tolist() == [True] * 7  # later tokens attend to steered ones
    assert changed[1].tolist() == [False] * 4 + [True] * 3


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_states_keep_the_dtype_of_the_model(dtype: str) -> None:
    loaded = tiny_model("llama", dtype=dtype)
    result = logits(loaded, [BASELINE, arm(intervention(0.3))])
    assert result.dtype == loaded.dtype
    assert torch.equal(result[0], unhooked(loaded, 2)[0])
    assert not torch.equal(result[1], unhooked(loaded, 2)[1])


def test_hooks_come_off_when_the_block_raises() -> None:
    loaded = tiny_model("llama")
    table = SteeringTable.build(loaded, [arm(intervention())], vectors(loaded))
    before, clean = unhooked(loaded), hook_count(loaded)
    with pytest.raises(KeyboardInterrupt), steer(loaded, table, [0]):
        _interrupt_when(hook_count(loaded) > clean)
    assert hook_count(loaded) == clean
    assert torch.equal(unhooked(loaded), before)


def test_hooks_come_off_when_one_cannot_be_registered() -> None:
    loaded = tiny_model("llama")
    mlp = (*loaded.layers.mlp[:-1], object())
    broken = _with_layers(loaded, mlp)
    table = SteeringTable.build(broken, [arm(intervention())], vectors(loaded))
    clean = hook_count(loaded)
    with pytest.raises(AttributeError, match="forward"), steer(broken, table, [0]):
        pytest.fail("the block must not run")
    assert hook_count(loaded) == clean


def test_an_error_inside_a_hook_surfaces_and_leaves_no_hook() -> None:
    loaded = tiny_model("llama")
    table = SteeringTable.build(loaded, [arm(intervention())], vectors(loaded))
    clean = hook_count(loaded)
    with pytest.raises(RuntimeError, match=r"expand|size|shape"), steer(loaded, table, [0, 0, 0]):
        loaded.model(input_ids=TOKENS.expand(2, -1))
    assert hook_count(loaded) == clean


def test_a_steered_module_that_never_runs_is_an_error() -> None:
    loaded = tiny_model("llama")
    idle = _with_layers(loaded, (*loaded.layers.mlp[:-1], torch.nn.Identity()))
    table = SteeringTable.build(idle, [arm(intervention())], vectors(loaded))
    with pytest.raises(ArchitectureError, match="mlp_output of layer 2"), steer(idle, table, [0]):
        loaded.model(input_ids=TOKENS)


def test_a_configuration_that_bypasses_the_steered_module_is_an_error() -> None:
    loaded = tiny_model("bloom", slow_but_exact=True, pretraining_tp=2)
    with pytest.raises(ArchitectureError, match="3 steered modules never ran"):
        logits(loaded, [arm(intervention())])


def _interrupt_when(steered: bool) -> None:
    assert steered
    raise KeyboardInterrupt


def _with_layers(loaded: LoadedModel, mlp: tuple[object, ...]) -> LoadedModel:
    layers = DecoderLayers(
        blocks=loaded.layers.blocks,
        mlp=mlp,  # type: ignore[arg-type]
        attention=loaded.layers.attention,
    )
    return LoadedModel(**(vars(loaded) | {"layers": layers}))


def test_a_vector_of_another_width_names_both_widths() -> None:
    loaded = tiny_model("llama")
    wide = [LayerVector(layer=0, values=np.ones(48, dtype=np.float32))]
    with pytest.raises(ShapeError, match=r"width 48 at layer 0.*d_model 32"):
        SteeringTable.build(loaded, [arm(intervention())], {VECTOR: wide})


def test_a_vector_of_a_deeper_model_names_both_depths() -> None:
    loaded = tiny_model("llama")
    deep = [LayerVector(layer=7, values=np.ones(32, dtype=np.float32))]
    with pytest.raises(ShapeError, match=r"layer 7, but the model .* has 3 layers"):
        SteeringTable.build(loaded, [arm(intervention())], {VECTOR: deep})


def test_layers_that_the_vector_does_not_have_are_named() -> None:
    loaded = tiny_model("llama")
    part = {VECTOR: random_vector(loaded)[:2]}
    with pytest.raises(ShapeError, match=r"layers \[2, 5\], but vector a+ has layers \[0, 1\]"):
        SteeringTable.build(loaded, [arm(intervention(layers=(1, 2, 5)))], part)


@pytest.mark.parametrize("strength", [float("nan"), float("inf")])
def test_a_strength_that_is_not_finite_is_refused(strength: float) -> None:
    loaded = tiny_model("llama")
    with pytest.raises(InputError, match="not finite"):
        SteeringTable.build(loaded, [arm(intervention(strength))], vectors(loaded))


def test_a_vector_that_is_not_finite_is_refused() -> None:
    loaded = tiny_model("llama")
    broken = [LayerVector(layer=1, values=np.full(32, np.nan, dtype=np.float32))]
    with pytest.raises(InputError, match="not finite, layer 1"):
        SteeringTable.build(loaded, [arm(intervention())], {VECTOR: broken})


def test_a_vector_that_is_not_given_is_an_error() -> None:
    loaded = tiny_model("llama")
    with pytest.raises(NotFoundError, match="No vector 'aaaaaaaaaaaa'"):
        SteeringTable.build(loaded, [arm(intervention())], {})
