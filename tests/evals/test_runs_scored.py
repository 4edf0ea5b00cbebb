"""Scores, sweeps and baselines of the bundled model, from request to comparison."""

import json
import math
from functools import partial

import pytest

from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.vectors.vectors import Origin
from vectorlab.errors import InputError, JobFailed
from vectorlab.evals import forced
from vectorlab.evals.model_scores import score_with_model
from vectorlab.services import jobs
from vectorlab.services.runs import baselines, scores
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.runs import scores as score_rows

SHORT = Decoding(max_new_tokens=6)


@pytest.fixture
def view(lab):
    return lab.runs.sweep(
        vectors="upbeat",
        strengths=[0.1, 0.3],
        prompt_set="upbeat@1",
        prompts=["Once"],
        random=1,
        shuffled=1,
        in_context="upbeat@1",
        template="{source} -> {target}\n",
        shots=2,
        decoding=SHORT,
    )


def test_every_baseline_is_an_arm_of_one_run_that_replays(view):
    labels = [arm.label for arm in view.run.spec.arms]
    assert labels == [
        "baseline",
        "upbeat +0.1",
        "upbeat +0.3",
        "upbeat-random-0 +0.1",
        "upbeat-random-0 +0.3",
        "upbeat-shuffled-0 +0.1",
        "upbeat-shuffled-0 +0.3",
        "2 demonstrations in the prompt",
    ]
    assert [arm.is_baseline for arm in view.run.spec.arms] == [True] + [False] * 7
    assert len(view.run.batch_plan.batches) <= 2
    assert view.replay().identical
    frame = view.session.sql(
        "SELECT DISTINCT arm_index, is_baseline, prefix FROM v_generations ORDER BY arm_index"
    )
    assert frame["is_baseline"].astype(bool).tolist() == [True] + [False] * 7
    assert frame["prefix"].iloc[-1].startswith("The pizza was okay. -> Wow the pizza")


def test_controls_are_no_in_context_vectors(view):
    made = view.session.sql("SELECT method, operator, count(*) AS n FROM v_vectors GROUP BY 1, 2")
    assert sorted(made.itertuples(index=False, name=None)) == [
        ("icv", "rotate", 1),
        ("random_direction", "rotate", 1),
        ("shuffled", "rotate", 1),
    ]
    (parent,) = view.session.sql(
        "SELECT relation, parent_name FROM v_lineage WHERE name = 'upbeat-random-0' "
        "AND parent_kind = 'vector'"
    ).itertuples(index=False, name=None)
    assert parent == ("derived_from", "upbeat")
    shuffled = view.session.vectors.get("upbeat-shuffled-0")
    assert (shuffled.origin, shuffled.parameters["method"]) == (Origin.EXTRACTED, "icv")


def test_likelihoods_read_again_are_those_of_the_writing(view):
    view.score("perplexity:own:model=steered", "kl", "kl:own", "perplexity:reference")
    frame = view.scores().set_index(["scorer", "prompt_index", "arm_index"])["value"]
    written = view.to_frame().set_index(["prompt_index", "arm_index"])["mean_logprob"]
    for (prompt, arm), logprob in written.items():
        read = frame["perplexity:model=steered", prompt, arm]
        assert read == pytest.approx(math.exp(-logprob), rel=1e-3)
    assert (frame["kl"] >= 0).all()
    assert (frame["kl"].xs(0, level="arm_index") == 0).all()
    assert (frame["kl"].xs(2, level="arm_index") > frame["kl"].xs(1, level="arm_index")).all()
    reasons = scores.missing_reasons(view.session.db, view.run)
    assert reasons["reason"].tolist() == ["no reference text: the prompt has no target"]
    assert reasons["texts"].tolist() == [8]  # of the prompt that was given as a text


def test_scores_do_not_depend_on_what_shares_a_batch_or_a_piece(view, monkeypatch):
    view.score("kl", "perplexity")
    together = view.scores()["value"].to_numpy()
    small = partial(forced.read_passages, token_budget=64)
    monkeypatch.setattr("vectorlab.evals.model_scores.read_passages", small)
    monkeypatch.setattr(forced, "_SHARE_OF_CACHE", 1 << 40)
    view.score("kl", "perplexity", force=True)
    assert view.scores()["value"].to_numpy() == pytest.approx(together, rel=1e-3, abs=1e-6)


