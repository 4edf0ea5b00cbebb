"""Conditions, comparisons, compiled runs and equal damage, from request to replay."""

import pytest

from vectorlab.domain.interventions.conditions import Measure
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import NOT_ASKED
from vectorlab.errors import ConflictError, InputError, JobFailed, NotFoundError
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.vectors import thresholds
from vectorlab.store import purge

PROMPTS = ["The pizza was okay.", "Wow the pizza was amazing!!!"]


@pytest.fixture
def sides(lab, pairs):
    """The lab with the two sides of its pairs as prompts."""
    for name, side in (("plain", "source"), ("excited", "target")):
        items = [Demonstration(source=getattr(item, side), target=None) for item in pairs]
        lab.sets.commit(name, items, message="side")
    return lab


def test_a_threshold_is_searched_kept_and_used(sides):
    found = sides.vectors.threshold("upbeat", positive="excited@1", negative="plain@1")
    assert (found.accuracy, found.f1) == (1.0, 1.0)
    assert len(found.evidence["layers"]) == sides.vectors.get("upbeat").n_layers
    assert min(map(found.condition.holds, found.evidence["positive"]))
    assert not any(map(found.condition.holds, found.evidence["negative"]))
    again = sides.vectors.threshold("upbeat", positive="excited@1", negative="plain@1")
    assert again.id == found.id
    view = sides.runs.generate(
        prompts=PROMPTS,
        vectors=["upbeat"],
        strengths=[0.3],
        sweep=SweepOptions(when=f"search:{found.id}"),
        decoding=Decoding(max_new_tokens=8, kl=True),
    )
    frame = view.to_frame().set_index(["prompt_index", "arm_index"])
    assert frame.loc[(0, 1), "text"] == frame.loc[(0, 0), "text"]
    assert frame.loc[(0, 1), "mean_kl"] == 0
    assert frame.loc[(1, 1), "mean_kl"] > 0
    [measured] = view.run.environment["conditions"]
    assert len(measured["values"]) == 2
    assert view.replay().identical
    assert sides.runs.get(str(view.id)).run.spec == view.run.spec
    with sides.db.read() as tx, pytest.raises(ConflictError, match="needed by run"):
        purge.purge_vector(tx, "upbeat", cascade=False, actor="ann")


def test_a_condition_is_written_and_read_back(sides):
    model = sides.models.get()
    for text in (
        "upbeat@2 cosine > 0.25",
        "upbeat@0 projection < -1.5 over prompt:last=1 at mlp_output",
        "upbeat@1 projection > 1e-05 over prompt:first=4+skip_bos",
        "upbeat@1 cosine > 0.1 over response:last=4",
    ):
        item = thresholds.parse_condition(sides.db, model, text)
        assert thresholds.spell(item, "upbeat") == text
    asked = sides.runs.request(
        prompts=PROMPTS, arms=["upbeat:0.2:when=upbeat@2 cosine > 0.25 over prompt:last=1"]
    )
    arms = asked.job.request(GenerateRequest).spec.arms
    assert arms[1].interventions[0].condition.window == Positions.parse("prompt:last=1")
    assert arms[1].label == "upbeat +0.2 (when upbeat@2 cosine > 0.25 over prompt:last=1)"


