"""Which runs may share a batch, and which requests are one."""

from dataclasses import replace
from typing import Any

import pytest

from tests.specs import FULL_RUN, PLAIN_EXTRACTION, PLAIN_RUN
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.requests import (
    SHARED_ROWS,
    EqualiseRequest,
    ExtractRequest,
    GenerateRequest,
    ReadRequest,
)
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.runs import Decoding, Prompt

PLAIN = GenerateRequest(spec=PLAIN_RUN, model_id=2, name=None, prompt_set_version_id=None)
GREEDY_KL = replace(PLAIN_RUN, decoding=replace(PLAIN_RUN.decoding, kl=True))


def test_runs_of_one_model_and_decoding_share_batches():
    other = replace(
        PLAIN_RUN, prompts=(Prompt(text="three"),), arms=FULL_RUN.arms, seed=9, samples=3
    )
    assert PLAIN.batch_key is not None
    assert replace(PLAIN, spec=other, name="other").batch_key == PLAIN.batch_key


@pytest.mark.parametrize(
    "change",
    [
        {"model_id": 3},
        {"spec": replace(PLAIN_RUN, dtype="bfloat16")},
        {"spec": replace(PLAIN_RUN, decoding=Decoding(max_new_tokens=3))},
    ],
)
def test_runs_that_compute_otherwise_have_other_batches(change: dict[str, Any]):
    key = replace(PLAIN, **change).batch_key
    assert key is not None
    assert key != PLAIN.batch_key


@pytest.mark.parametrize(
    "change",
    [
        {"batch_plan": BatchPlan(batches=((0, 1, 2, 3),))},
        {"compiled": True},
        {"spec": GREEDY_KL},
    ],
)
def test_a_run_that_is_made_for_its_own_rows_stays_alone(change: dict[str, Any]):
    assert replace(PLAIN, **change).batch_key is None


@pytest.mark.parametrize(("more", "is_shared"), [(0, True), (1, False)])
def test_a_large_run_fills_its_batches_by_itself(more: int, is_shared: bool):
    prompts = tuple(Prompt(text=str(number)) for number in range(SHARED_ROWS + more))
    spec = replace(PLAIN_RUN, prompts=prompts, arms=PLAIN_RUN.arms[:1])
    assert (replace(PLAIN, spec=spec).batch_key is not None) is is_shared


def test_a_replay_is_another_request_than_its_original():
    replay = replace(PLAIN, replay_of=4)
    keys = {
        PLAIN.dedupe_key,
        replay.dedupe_key,
        replace(replay, accept_changed_model=True).dedupe_key,
        replace(replay, replay_of=0).dedupe_key,
    }
    assert len(keys) == 4
    assert replace(PLAIN, name="other").dedupe_key == PLAIN.dedupe_key


def test_fresh_states_and_another_prompt_are_other_requests():
    extraction = ExtractRequest(
        spec=PLAIN_EXTRACTION, set_version_id=1, set_label="a@1", model_id=2, name=None
    )
    assert replace(extraction, fresh_states=True).dedupe_key != extraction.dedupe_key
    reads = {
        ReadRequest(run_id=run, prompt=prompt, model_id=1).dedupe_key
        for run, prompt in ((1, 12), (11, 2), (1, 2))
    }
    assert len(reads) == 3


@pytest.mark.parametrize(
    "change",
    [{"vector_id": 9}, {"set_version_id": 9}, {"kl": 0.2}, {"operator": Operator.ROTATE},
     {"dtype": "bfloat16"}],
)  # fmt: skip
def test_a_scale_is_found_for_a_vector_its_texts_and_how_it_acts(change: dict[str, Any]):
    asked = EqualiseRequest(
        vector_id=1, model_id=2, set_version_id=3, set_label="a@1", kl=0.1, operator=Operator.ADD,
        name="equal", dtype="float32",
    )  # fmt: skip
    assert replace(asked, **change).dedupe_key != asked.dedupe_key
    assert replace(asked, name="other", set_label="b@1").dedupe_key == asked.dedupe_key
