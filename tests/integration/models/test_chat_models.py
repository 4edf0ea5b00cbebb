"""A chat model takes part in sweeps and calibrations, and they can say what a run can."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import vectorlab
from tests.judge_server import Judge
from vectorlab.cli.main import app
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.conditions import ThresholdSide
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.text.chats import Chat, Exchange
from vectorlab.errors import InputError
from vectorlab.lab import Lab
from vectorlab.services.runs import runs
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.vectors import calibrations, thresholds

TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
TINY = Path(vectorlab.__file__).parent / "models" / "tiny"
PROMPTS = ["It was ok.", "The soup was cold."]
WHEN = "upbeat@1 cosine > -1.0"
DRAWS = ("--sample", "--temperature", "0.7", "--top-k", "5", "--top-p", "0.9", "--min-p", "0.05")
READING = ("--system", "Be brief.", "--dtype", "bfloat16", "--no-special-tokens", "--stop", ".")
SHORT = Decoding(max_new_tokens=2)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    shutil.copytree(TINY, folder / "model")
    (folder / "model" / "chat_template.jinja").write_text(TEMPLATE)
    made = Lab(f"sqlite:///{folder / 'store.db'}", device="cpu")
    made.models.add(str(folder / "model"), name="chatty")
    made.sets.commit("upbeat", [Demonstration(source="It was ok.", target="Wow, great!!!")] * 2)
    made.vectors.extract(set="upbeat", name="upbeat", model="chatty")
    yield made
    made.db.dispose()


def ask(lab, *words):
    done = CliRunner().invoke(app, ["--db", lab.db.url, *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_sweep_says_what_a_run_says(lab):
    shared = ("--model", "chatty", "--vector", "upbeat", "--strength", "0.1", "--when", WHEN)
    shared += ("--combine", "sum", "--prompt", PROMPTS[0], "--max-new-tokens", "2", "--kl")
    shared += ("--schedule", "first:1", *DRAWS, *READING)
    swept = lab.runs.get(str(ask(lab, "runs", "sweep", *shared)["id"])).run
    generated = lab.runs.get(str(ask(lab, "runs", "generate", *shared)["id"])).run
    assert generated.id == swept.id  # the same request is found
    spec = swept.spec
    assert spec.chat is not None
    assert (spec.chat.system, spec.dtype, spec.add_special_tokens) == (
        "Be brief.",
        "bfloat16",
        False,
    )
    decoding = spec.decoding
    assert (decoding.temperature, decoding.top_k, decoding.top_p) == (0.7, 5, 0.9)
    assert (decoding.min_p, decoding.stop, decoding.kl) == (0.05, (".",), True)
    [item] = spec.arms[1].interventions
    assert item.condition is not None
    assert (str(item.schedule), spec.arms[1].combine) == ("first:1", Combine.SUM)


def test_a_budget_counts_what_a_chat_model_reads(lab):
    asked = {"vectors": "upbeat", "strengths": [0.1], "prompts": PROMPTS, "model": "chatty"}
    plain = lab.runs.request_sweep(**asked, decoding=SHORT).fitted
    chat = lab.runs.request_sweep(**asked, decoding=SHORT, system="Be brief.").fitted
    assert chat.tokens > plain.tokens
    view = lab.runs.sweep(**asked, decoding=SHORT, system="Be brief.")
    read = lab.runs.count_tokens(view.run, PROMPTS)
    written = len(PROMPTS) * len(view.run.spec.arms) * SHORT.max_new_tokens
    assert chat.tokens == len(view.run.spec.arms) * sum(read) + written


def test_a_calibration_says_what_a_run_says(lab):
    words = ("--effect", "length:characters", "--model", "chatty", "--max-new-tokens", "3")
    words += ("--prompt", PROMPTS[0], "--prompt", PROMPTS[1], "--damage", "kl<=5")
    words += ("--when", WHEN, "--schedule", "first:2", "--seed", "3", *DRAWS, *READING)
    made = ask(lab, "vectors", "calibrate", "upbeat", *words)
    spec = calibrations.get(lab.db, made["id"]).spec
    assert spec.chat is not None
    assert (spec.chat.system, spec.dtype, spec.seed) == ("Be brief.", "bfloat16", 3)
    assert spec.add_special_tokens is False
    assert (spec.decoding.min_p, spec.decoding.stop) == (0.05, (".",))
    assert spec.condition is not None
    assert spec.condition.comparison is ThresholdSide.ABOVE
    assert str(spec.schedule) == "first:2"
    assert made["request"]["condition"]["threshold"] == -1.0
    again = ask(lab, "vectors", "calibrate", "upbeat", *words)
    assert again["id"] == made["id"]


def test_a_calibrated_strength_is_that_of_the_same_course(lab):
    asked = {
        "effect": "length:characters",
        "prompts": PROMPTS,
        "model": "chatty",
        "damage": "kl<=0.05",
        "decoding": SHORT,
    }
    use = SweepOptions(calibrated=True, layers=(1, 2))
    run = {"prompts": PROMPTS, "model": "chatty", "vectors": "upbeat", "strengths": [1.0]}
    conditional = lab.vectors.calibrate("upbeat", when=WHEN, layers=((1, 2),), **asked)
    with pytest.raises(InputError, match="not calibrated"):
        lab.runs.request(**run, sweep=use)  # what holds under a condition does not hold always
    always = lab.vectors.calibrate("upbeat", layers=((1, 2),), first=0.01, **asked)

    def strength(**options):
        sweep = SweepOptions(calibrated=True, layers=(1, 2), **options)
        job = lab.runs.request(**run, sweep=sweep).job
        [intervention] = job.request(GenerateRequest).spec.arms[1].interventions
        return intervention.strength

    assert strength() == always.strength
    assert strength(when=WHEN) == conditional.strength
    assert strength(schedule=Schedule.parse("first:3")) == always.strength


def test_a_condition_that_comes_too_late_is_refused_before_anything_is_computed(lab):
    late = "upbeat@3 cosine > 0.1 over response:last=2"
    with pytest.raises(InputError, match="too late"):
        lab.vectors.request_calibration(
            "upbeat",
            effect="length",
            prompts=PROMPTS,
            model="chatty",
            when=late,
            positions=Positions.RESPONSE,
        )


def test_a_model_without_a_chat_template_is_told(lab):
    with pytest.raises(InputError, match="'tiny' has no chat template"):
        lab.runs.request_sweep(
            vectors="upbeat",
            strengths=[0.1],
            prompts=PROMPTS,
            model="tiny",
            other_model=True,
            chat=True,
        )


def test_a_conversation_goes_on_and_is_replayed_when_its_beginning_is_purged(lab):
    first = lab.runs.generate(
        prompts=PROMPTS[0], vectors="upbeat", strengths=[0.3], system="Be kind.", decoding=SHORT
    )
    after = f"{first.run.id}:1"
    second = lab.runs.generate(prompts="And now?", after=after, decoding=SHORT)
    frame = first.to_frame()
    said = frame.loc[frame["arm_index"] == 1, "text"].item()
    chat = second.run.spec.chat
    assert chat is not None
    assert (second.run.model_name, chat.system) == ("chatty", "Be kind.")
    assert chat.earlier == (Exchange(user=PROMPTS[0], assistant=said),)
    turns = f"system: Be kind.\nuser: {PROMPTS[0]}\nassistant: {said}\nuser: And now?\nassistant:"
    plain = lab.runs.generate(
        prompts=turns, model="chatty", add_special_tokens=False, decoding=SHORT
    )
    assert second.to_frame()["text"].tolist() == plain.to_frame()["text"].tolist()
    runs.remove(lab.db, str(first.run.id), cascade=True, actor="tester")
    assert second.replay().identical


def test_commands_go_on_with_a_conversation_and_show_it(lab, tmp_path):
    words = ("--model", "chatty", "--prompt", "It was ok.", "--max-new-tokens", "2", "--chat")
    first = ask(lab, "runs", "generate", *words, "--vector", "upbeat", "--strength", "0.2")
    going_on = ("--after", f"{first['id']}:1", "--prompt", "And now?", "--max-new-tokens", "2")
    second = ask(lab, "runs", "generate", *going_on)
    said = next(text["text"] for text in first["generations"] if text["arm_index"] == 1)
    assert second["chat"]["earlier"] == [["It was ok.", said]]
    shown = CliRunner().invoke(app, ["--db", lab.db.url, "runs", "show", str(second["id"])])
    told = " ".join(shown.stdout.split())
    assert f"earlier turns user 'It was ok.'; assistant {said!r}" in told
    [report, *_] = lab.runs.report(str(second["id"]), path=tmp_path / "report.md")
    assert f"assistant {said!r}" in report.read_text("utf-8")
    # The same option, wherever texts are asked for.
    swept = ask(lab, "runs", "sweep", *going_on, "--vector", "upbeat", "--strength", "0.1")
    chat = lab.runs.get(str(swept["id"])).run.spec.chat
    assert chat.to_json() == second["chat"]
    effect = ("--effect", "length:characters", "--damage", "kl<=5")
    made = ask(lab, "vectors", "calibrate", "upbeat", *effect, *going_on)
    assert calibrations.get(lab.db, made["id"]).spec.chat == chat


def test_a_threshold_is_searched_behind_what_was_said(lab):
    begun = lab.runs.generate(prompts="Hi.", model="chatty", system="Be kind.", decoding=SHORT)
    for name, text in (("glad", "I am glad."), ("sad", "I am sad.")):
        lab.sets.commit(name, [Demonstration(source=text, target=text)] * 2)
    sides = ("--positive", "glad", "--negative", "sad")
    words = ("vectors", "threshold", "upbeat", *sides, "--after", str(begun.run.id))
    chat = thresholds.get(lab.db, ask(lab, *words)["id"]).spec.chat
    assert chat is not None
    assert (chat.system, [turn.user for turn in chat.earlier]) == ("Be kind.", ["Hi."])


def test_a_text_that_is_not_there_to_go_on_from_is_told_in_a_line(lab):
    plain = ask(lab, "runs", "generate", "--prompt", "It was ok.", "--max-new-tokens", "2")
    for after, message in ((f"{plain['id']}:0", "no turns of a chat"), ("99:0", "No run '99'")):
        asked = ["--db", lab.db.url, "runs", "generate", "--prompt", "So?", "--after", after]
        done = CliRunner().invoke(app, asked)
        assert message in str(done.exception)


def test_an_experiment_keeps_what_was_said_before_its_prompts(lab):
    first = lab.runs.generate(prompts="Hi.", model="chatty", chat=True, decoding=SHORT)
    found = lab.experiment(
        vectors="upbeat",
        effect="length:characters",
        damage="kl<=5",
        prompts=[*PROMPTS, "Why?", "How?"],
        random=0,
        shuffled=0,
        demonstrations=False,
        after=str(first.run.id),
        decoding=SHORT,
    )
    chat = found.run.run.spec.chat
    assert chat is not None
    assert [exchange.user for exchange in chat.earlier] == ["Hi."]
    [calibration] = lab.vectors.calibrations("upbeat")[:1]
    assert calibration.spec.chat == chat


def test_a_judge_reads_the_conversation_that_was_answered(lab, judge: Judge):
    judge.answers["Is it polite?"] = "7"
    scorer = f"judge:Is it polite?:url={judge.url}"
    first = lab.runs.generate(prompts="Hi.", model="chatty", system="Be kind.", decoding=SHORT)
    second = lab.runs.generate(prompts="And now?", after=str(first.run.id), decoding=SHORT)
    first.score(scorer)
    second.score(scorer)
    [said] = first.to_frame()["text"]
    asked = [request["messages"][0]["content"] for request in judge.requests]
    assert "<prompt>Hi.</prompt>" in asked[0]  # a system prompt alone is no conversation
    conversation = f"system: Be kind.\nuser: Hi.\nassistant: {said}\nuser: And now?"
    assert f"<prompt>{conversation}</prompt>" in asked[1]
    judge.requests.clear()
    lab.vectors.calibrate(
        "upbeat", effect=scorer, prompts="And now?", after=str(first.run.id), decoding=SHORT
    )
    asked = [request["messages"][0]["content"] for request in judge.requests]
    assert asked
    assert all(f"<prompt>{conversation}</prompt>" in prompt for prompt in asked)


def test_equal_texts_behind_other_turns_are_scored_anew(lab, judge: Judge):
    judge.answers["Is it dull?"] = "3"
    scorer = f"judge:Is it dull?:url={judge.url}"
    runs_ = []
    for greeting in ("Hello.", "Hello there."):
        chat = Chat(template_sha256="c" * 64).answered(greeting, "Hi.")
        runs_.append(lab.runs.generate(prompts="Now?", model="chatty", chat=chat, decoding=SHORT))
    texts = [view.to_frame()["text"].item() for view in runs_]
    assert texts[0] == texts[1]
    for view in runs_:
        view.score(scorer)
    assert len(judge.requests) == 2
    runs_[1].score(scorer)  # found again
    assert len(judge.requests) == 2