def test_a_condition_on_the_text_as_it_grows_is_kept_and_replays(lab):
    sweep = SweepOptions(when="upbeat@0 cosine > -0.05 over response:last=2", layers=(1, 2))
    view = lab.runs.generate(
        prompts=PROMPTS,
        vectors=["upbeat"],
        strengths=[0.3],
        sweep=sweep,
        decoding=Decoding(max_new_tokens=8),
    )
    [found] = view.run.environment["conditions"]
    assert [held is None for held in found["tokens_held"]] == [True, False] * 2
    assert all(held < 8 for held in found["tokens_held"] if held)
    assert lab.runs.get(str(view.id)).run.spec == view.run.spec
    assert view.replay().identical


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("upbeat cosine > 1", InputError, "not understood"),
        ("upbeat@1 angle > 1", InputError, "not understood"),
        ("upbeat@99 cosine > 1", Exception, "99"),
        ("upbeat@1 cosine > 1 over all", InputError, "cannot read all"),
        ("upbeat@1 cosine > 1 over response", InputError, "too late for mlp_output of layer 0"),
        ("upbeat@1 cosine > 1 at nowhere", InputError, "names site"),
        ("other@1 cosine > 1", NotFoundError, "other"),
        ("search:7", NotFoundError, "threshold search"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_at_once(sides, text, error, message):
    with pytest.raises(error, match=message):
        sides.runs.request(
            prompts=PROMPTS, vectors=["upbeat"], strengths=[0.1], sweep=SweepOptions(when=text)
        )


def test_sets_that_are_the_same_have_no_threshold(sides):
    with pytest.raises(InputError, match="hold the same demonstrations"):
        sides.vectors.threshold(
            "upbeat", positive="plain@1", negative="plain@1", measure=Measure.PROJECTION
        )


def test_vectors_of_equal_damage_keep_their_parent_and_their_norms(lab):
    made = lab.vectors.equalise("upbeat", kl=0.05, texts="upbeat@1", name="upbeat-equal")
    about = made.parameters
    assert about["measured_kl"] == pytest.approx(0.05, rel=0.01)
    assert about.keys() - NOT_ASKED == {"kl", "texts", "operator", "dtype"}
    old, new = (lab.vectors.layers(name) for name in ("upbeat", "upbeat-equal"))
    for before, after in zip(old, new, strict=True):
        assert after.norm == pytest.approx(before.norm * about["scale"], rel=1e-5)
        assert about["natural_norms"][str(before.layer)] == pytest.approx(before.norm)
    with pytest.raises(InputError, match="does not depend on a vector's length"):
        lab.vectors.equalise("upbeat", kl=0.05, texts="upbeat@1", name="no", operator="rotate")
    with pytest.raises(InputError, match="must be above 0"):
        lab.vectors.equalise("upbeat", kl=0.0, texts="upbeat@1", name="no")


def test_texts_are_shown_while_a_notebook_waits(lab, monkeypatch):
    monkeypatch.setattr("vectorlab.steering.generation.decoding.SHOW_EVERY_S", 0.0)
    monkeypatch.setattr("vectorlab.worker.lease.PROGRESS_EVERY_S", 0.0)
    seen: list[str] = []
    view = lab.runs.generate(
        prompts=["Once"],
        decoding=Decoding(max_new_tokens=24),
        on_text=lambda texts: seen.append(texts[0].text),
    )
    assert len(seen) > 3
    assert all(view.to_frame()["text"][0].startswith(text) for text in seen)


def test_texts_are_iterated_over_while_they_grow_and_a_loop_may_be_left(lab, monkeypatch):
    monkeypatch.setattr("vectorlab.steering.generation.decoding.SHOW_EVERY_S", 0.0)
    monkeypatch.setattr("vectorlab.worker.lease.PROGRESS_EVERY_S", 0.0)
    request = {"prompts": ["Once"], "decoding": Decoding(max_new_tokens=24)}
    seen = [texts[0].text for texts in lab.runs.stream(**request)]
    assert len(seen) > 3
    view = lab.runs.generate(**request)
    assert all(view.to_frame()["text"][0].startswith(text) for text in seen)
    assert list(lab.runs.stream(**request)) == []
    left = lab.runs.stream(prompts=["Twice"], decoding=Decoding(max_new_tokens=200))
    next(left)
    left.close()
    states = lab.sql("SELECT state FROM v_jobs ORDER BY job_id DESC")["state"]
    assert states[0] == JobState.CANCELLED
    with pytest.raises(JobFailed):  # what goes wrong in the call comes out of the loop
        list(lab.runs.stream(prompts=["Once"], vectors=["upbeat"], strengths=[1e38]))


def test_a_model_without_a_chat_template_is_named(lab):
    with pytest.raises(InputError, match="'tiny' has no chat template"):
        lab.runs.request(prompts=["Hi"], system="Be kind")


def test_a_compiled_run_says_so_and_its_replay_is_compiled_too(lab, monkeypatch):
    asked: list[bool] = []

    def remember(*arguments, compiled=False, **more):
        asked.append(compiled)
        return original(*arguments, **more)

    from vectorlab.worker.handlers import generation

    original = generation.generate
    monkeypatch.setattr(generation, "generate", remember)
    view = lab.runs.generate(prompts=["Once"], decoding=Decoding(max_new_tokens=2), compiled=True)
    assert asked == [True]
    assert "compiled" not in view.run.environment  # the stand-in did not compile
    assert view.replay().identical
    assert asked == [True, False]
