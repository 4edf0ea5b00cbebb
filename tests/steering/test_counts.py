"""What steering asks of a device beyond what decoding asks of it, counted operator by operator."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from scripts import engine_counts
from tests.covering import in_turn
from tests.steering.builders import OTHER, VECTOR, arm, intervention, run_spec, vectors
from tests.steering.counting import (
    Watch,
    added,
    held_by_steering,
    peak_at_a_layer,
    watched,
    without_values,
)
from tests.steering.interventions.test_response_conditions import condition
from tests.tiny_models import CONFIGURATIONS, D_MODEL, tiny_model
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.generation.generation import generate

MOST = {Operator.ADD: 3, Operator.ROTATE: 8}  # operators that run on a device, a layer and step
PADDED = ["Once upon a time", "Hi"]
# Of everything, so that whatever waits shows.
MIXED = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
    arm(intervention(0.4, positions=Positions.parse("response:first=3"))),
    arm(intervention(0.4, positions=Positions.parse("all+skip_bos+except=70"))),
    *[arm(intervention(0.5, operator=operator)) for operator in Operator],
]
PLACED = MIXED[: -len(Operator)]
CONDITIONED = arm(
    intervention(
        2.0,
        operator=Operator.ADD,
        layers=(1,),
        positions=Positions.RESPONSE,
        condition=condition(0.02, "response"),
    )
)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_run_that_is_watched_writes_the_texts_of_one_that_is_not(name: str) -> None:
    loaded = tiny_model(name)
    spec = run_spec(loaded, PADDED, [*MIXED, CONDITIONED], do_sample=True)
    watch, [result] = watched(loaded, [spec])
    assert result == generate(loaded, spec, vectors(loaded))
    assert len(watch.decoding) == spec.decoding.max_new_tokens - 1


def _reads(states: torch.Tensor) -> dict[str, Callable[[], object]]:
    on_host = torch.ones(2, 3)
    return {
        "item": lambda: states[0, 0].item(),
        "if": lambda: bool((states > 0).all()),
        "to the host": lambda: states.cpu(),
        "tolist": lambda: states.tolist(),
        "to the device": lambda: on_host.to(states.device),
        "copy_": lambda: states.copy_(on_host),
        "a number copied": lambda: torch.zeros((), device=states.device).copy_(torch.ones(())),
    }


@pytest.mark.parametrize("name", list(_reads(torch.empty(0))))
def test_what_meets_the_host_is_counted(name: str) -> None:
    with Watch() as watch:
        _reads(torch.empty(2, 3, device="meta"))[name]()
    assert watch.passes[0].waits.total() == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda states: states[states > 0],
        lambda states: states.nonzero(),
        lambda states: states.masked_select(states > 0),
        lambda states: states.unique(),
        lambda states: states.__setitem__(states > 0, 1.0),
        lambda states: states.equal(states),
        lambda states: torch.tensor([1, 2], device=states.device),
        lambda states: torch.where(states > 0),
    ],
)
def test_shapes_and_answers_that_depend_on_values_are_counted(call: Callable[..., object]) -> None:
    with Watch() as watch:
        call(torch.ones(2, 3))
    assert watch.passes[0].waits


def test_what_a_device_does_by_itself_is_not_counted_as_waiting() -> None:
    states = torch.ones(2, 3, device="meta")
    with Watch() as watch:
        states[torch.zeros(2, dtype=torch.long, device="meta")]
        torch.where(states > 0, states, 0.5).clamp(min=0).cumsum(-1)
        states[:, 1] = 2 * states[:, 0]
        torch.arange(3, device="meta")
    assert not watch.passes[0].waits
    assert watch.passes[0].operators.total() > 8


@pytest.mark.parametrize(
    ("name", "operator", "do_sample"), in_turn(sorted(CONFIGURATIONS), Operator, [True, False])
)
def test_no_step_waits_more_often_than_unsteered(
    name: str, operator: Operator, do_sample: bool
) -> None:
    arms = [*PLACED, arm(intervention(0.5, operator=operator))]
    prompts = PADDED if do_sample else PADDED[:1]
    found = added(tiny_model(name), arms, prompts=prompts, do_sample=do_sample)
    assert not found.waits
    assert found.operators.total() > len(arms)


@pytest.mark.parametrize(
    ("name", "do_sample"), in_turn(["llama", "gpt2", "gemma2", "bloom"], [True, False])
)
def test_nothing_crosses_to_a_device_or_back_for_steering(name: str, do_sample: bool) -> None:
    prompts = PADDED if do_sample else PADDED[:1]
    arms = MIXED if name == "llama" else PLACED  # operators do the same in every architecture
    found = added(without_values(name), [*arms, CONDITIONED], prompts=prompts, do_sample=do_sample)
    assert not found.waits


def test_runs_that_share_a_batch_make_nothing_cross() -> None:
    assert not added(without_values("llama"), MIXED[:4], [CONDITIONED, arm()]).waits


def test_the_comparison_with_the_baseline_waits_for_nothing() -> None:
    loaded = without_values("llama")
    watch, _ = watched(
        loaded, [run_spec(loaded, PADDED, [*MIXED, CONDITIONED], kl=True, max_new_tokens=5)]
    )
    prompt, *steps = watch.decoding
    assert prompt.waits  # the library looks at the mask
    assert not any(step.waits for step in steps)


@pytest.mark.slow
def test_no_step_of_a_text_that_may_end_differs() -> None:
    """Steps in which the host looks whether texts have ended are among them."""
    more: dict[str, Any] = {"max_new_tokens": 11, "stop": ("never written",), "do_sample": True}
    for loaded in (tiny_model("gpt2"), without_values("gpt2")):
        assert not added(loaded, MIXED[:4], prompts=PADDED, **more).waits


@pytest.mark.parametrize(("name", "operator", "site"), in_turn(sorted(CONFIGURATIONS), MOST, Site))
def test_a_layer_of_any_architecture_adds_few_operators(
    name: str, operator: Operator, site: Site
) -> None:
    one = arm(intervention(0.3, operator=operator, site=site, layers=(1,)))
    found = added(tiny_model(name), [arm(), one])
    assert found.views.total() in (0, 2)  # there where batch and tokens are one axis
    assert 0 < found.operators.total() - found.views.total() <= MOST[operator]


def alternating(operator: Operator, count: int, **more: Any) -> list[Arm]:
    """Arms of their own strengths, vectors in turn, every third a baseline."""
    return [
        arm(intervention(0.1 + n / 100, operator=operator, vector=(VECTOR, OTHER)[n % 2], **more))
        if n % 3 != 1
        else arm()
        for n in range(count)
    ]


@pytest.mark.parametrize("operator", MOST)
def test_any_number_of_arms_and_baselines_takes_the_operators_of_one(operator: Operator) -> None:
    loaded = tiny_model("llama")
    one, few, many = (added(loaded, alternating(operator, count)) for count in (1, 8, 64))
    assert one == few == many
    assert one.operators.total() <= MOST[operator] * len(loaded.layers)


@pytest.mark.parametrize("operator", [item for item in Operator if item not in MOST])
def test_baselines_cost_other_operators_one_choice_of_rows(operator: Operator) -> None:
    loaded = tiny_model("llama")
    one, few, many = (added(loaded, alternating(operator, count)) for count in (1, 8, 64))
    assert few == many
    assert (few - one).operators == {"where.self_out": len(loaded.layers)}


@pytest.mark.parametrize("operator", list(Operator))
def test_any_number_of_windows_and_schedules_takes_the_operators_of_one(
    operator: Operator,
) -> None:
    def mix(count: int) -> list[Arm]:
        wheres = [Positions.parse(f"response:{n + 1}-{n + 3}+except={n}") for n in range(count)]
        whens = [Schedule.parse(f"linear:1:0:{n + 1}") for n in range(count)]
        return [
            arm(),
            *[
                arm(intervention(0.3, operator=operator, positions=where, schedule=when))
                for where, when in zip(wheres, whens, strict=True)
            ],
        ]

    loaded = tiny_model("llama")
    few, more, many = (added(loaded, mix(count)) for count in (1, 7, 63))
    assert few == more == many


def test_any_number_of_schedules_under_one_condition_takes_the_operators_of_one() -> None:
    options = {"positions": Positions.RESPONSE, "condition": condition(0.02), "layers": (1,)}

    def mix(count: int) -> list[Arm]:
        whens = [Schedule.parse(f"linear:1:0:{n + 1}") for n in range(count)]
        return [arm(), *[arm(intervention(schedule=when, **options)) for when in whens]]

    few, many = (added(tiny_model("llama"), mix(count)) for count in (1, 7))
    assert few == many


def test_steering_at_many_layers_weighs_its_rules_once() -> None:
    where = Positions.parse("response:first=3")
    one, two, three = (
        added(tiny_model("llama"), [arm(), arm(intervention(positions=where, layers=layers))])
        for layers in ((0,), (0, 1), (0, 1, 2))
    )
    assert three - two == two - one
    assert (two - one).operators.total() < 12 < one.operators.total()


def test_runs_that_share_a_batch_are_shifted_together() -> None:
    loaded = tiny_model("llama")
    runs = [alternating(Operator.ADD, count) for count in (1, 5, 2)]
    assert added(loaded, *runs) == added(loaded, runs[0])


@pytest.mark.parametrize("operator", list(Operator))
def test_a_run_that_shares_a_batch_adds_the_same_whatever_its_arms(operator: Operator) -> None:
    loaded = tiny_model("llama")
    few, many = (
        added(loaded, alternating(operator, 2), alternating(operator, count)) for count in (2, 32)
    )
    assert few == many


STATES = D_MODEL * 4  # bytes of the states of one token in float32
SCRAPS = 16 * 4  # and of what there is one or a few numbers a token


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("operator", list(Operator))
def test_a_layer_holds_its_result_and_one_temporary(operator: Operator, dtype: str) -> None:
    loaded = tiny_model("llama", dtype=dtype)
    where = Positions.parse("response:first=3")
    for arms in (
        alternating(operator, 6),
        [arm(), arm(intervention(operator=operator, positions=where))],
    ):
        peak = peak_at_a_layer(loaded, arms, 64) / (64 * len(arms))
        assert STATES <= peak < 2 * STATES + SCRAPS
        if operator in MOST and dtype == "float32" and len(arms) > 2:
            assert peak < STATES + SCRAPS  # the result


@pytest.mark.parametrize("operator", list(Operator))
def test_decoding_holds_the_prepared_vectors_and_nothing_else_beside(operator: Operator) -> None:
    """Other modules hold more at once than a steered one, so its temporary does not show."""
    loaded = tiny_model("llama")
    prompts = [letter * 40 for letter in "abcd"]
    arms = [arm(), arm(intervention(operator=operator))]
    steered, bare = (
        watched(loaded, [run_spec(loaded, prompts, [one], max_new_tokens=4)])[0]
        for one in arms[::-1]
    )
    prepared = held_by_steering(loaded, arms, len(prompts))  # a run has the baseline, too
    assert steered.peak - bare.peak == prepared


@pytest.mark.slow
@pytest.mark.parametrize("name", ["`rotate`", "`add`, by a schedule"])
def test_lines_of_the_engine_s_document_show_what_is_counted(name: str) -> None:
    page = engine_counts.PAGE.read_text(encoding="utf-8")
    assert engine_counts.row(name) in page.splitlines(), "run: python -m scripts.engine_counts"


@pytest.mark.long
def test_the_engine_s_document_shows_what_is_counted() -> None:
    page = engine_counts.PAGE.read_text(encoding="utf-8")
    assert engine_counts.render(page) == page, "run: python -m scripts.engine_counts"
