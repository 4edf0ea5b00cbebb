"""What a replay found, in values and in words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.models import DTYPES
from vectorlab.domain.runs.batch_plan import BatchPlan, RowKey
from vectorlab.domain.runs.margins import ROUNDING_NATS, rounding_margin
from vectorlab.domain.runs.replays import Effect, ReplayOutcome, judge
from vectorlab.domain.runs.runs import Decoding, GenerationRun, Prompt, RunSpec
from vectorlab.domain.runs.texts import Departure

ENVIRONMENT = {
    "torch": "2.13.0",
    "device": "cpu",
    "device_name": "Intel Xeon",
    "cpu": "AVX512",
    "kernel_limits": None,
    "threads": 4,
    "model_fingerprint": "ab" * 32,
}
FIRST, SECOND = (RowKey(prompt=prompt, arm=0, sample=0) for prompt in range(2))


def run(number: int, decoding: Decoding | None = None, **environment: Any) -> GenerationRun:
    """160 texts."""
    spec = RunSpec(
        model_fingerprint="ab" * 32,
        prompts=tuple(Prompt(text=str(number)) for number in range(160)),
        arms=(Arm(label="baseline"),),
        decoding=decoding or Decoding(),
    )
    return GenerationRun(
        id=number,
        name=None,
        model_id=1,
        model_name="tiny",
        prompt_set_version_id=None,
        prompt_set_label=None,
        spec=spec,
        spec_sha256=spec.sha256,
        result_sha256="0" * 64,
        environment=ENVIRONMENT | environment,
        batch_plan=BatchPlan(batches=(tuple(range(160)),)),
        replay_of=None,
        duration_s=1.0,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def parted(key: RowKey, margin: float | None) -> Departure:
    return Departure(key=key, position=3, original_id=5, replay_id=6, margin=margin)


def test_a_replay_that_repeats_every_token_is_identical_whatever_changed():
    found = judge(run(1), run(2, cpu="AVX2"), ())
    assert (found.identical, found.verdict) == (True, ReplayOutcome.IDENTICAL)
    assert str(found) == "Identical: run 2 repeats all 160 texts of run 1 token for token."
    assert [item.name for item in found.changes] == ["cpu"]


def test_near_choices_on_another_processor_are_explained_by_rounding():
    replay = run(2, cpu="AVX2", device_name="AMD EPYC")
    found = judge(run(1), replay, (parted(FIRST, 4e-6), parted(SECOND, 4e-6)))
    assert found.verdict is ReplayOutcome.ROUNDING
    assert str(found) == (
        "Different: with another instruction set (AVX512 -> AVX2), processor (Intel Xeon -> AMD "
        "EPYC); 158 of 160 texts of run 2 equal those of run 1; the 2 that differ parted at "
        "choices 4e-06 nats apart; explained by rounding, which moves choices up to 0.001 nats "
        "apart."
    )
    assert found.apart(found.departures[0]) == "4e-06 nats apart"


def test_a_wide_choice_is_not_explained_by_rounding_even_beside_a_near_one():
    found = judge(run(1), run(2, cpu="AVX2"), (parted(FIRST, 4e-6), parted(SECOND, 1.25)))
    assert found.verdict is ReplayOutcome.UNEXPLAINED
    assert "parted at choices 4e-06 to 1.2 nats apart; not explained by rounding" in str(found)
    near, wide = map(found.apart, found.departures)
    assert (near, wide) == ("4e-06 nats apart", "1.2 nats apart, not explained by rounding")


def test_the_same_machine_is_no_explanation_however_near_the_choice():
    found = judge(run(1), run(2, vectorlab="9.9"), (parted(FIRST, 0.0),))
    assert found.verdict is ReplayOutcome.UNEXPLAINED
    assert "nothing on record that changes rounding differs; 159 of 160" in str(found)
    assert "the one that differs parted at a choice 0 nats apart; not explained" in str(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"torch": "2.14.0"},
        {"threads": 2},
        {"kernel_limits": "ONEDNN_MAX_CPU_ISA=AVX2"},
        {"device": "cuda"},
        {"compiled": True},
    ],
)
def test_whatever_changes_rounding_explains_a_near_choice(changes):
    [change] = judge(run(1), run(2, **changes), ()).changes
    assert change.effect is Effect.ROUNDING
    assert (
        judge(run(1), run(2, **changes), (parted(FIRST, 1e-5),)).verdict is ReplayOutcome.ROUNDING
    )


def test_other_batches_round_otherwise_and_their_order_does_not():
    original = replace(run(1), batch_plan=BatchPlan(batches=((0, 2), (1, 3)), stems=(4, 0)))
    turned = replace(run(2), batch_plan=BatchPlan(batches=((1, 3), (0, 2)), stems=(0, 4)))
    assert judge(original, turned, ()).changes == ()
    halved = replace(run(2), batch_plan=BatchPlan(batches=((0, 2), (1,), (3,))))
    [change] = judge(original, halved, ()).changes
    assert str(change) == ("batch plan (2 of at most 2 rows, stems 4, 0 -> 3 of at most 2 rows)")
    assert judge(original, halved, (parted(FIRST, 1e-5),)).verdict is ReplayOutcome.ROUNDING


@pytest.mark.parametrize("name", ["model_fingerprint", "dtype", "quantiser"])
def test_rounding_explains_nothing_where_the_computation_is_another(name):
    replay = run(2, cpu="AVX2", **{name: "cd" * 32})
    found = judge(run(1), replay, (parted(FIRST, 0.0),))
    assert found.verdict is ReplayOutcome.UNEXPLAINED
    assert f"{'cd' * 6})" in str(found) or name != "model_fingerprint"


def test_the_host_of_a_gpu_explains_nothing():
    on_a_gpu = {"device": "cuda", "device_name": "NVIDIA H200"}
    original, replay = run(1, **on_a_gpu), run(2, **on_a_gpu, cpu="AVX2", threads=1)
    assert judge(original, replay, (parted(FIRST, 0.0),)).verdict is ReplayOutcome.UNEXPLAINED
    spread = {"placement": "cuda:0: 2 layers, cpu: 1 layers"}
    original, replay = (
        replace(item, environment={**item.environment, **spread}) for item in (original, replay)
    )
    assert judge(original, replay, (parted(FIRST, 0.0),)).verdict is ReplayOutcome.ROUNDING


def test_without_margins_nothing_is_explained():
    found = judge(run(1), run(2, cpu="AVX2"), (parted(FIRST, 1e-6), parted(SECOND, None)))
    assert found.verdict is ReplayOutcome.UNEXPLAINED
    assert "parted at choices with no margin on record; not explained" in str(found)
    assert "not on record" in found.apart(found.departures[1])


def test_margins_of_draws_are_probabilities_held_against_the_temperature():
    decoding = Decoding(do_sample=True, temperature=0.5)
    assert rounding_margin(run(1, decoding).spec) == pytest.approx(ROUNDING_NATS["float32"])
    found = judge(run(1, decoding), run(2, decoding, cpu="AVX2"), (parted(FIRST, 9e-4),))
    assert found.verdict is ReplayOutcome.ROUNDING
    assert "a choice 0.0009 in probability apart; explained" in str(found)
    # However cold, the margin of a sure choice is no rounding.
    cold = Decoding(do_sample=True, temperature=1e-3)
    assert rounding_margin(run(1, cold).spec) < 1


def test_every_precision_has_a_margin_and_a_coarser_one_a_wider():
    assert set(ROUNDING_NATS) == set(DTYPES)
    assert ROUNDING_NATS["float32"] < ROUNDING_NATS["float16"] < ROUNDING_NATS["bfloat16"]
