import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import execute_raw
from tests.store.builders import (
    add_model,
    add_run,
    add_vector,
    add_version,
    intervention,
    layers,
    new_run,
    run_spec,
    texts,
)
from vectorlab.domain.interventions.arms import Arm, Combine, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import WHOLE_PARTS, Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.runs.texts import FinishReason
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ConflictError, InputError, IntegrityError, NotFoundError
from vectorlab.store.database import Database
from vectorlab.store.runs import runs


def test_a_run_comes_back_with_its_request_texts_and_plan(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        spec = run_spec(model, add_vector(tx, model, version))
        new = new_run(model, spec, name="first", prompt_set_version_id=version.id)
        stored = runs.add_run(tx, new, "tester")
    with database.read() as tx:
        assert runs.get_run(tx, "first") == stored
        assert runs.generations(tx, stored.id) == texts(spec)
    assert stored.spec == spec
    assert stored.spec_sha256 == spec.sha256
    assert stored.batch_plan == new.batch_plan
    assert stored.environment == new.environment
    assert (stored.model_name, stored.prompt_set_label) == ("tiny", "upbeat@1")
    assert (stored.replay_of, stored.duration_s) == (None, 1.25)


def test_texts_come_back_in_row_order_whatever_order_they_were_made_in(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        spec = run_spec(model, add_vector(tx, model))
        run = add_run(tx, model, spec, generations=texts(spec)[::-1])
        assert [item.key for item in runs.generations(tx, run.id)] == spec.rows()


def test_a_text_may_hold_anything_a_model_says(database: Database):
    odd = "tab\t nul\x00 quote' \u2028 emoji 🎉 \N{REPLACEMENT CHARACTER}"
    with database.write() as tx:
        model = add_model(tx)
        spec = run_spec(model, samples=1, prompts=(Prompt(text=""),))
        made = replace(
            texts(spec)[0],
            text=odd,
            token_ids=(),
            mean_logprob=math.nan,
            finish_reason=FinishReason.STOP,
        )
        run = add_run(tx, model, spec, generations=[made])
        (found,) = runs.generations(tx, run.id)
    # PostgreSQL cannot hold NUL in a text, so both databases say "something was here".
    assert found.text == odd.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    assert found.token_ids == ()
    assert math.isnan(found.mean_logprob)


def test_an_equal_request_finds_the_newest_original_never_a_replay(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        spec = run_spec(model)
        old = add_run(tx, model, spec)
        original = add_run(tx, model, spec)
        replay = add_run(tx, model, spec, replay_of=old.id)
        other = add_run(tx, model, run_spec(model, seed=8))
    with database.read() as tx:
        assert runs.find_by_spec(tx, spec.sha256) == original
        assert runs.find_by_spec(tx, "0" * 64) is None
        assert runs.get_run(tx, spec.sha256[:8]) == original
        assert runs.get_run(tx, str(replay.id)) == replay
        assert runs.replays(tx, old.id) == [replay]
        assert runs.list_runs(tx) == [other, replay, original, old]
        assert runs.list_runs(tx, limit=2, offset=1) == [replay, original]
        assert runs.list_runs(tx, model_id=model.id + 1) == []
        with pytest.raises(NotFoundError, match=r"No run 'nothing'.*vectorlab runs list"):
            runs.get_run(tx, "nothing")


def test_a_run_without_exactly_its_texts_is_refused(sqlite_database: Database):
    with sqlite_database.write() as tx:
        model = add_model(tx)
        spec = run_spec(model)
        for wrong in (texts(spec)[1:], [*texts(spec), texts(spec)[0]]):
            with pytest.raises(InputError, match=f"{len(wrong)} generations, expected one"):
                add_run(tx, model, spec, generations=wrong)


def test_a_taken_run_name_and_a_huge_seed_are_refused(sqlite_database: Database):
    with sqlite_database.write() as tx:
        model = add_model(tx)
        add_run(tx, model, run_spec(model), name="first")
        with pytest.raises(ConflictError, match="'first' is taken by run 1"):
            add_run(tx, model, run_spec(model), name="first")
        with pytest.raises(InputError, match="does not fit 64 bits"):
            add_run(tx, model, run_spec(model, seed=2**63))


def test_a_run_that_used_other_bytes_than_the_vector_has_is_not_stored(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        wrong = intervention(add_vector(tx, model), vector_sha256="0" * 64)
        spec = run_spec(model, arms=(Arm(label="x", interventions=(wrong,)),))
        with pytest.raises(IntegrityError, match=r"0000.*is not stored"):
            add_run(tx, model, spec)


def test_a_request_that_would_not_come_back_the_same_is_not_stored(database: Database):
    """A whole number as strength reads back as a fraction, which has another hash."""
    with database.write() as tx:
        model = add_model(tx)
        item = intervention(add_vector(tx, model))
        object.__setattr__(item, "strength", 1)
        spec = run_spec(model, arms=(Arm(label="x", interventions=(item,)),))
        with pytest.raises(IntegrityError, match="The request of run"):
            add_run(tx, model, spec)


def test_an_altered_request_is_refused_with_both_hashes(database: Database, database_url: str):
    with database.write() as tx:
        model = add_model(tx)
        run = add_run(tx, model, run_spec(model))
    on = "" if database.dialect == "sqlite" else " ON run_prompts"
    execute_raw(
        database_url,
        f"DROP TRIGGER freeze_run_prompts{on}",
        "UPDATE run_prompts SET text = 'other' WHERE position = 1",
    )
    with database.read() as tx, pytest.raises(IntegrityError, match=run.spec_sha256):
        runs.get_run(tx, str(run.id))


STORABLE = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)
POSITIONS = [
    *WHOLE_PARTS,
    *map(Positions.parse, ("prompt:last=2+skip_bos", "response:8-15", "all+tokens=5+except=7,9")),
]
SCHEDULES = list(map(Schedule.parse, ("constant", "first:8", "linear:0.1:1:9", "cosine:1:0.5:50")))
FINITE = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != 0) | st.just(0.0)


def interventions(vectors: list[Intervention]) -> st.SearchStrategy[Intervention]:
    return st.builds(
        replace,
        st.sampled_from(vectors),
        operator=st.sampled_from(Operator),
        strength=FINITE,
        site=st.sampled_from(Site),
        positions=st.sampled_from(POSITIONS),
        schedule=st.sampled_from(SCHEDULES),
        layers=st.none() | st.lists(st.integers(0, 99), max_size=3).map(tuple),
    )


def specs(fingerprint: str, vectors: list[Intervention]) -> st.SearchStrategy[RunSpec]:
    decoding = st.builds(
        Decoding,
        max_new_tokens=st.integers(1, 2**31 - 1),
        do_sample=st.booleans(),
        temperature=st.floats(0, 10, exclude_min=True),
        top_k=st.integers(0, 100),
        top_p=st.floats(0, 1, exclude_min=True),
        stop=st.lists(STORABLE.filter(bool), max_size=2).map(tuple),
    )
    arm = st.builds(
        Arm,
        label=STORABLE,
        interventions=st.lists(interventions(vectors), max_size=3).map(tuple),
        combine=st.sampled_from(Combine),
    )
    prompt = st.builds(Prompt, text=STORABLE, reference=st.none() | STORABLE)
    return st.builds(
        RunSpec,
        model_fingerprint=st.just(fingerprint),
        prompts=st.lists(prompt, min_size=1, max_size=3).map(tuple),
        arms=st.lists(arm, min_size=1, max_size=3).map(tuple),
        decoding=decoding,
        seed=st.integers(-(2**63), 2**63 - 1),
        samples=st.integers(1, 2),
        add_special_tokens=st.booleans(),
        dtype=st.sampled_from(["float32", "bfloat16"]),
    )


def test_every_request_is_reconstructed_exactly_from_its_rows(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        made = [
            intervention(add_vector(tx, model, name=f"v{seed}", layers=layers(seed)))
            for seed in range(2)
        ]

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(specs(model.fingerprint, made))
    def check(spec: RunSpec) -> None:
        with database.write() as tx:
            run_id = add_run(tx, model, spec).id
        with database.read() as tx:
            found = runs.get_run(tx, str(run_id))
        assert found.spec.sha256 == spec.sha256
        assert found.spec.arms == spec.arms
        assert found.spec.prompts == spec.prompts

    check()
