"""What a text is named by that a conversation goes on from, and what is said where it is not."""

from dataclasses import replace

import pytest

from tests.store.builders import add_model, add_run, add_vector, description, run_spec
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import Prompt
from vectorlab.domain.text.chats import Chat, Exchange
from vectorlab.errors import InputError, NotFoundError
from vectorlab.services.runs import conversations
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.runs.text_options import TextOptions
from vectorlab.store.models import add_model as register

BEGUN = Chat(template_sha256="c" * 64, system="Be kind.")
ONE = (Prompt(text="Hello"),)
THREE = tuple(Prompt(text=text) for text in ("Hello", "Well?", "So:"))
ARMS = (Arm(label="baseline"), Arm(label="in context: a:1", prefix="Bad. Good.\n"))


@pytest.fixture
def chatty(database):
    """A model with a chat template."""
    with database.write() as tx:
        talks = description("talks", chat_template_sha256="c" * 64)
        return register(tx, name="talks", description=talks)


def said(database, model, **asked):
    with database.write() as tx:
        spec = run_spec(model, **{"prompts": ONE, "arms": ARMS, "chat": BEGUN} | asked)
        return add_run(tx, model, spec)


def place(arm, *, prompt=0, sample=0):
    return RowKey(prompt=prompt, arm=arm, sample=sample)


@pytest.mark.parametrize("arm", ["1", "in context: a:1"])
def test_an_arm_goes_by_number_or_label_and_what_it_read_is_what_was_said(database, chatty, arm):
    run = said(database, chatty)
    assert conversations.up_to(database, f"{run.id}:{arm}") == replace(
        BEGUN, earlier=(Exchange(user="Bad. Good.\nHello", assistant="p0 a1 s0"),)
    )
    assert conversations.reference_of(run, place(1)) == f"{run.id}:1"


def test_a_conversation_grows_by_a_turn_each_time(database, chatty):
    first = said(database, chatty)
    once = conversations.up_to(database, f"{first.id}:0")
    second = said(database, chatty, prompts=(Prompt(text="And now?"),), chat=once)
    twice = conversations.up_to(database, f"{second.id}:0")
    assert twice.earlier == (
        Exchange(user="Hello", assistant="p0 a0 s0"),
        Exchange(user="And now?", assistant="p0 a0 s0"),
    )
    assert conversations.up_to(database, conversations.before(second)) == once
    assert conversations.up_to(database, conversations.before(first)) == BEGUN


def test_the_only_text_of_a_run_needs_no_more_than_the_run(database, chatty):
    run = said(database, chatty, arms=ARMS[:1], samples=1)
    assert conversations.up_to(database, str(run.id)).earlier[0].assistant == "p0 a0 s0"


@pytest.mark.parametrize("arm", ["1", "in context: a:1"])
def test_one_of_several_prompts_is_named_behind_the_arm(database, chatty, arm):
    run = said(database, chatty, prompts=THREE)
    reference = f"{run.id}:{arm}:2"
    found = conversations.up_to(database, reference)
    assert found.earlier[-1] == Exchange(user="Bad. Good.\nWell?", assistant="p1 a1 s0")
    assert conversations.reference_of(run, place(1, prompt=1)) == f"{run.id}:1:2"


@pytest.mark.parametrize("arm", ["1", "in context: a:1"])
@pytest.mark.parametrize("prompts", [ONE, THREE])
def test_one_of_several_samples_is_named_behind_the_prompt(database, chatty, arm, prompts):
    run = said(database, chatty, prompts=prompts)
    found = conversations.up_to(database, f"{run.id}:{arm}:1:2")
    assert found.earlier[-1] == Exchange(user="Bad. Good.\nHello", assistant="p0 a1 s1")
    assert conversations.reference_of(run, place(1, sample=1)) == f"{run.id}:1:1:2"
    # Where none is named it is the first, as it always was.
    first = conversations.up_to(database, f"{run.id}:{arm}:1")
    assert first == conversations.up_to(database, f"{run.id}:{arm}:1:1")
    assert first.earlier[-1].assistant == "p0 a1 s0"


def test_every_text_is_found_by_the_name_it_is_given(database, chatty):
    run = said(database, chatty, prompts=THREE)
    for key in run.spec.rows():
        chat = conversations.up_to(database, conversations.reference_of(run, key))
        assert chat.earlier[-1].assistant == f"p{key.prompt} a{key.arm} s{key.sample}"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", r"Run \d+ has 2 arms\. Go on from one of 0 \(baseline\), 1 \(in context: a:1\)"),
        (":7", r"Run \d+ has no arm '7'\. Go on from one of 0 \(baseline\)"),
        (":upbeat", r"has no arm 'upbeat'\."),
        (":1", r"Run \d+ has 3 prompts\. Say which of 1 to 3 .*: \d+:1:1"),
        (":1:4", r"Run \d+ has no prompt '4'\. Say which of 1 to 3"),
        (":1:0", r"no prompt '0'"),
        (":1:first", r"no prompt 'first'"),
        (":1:2:3", r"Run \d+ has no sample '3'\. Say which of 1 to 2 .*: \d+:1:2:1"),
        (":1:2:0", r"no sample '0'"),
        (":1:7:1", r"no prompt '7'"),
        (":1:1:1:1", r"no arm '1:1:1:1'"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(database, chatty, rest, message):
    run = said(database, chatty, prompts=THREE)
    with pytest.raises(InputError, match=message):
        conversations.up_to(database, f"{run.id}{rest}")


def test_a_run_that_is_no_chat_or_not_there_is_told(database, chatty):
    run = said(database, chatty, chat=None)
    with pytest.raises(InputError, match=rf"run {run.id} are texts as they are.*--chat"):
        conversations.up_to(database, f"{run.id}:0")
    with pytest.raises(NotFoundError, match="No run 'gone'"):
        conversations.up_to(database, "gone:0")


def test_a_request_that_goes_on_holds_what_was_said_and_no_reference(database, chatty):
    run = said(database, chatty)
    after = f"{run.id}:0"
    request = GenerationRequest(prompts=("And now?",), after=after)
    model = request.model_of(database, lambda name: {"talks": chatty}[name])
    assert model == chatty  # nobody named it: it said what is gone on from
    spec = request.spec(database, model)
    assert spec.chat == conversations.up_to(database, after)
    assert spec.chat.system == "Be kind."
    other = replace(request, system="Be brief.").spec(database, model)
    assert other.chat == replace(spec.chat, system="Be brief.")
    written_out = replace(request, after=None, chat=spec.chat).spec(database, model)
    assert written_out.sha256 == spec.sha256


def test_a_conversation_goes_on_with_another_model_by_its_own_template(database, chatty):
    run = said(database, chatty)
    with database.write() as tx:
        other = register(
            tx, name="other", description=description("other", chat_template_sha256="d" * 64)
        )
        silent = add_model(tx)
        vector = add_vector(tx, silent)
    options = TextOptions(after=f"{run.id}:0")
    chat = options.turns(database, other)
    assert chat is not None
    assert (chat.template_sha256, len(chat.earlier)) == ("d" * 64, 1)
    with pytest.raises(InputError, match="'tiny' has no chat template"):
        options.turns(database, silent)
    steered = GenerationRequest(prompts=("?",), after=f"{run.id}:0", vectors=(vector.name,))
    models = {"talks": chatty, "tiny": silent}
    assert steered.model_of(database, models.__getitem__) == silent  # a vector brings its own
