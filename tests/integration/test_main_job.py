"""From demonstrations to a replayed run, through the same ``Lab`` that notebooks use."""

import numpy as np
import pytest

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ConflictError
from vectorlab.lab import Lab
from vectorlab.services import frames, jobs
from vectorlab.services.runs import runs
from vectorlab.services.vectors import vectors
from vectorlab.worker.handlers import generation

SENTENCE = "Please paraphrase the following sentence. Sentence: The bread was fine., paraphrase: "
SAMPLED = Decoding(max_new_tokens=8, do_sample=True, temperature=0.9, top_k=40, top_p=0.95)


def test_a_vector_names_everything_that_made_it(lab):
    vector = lab.vectors.get("upbeat")
    assert vector.set_label == "upbeat@1"
    assert vector.model_name == "tiny"
    assert (vector.method, vector.read_site, vector.write_site) == (
        "icv",
        Site.BLOCK_OUTPUT,
        Site.MLP_OUTPUT,
    )
    model = lab.models.get("tiny")
    assert (vector.n_layers, vector.d_model) == (
        model.description.n_layers,
        model.description.d_model,
    )
    details = vectors.details(lab.db, "upbeat")
    assert [item.position for item in details.alignments] == list(range(5))
    assert all(len(item.cosines) == vector.n_layers for item in details.alignments)


def test_an_equal_extraction_is_found_and_force_computes_it_again(lab, pairs):
    asked = lab.vectors.request(set="upbeat@1")
    assert asked.job is None
    assert asked.found.name == "upbeat"
    other = lab.vectors.request(set="upbeat@1", name="other")
    assert other.job is None
    assert (other.found.name, other.found.content_sha256) == (
        "other",
        asked.found.content_sha256,
    )
    assert lab.vectors.request(set="upbeat@1", name="other").found == other.found
    assert (
        vectors.details(lab.db, "other").alignments == vectors.details(lab.db, "upbeat").alignments
    )
    lab.sets.commit("twin", pairs)
    assert lab.vectors.request(set="twin@1").found.name == "upbeat"  # same content
    again = lab.vectors.extract(set="upbeat@1", name="again", force=True)
    assert again.content_sha256 == asked.found.content_sha256


def test_a_run_holds_baseline_and_steered_texts_side_by_side(lab):
    view = lab.runs.generate(
        prompts=[SENTENCE],
        vectors=["upbeat"],
        strengths=[0, 0.1, 0.3],
        decoding=Decoding(max_new_tokens=12),
    )
    frame = view.to_frame()
    assert list(frame["arm"]) == ["baseline", "upbeat +0.1", "upbeat +0.3"]
    assert list(frame["strength"]) == [0.0, 0.1, 0.3]
    assert set(frame["baseline_text"]) == {frame["text"][0]}
    assert frame["text"].nunique() > 1
    assert list(view.compare().columns) == [
        "prompt",
        "sample",
        "baseline",
        "upbeat +0.1",
        "upbeat +0.3",
    ]


def test_an_equal_run_is_found_and_force_generates_it_again(lab):
    first = lab.runs.generate(prompts=[SENTENCE], decoding=Decoding(max_new_tokens=4))
    found = lab.runs.request(prompts=[SENTENCE], decoding=Decoding(max_new_tokens=4))
    assert found.found.id == first.id
    again = lab.runs.generate(prompts=[SENTENCE], decoding=Decoding(max_new_tokens=4), force=True)
    assert again.id != first.id
    assert list(again.to_frame()["text"]) == list(first.to_frame()["text"])


def test_a_run_name_belongs_to_one_run(lab):
    lab.runs.generate(prompts=["Once"], name="mine", decoding=Decoding(max_new_tokens=2))
    assert lab.runs.get("mine").run.name == "mine"
    with pytest.raises(ConflictError, match="taken by run"):
        lab.runs.request(prompts=["Twice"], name="mine")


def test_a_prompt_given_twice_is_two_rows_of_a_comparison(lab):
    decoding = Decoding(max_new_tokens=2)
    view = lab.runs.generate(prompts=["Once", "It", "Once"], decoding=decoding)
    other = lab.runs.generate(prompts=["It", "Once"], decoding=decoding)
    assert list(view.compare()["prompt"]) == ["Once", "It", "Once"]
    both = frames.comparison_frame(lab.db, [str(view.id), str(other.id)])
    assert list(both.columns) == [
        "prompt",
        "sample",
        f"{view.id}/baseline",
        f"{other.id}/baseline",
    ]
    assert list(both["prompt"]) == ["Once", "It", "Once"]
    assert both[f"{other.id}/baseline"].isna().tolist() == [False, False, True]


def test_prompts_can_come_from_a_set_version(lab, pairs):
    view = lab.runs.generate(prompt_set="upbeat@1", decoding=Decoding(max_new_tokens=2))
    assert view.run.prompt_set_label == "upbeat@1"
    assert [item.text for item in view.run.spec.prompts] == [item.source for item in pairs]
    assert [item.reference for item in view.run.spec.prompts] == [item.target for item in pairs]