def test_equal_content_is_found_and_a_new_version_stands_beside(lab, view, monkeypatch):
    view.score("sentiment", "length")
    asked = scores.request_scores(lab.db, str(view.id), ["sentiment"], actor="t")
    assert asked.job is None
    again = lab.runs.get(str(view.replay().replay_id))
    monkeypatch.delattr("vectorlab.worker.handlers.scoring.prepare")  # nothing is scored any more
    again.score("length")  # every text of it was scored in the other run
    assert again.scores()["value"].notna().all()


def test_a_scorer_with_other_options_is_another_and_the_same_is_refused_by_both_its_names(view):
    view.score("distinct:1", "distinct:2")
    assert set(view.scores()["scorer"]) == {"distinct:1", "distinct"}
    with pytest.raises(InputError, match="named twice, as 'distinct' and as 'distinct:2'"):
        view.score("distinct", "distinct:2")


def test_arms_are_compared_prompt_by_prompt_and_corrected_for_their_number(view):
    view.score("kl", "sentiment")
    frame = view.compare_scores().set_index(["scorer", "arm"])
    assert len(frame) == 14
    assert (frame["n"] + frame["missing"] == 6).all()
    strong = frame.loc[("kl", "upbeat +0.3")]
    assert (strong["win"], strong["loss"]) == (6, 0)
    assert strong["p"] == pytest.approx(7 * 2 / 2**6)  # of seven arms: six prompts are too few
    assert (((frame["low"] > 0) | (frame["high"] < 0)) == (frame["p"] <= 0.05)).all()
    assert ((frame["p"] <= 0.05) == (frame["verdict"] != "not told apart")).all()


def test_votes_are_a_scorer_and_nobody_is_not_zero(lab, view):
    with lab.db.write() as tx:
        ids = list(score_rows.generation_ids(tx, view.id).values())
        for choice in ("left", "tie", "neither"):
            tx.execute(
                schema.votes.insert().values(
                    left_generation_id=ids[0],
                    right_generation_id=ids[1],
                    choice=choice,
                    question="Better?",
                    voter=choice,
                    created_at=utc_now(),
                )
            )
    view.score("votes")
    values = view.scores()["value"]
    assert values[0] == pytest.approx(0.5)
    assert values[1] == pytest.approx(0.5 / 3)
    assert values[2:].isna().all()


def test_a_judge_that_is_off_says_so_and_nothing_is_scored(view):
    with pytest.raises(Exception, match="VECTORLAB_JUDGE_URL"):
        view.score("judge:Is it polite?")
    assert view.scores().empty


def test_what_was_scored_before_a_failure_is_kept_and_not_scored_again(lab, view, monkeypatch):
    with pytest.raises(JobFailed, match="VECTORLAB_JUDGE_URL"):
        view.score("length", "judge:Is it polite?")
    assert view.scores()["scorer"].unique().tolist() == ["length"]
    assert scores.request_scores(lab.db, str(view.id), ["length"], actor="t").job is None


def test_a_calibration_goes_on_where_it_was_stopped(lab, monkeypatch):
    asked = {
        "effect": "length:characters",
        "damage": "kl<=0.02",
        "prompt_set": "upbeat@1",
        "decoding": SHORT,
    }
    passes = []

    def counting(*given, **more):
        passes.append(1)
        if len(passes) == 3:
            raise MemoryError("stopped in the third round")
        return score_with_model(*given, **more)

    monkeypatch.setattr("vectorlab.worker.handlers.calibration.score_with_model", counting)
    job = lab.vectors.request_calibration("upbeat", **asked).job
    with pytest.raises(JobFailed, match="third round"):
        lab.wait(job.id)
    jobs.retry(lab.db, job.id, actor="t")
    lab.wait(job.id)
    resumed = lab.vectors.calibrate("upbeat", **asked)
    first = len(passes)
    monkeypatch.setattr("vectorlab.worker.handlers.calibration.score_with_model", score_with_model)
    whole = lab.vectors.calibrate("upbeat", force=True, **asked)
    assert resumed.strength == whole.strength
    assert resumed.curve == whole.curve
    assert resumed.evidence["rounds"] == whole.evidence["rounds"]
    assert first <= whole.evidence["rounds"] + 1