@pytest.mark.kernels
def test_a_hundred_mixed_generations_replay_token_for_token(lab):
    lab.vectors.extract(set="upbeat@1", method="mean_difference", name="difference")
    prompts = [SENTENCE.replace("bread", word) for word in ("bread", "old park", "tea", "film", "")]
    view = lab.runs.generate(
        prompts=prompts,
        vectors=["upbeat", "difference"],
        strengths=[0.1, 0.3],
        samples=4,
        seed=11,
        decoding=SAMPLED,
    )
    verdict = view.replay()
    assert verdict.generations == 100
    assert verdict.identical
    assert verdict.changes == ()
    assert view.to_frame()["text"].nunique() > 20
    assert lab.runs.get(str(verdict.replay_id)).run.replay_of == view.id


def test_greedy_runs_replay_token_for_token(lab):
    view = lab.runs.generate(
        prompts=[SENTENCE, "Once"],
        vectors=["upbeat"],
        strengths=[0.12, -0.1],
        decoding=Decoding(max_new_tokens=16),
    )
    assert view.replay().identical


def test_a_replay_of_a_replay_repeats_the_original(lab):
    view = lab.runs.generate(prompts=["Once"], decoding=Decoding(max_new_tokens=3))
    first = view.replay()
    second = lab.runs.replay(str(first.replay_id))
    assert second.original_id == view.id
    assert second.identical


def test_a_changed_environment_is_named_in_the_verdict(lab, monkeypatch):
    view = lab.runs.generate(prompts=["Once"], decoding=Decoding(max_new_tokens=3))
    original = generation.describe_environment
    monkeypatch.setattr(
        generation, "describe_environment", lambda loaded: original(loaded) | {"torch": "9.9.9"}
    )
    verdict = view.replay()
    assert {(item.name, item.replay) for item in verdict.changes} == {("torch", "9.9.9")}


def test_mean_difference_with_add_moves_the_text(lab):
    vector = lab.vectors.extract(set="upbeat@1", method="mean_difference", name="difference")
    assert (vector.read_site, vector.write_site) == (Site.BLOCK_OUTPUT, Site.BLOCK_OUTPUT)
    view = lab.runs.generate(
        prompts=[SENTENCE],
        vectors=["difference"],
        strengths=[2.0],
        decoding=Decoding(max_new_tokens=8),
    )
    assert view.run.spec.arms[1].interventions[0].operator is Operator.ADD
    texts = list(view.to_frame()["text"])
    assert texts[0] != texts[1]


def test_a_combined_vector_keeps_its_parents(lab):
    other = lab.vectors.extract(
        set="upbeat@1", method="mean_difference", write_site=Site.MLP_OUTPUT
    )
    made = vectors.combine(
        lab.db,
        name="mix",
        terms=vectors.parse_terms(f"0.5*upbeat - {other.name}"),
        actor="me",
    )
    parts = [vectors.layer_vectors(lab.db, item) for item in (lab.vectors.get("upbeat"), other)]
    expected = 0.5 * parts[0][2].values - parts[1][2].values
    np.testing.assert_allclose(
        vectors.layer_vectors(lab.db, made)[2].values, expected, rtol=1e-6, atol=1e-7
    )
    assert [item.weight for item in vectors.details(lab.db, "mix").parents] == [0.5, -1.0]
    mix = lab.vectors.get("mix")
    assert (mix.method, mix.operator) == ("combined", Operator.ADD)  # its parents' differ
    twice = vectors.combine(
        lab.db, name="twice", terms=vectors.parse_terms("2e0*upbeat"), actor="me"
    )
    assert (twice.method, twice.operator) == ("combined", Operator.ROTATE)
    ranking = vectors.similarities(lab.db, "upbeat")
    assert ranking[0][1] == pytest.approx(max(cosine for _, cosine in ranking))


def test_vectors_without_a_chosen_name_never_clash(lab):
    asked = [
        lab.vectors.request(set="upbeat@1", method="mean_difference", write_site=site)
        for site in (Site.BLOCK_OUTPUT, Site.MLP_OUTPUT)
    ]
    made = [lab.result(item).name for item in asked]
    assert made == ["upbeat-v1", "upbeat-v1-2"]


def test_a_detached_job_is_worked_off_later(lab):
    asked = lab.runs.request(prompts=["Once"], decoding=Decoding(max_new_tokens=3))
    assert jobs.get(lab.db, asked.job.id).state is JobState.QUEUED
    twin = lab.runs.request(prompts=["Once"], decoding=Decoding(max_new_tokens=3))
    assert twin.job.id == asked.job.id
    done = lab.wait(asked.job.id)
    assert done.state is JobState.SUCCEEDED
    assert runs.get(lab.db, str(done.result["run_id"])).spec.prompts[0].text == "Once"


def test_the_same_job_runs_on_postgresql(postgres_database, pairs):
    lab = Lab(postgres_database.url, device="cpu")
    lab.sets.commit("upbeat", pairs)
    vector = lab.vectors.extract(set="upbeat", name="upbeat")
    view = lab.runs.generate(
        prompts=[SENTENCE, "Once 😀 é"],
        vectors=["upbeat"],
        strengths=[0.2],
        samples=2,
        decoding=SAMPLED,
    )
    assert view.replay().identical
    assert lab.vectors.request(set="upbeat").found == vector
    assert lab.runs.get(view.run.spec_sha256[:10]).id == view.id
    assert len(view.to_frame()) == 8
    lab.db.dispose()