def test_a_budget_of_tokens_decides_how_many_prompts_are_taken(lab):
    asked = lab.runs.request_sweep(
        vectors="upbeat", strengths=[0.1], prompt_set="upbeat@1", decoding=SHORT, budget=90
    )
    assert 0 < len(asked.fitted.prompts) < 5
    assert asked.fitted.tokens <= 90
    assert len(asked.fitted.prompts) + asked.fitted.left_out == 5
    with pytest.raises(InputError, match="does not pay for one prompt"):
        lab.runs.request_sweep(
            vectors="upbeat", strengths=[0.1], prompt_set="upbeat@1", decoding=SHORT, budget=10
        )


def test_random_directions_are_found_again_and_differ_by_seed(lab):
    first = baselines.random_direction(lab.db, "upbeat", seed=1, actor="t")
    assert baselines.random_direction(lab.db, "upbeat", seed=1, actor="t") == first
    other = baselines.random_direction(lab.db, "upbeat", seed=2, actor="t")
    assert other.content_sha256 != first.content_sha256
    assert [part.norm for part in lab.vectors.layers(first.name)] == pytest.approx(
        [part.norm for part in lab.vectors.layers("upbeat")], rel=1e-5
    )


def test_a_vector_that_was_not_extracted_has_nothing_to_shuffle(lab):
    lab.vectors.combine("0.5*upbeat", name="half")
    with pytest.raises(InputError, match="no demonstrations to shuffle"):
        baselines.shuffled_set(lab.db, "half", seed=0, actor="t")


def test_a_template_without_both_sides_is_refused(lab):
    with pytest.raises(InputError, match="lacks"):
        baselines.in_context_arm(lab.db, "upbeat@1", template="{source} only")


def test_layers_and_seeds_are_axes_of_one_run(lab):
    view = lab.runs.sweep(
        vectors="upbeat",
        strengths=[0.1],
        layers=[None, (0, 1), (2,)],
        prompts=["Once", "The"],
        samples=2,
        decoding=Decoding(max_new_tokens=4, do_sample=True),
    )
    assert [arm.label for arm in view.run.spec.arms] == [
        "baseline",
        "upbeat +0.1",
        "upbeat +0.1 (layers 0-1)",
        "upbeat +0.1 (layers 2)",
    ]
    view.score("length")
    assert (scores.summary(lab.db, view.run)["n"] == 2).all()  # prompts, not texts


def test_copies_of_a_prompt_count_once(lab):
    view = lab.runs.generate(prompts=["Once", "The", "Once"], decoding=SHORT)
    view.score("length")
    assert scores.summary(lab.db, view.run)["n"].tolist() == [2]


def test_a_smallest_difference_of_a_scorer_that_did_not_score_is_refused(lab, view):
    view.score("length")
    assert len(view.compare_scores(smallest={"length": 1000.0})) == 7
    with pytest.raises(InputError, match="no scores of kl"):
        view.compare_scores(smallest={"kl": 0.1})


def test_an_endpoint_that_did_not_answer_is_asked_again(lab):
    view = lab.runs.generate(prompts=["Once"], decoding=SHORT)
    judge = "judge:Good?:url=http://127.0.0.1:1/v1:timeout=1"
    view.score(judge, "exact")
    assert view.scores()["value"].isna().all()
    asked = scores.request_scores(lab.db, str(view.id), [judge, "exact"], actor="t")
    assert [item["name"] for item in asked.job.spec["scorers"]] == ["judge"]


def test_details_are_json(view):
    view.score("rouge", "projection:upbeat")
    assert all(
        json.dumps(dict(item.score.details)) for item in scores.of_run(view.session.db, view.run)
    )


def test_a_calibration_on_a_projection_says_what_scoring_its_texts_says(lab):
    found = lab.vectors.calibrate(
        "upbeat", effect="projection:upbeat", prompts=["Once", "The"], decoding=SHORT
    )
    assert found.is_met
    view = lab.runs.generate(
        vectors="upbeat", strengths=[found.strength], prompts=["Once", "The"], decoding=SHORT
    )
    view.score("projection:upbeat")
    steered = view.scores().set_index("arm_index")["value"].loc[1]
    assert found.effect_value == pytest.approx(steered.mean(), abs=1e-5)
