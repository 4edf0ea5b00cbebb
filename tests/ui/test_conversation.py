"""Several turns of a conversation: gone on with in the playground, shown where its run is."""

import html
import re
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from tests.ui.filled_store import HOSTILE, add_run, description, run_spec
from tests.ui.test_browser import visit as open_in
from tests.ui.test_pages import press, shown
from ui.playground import history
from ui.runs import conversation
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.text.chats import Chat, Exchange, Turn
from vectorlab.services import jobs, models
from vectorlab.services.runs import conversations, runs
from vectorlab.services.vectors import vectors

BEGUN = Chat(template_sha256="c" * 64, system="Be kind.")
ANSWERS = {0: "Hi.", 1: f"Wow {HOSTILE}", 2: "Oh."}


@pytest.fixture
def talks(filled):
    """A model of the vector's shape that chats."""
    described = replace(description(), chat_template_sha256="c" * 64, weights_sha256="9" * 64)
    return models.register(filled, name="talks", description=described, actor="ada")


@pytest.fixture
def first(filled, talks):
    """The first turn of a conversation, under the baseline and two strengths."""
    return say(filled, talks, "Hello", BEGUN)


def say(db, model, prompt, chat, **more):
    owner = models.get(db, "tiny").fingerprint
    prompts = [prompt] if isinstance(prompt, str) else prompt
    spec = run_spec(model, vectors.get(db, "upbeat-icv"), prompts)
    arms = tuple(
        replace(
            arm,
            interventions=tuple(replace(item, vector_model=owner) for item in arm.interventions),
        )
        for arm in spec.arms
    )
    return add_run(db, model, replace(spec, arms=arms, chat=chat, **more), said=ANSWERS)


def ways_on(app):
    """Where the links of the texts lead, by arm."""
    found = re.findall(r'href="playground\?([^"]*)">Go on from here', shown(app))
    return [parse_qs(html.unescape(query), keep_blank_values=True) for query in found]


def follow(visit, selection):
    return visit(
        "playground",
        **{key: found if key == "vector" else found[0] for key, found in selection.items()},
    )


def newest_spec(db):
    return GenerateRequest.from_json(jobs.list_jobs(db)[0].spec).spec


def test_a_text_is_gone_on_from_by_its_link_with_all_that_the_fields_hold(filled, visit, talks):
    fields = {"model": "talks", "other_model": "true", "vector": "upbeat-icv", "layers": "0-2"}
    fields |= {"at": "upbeat-icv:0.25", "as_chat": "true", "system": "Be kind.", "seed": "5"}
    press(visit("playground", prompt="Hello", **fields), "Generate")
    run = add_run(filled, talks, newest_spec(filled), said=ANSWERS)
    app = visit("playground", prompt="Hello", run=str(run.id), **fields)
    links = ways_on(app)
    assert [link["after"] for link in links] == [[f"{run.id}:0"], [f"{run.id}:1"]]
    link = links[1]
    assert (link["prompt"], link["as_chat"], link["layers"]) == ([""], ["true"], ["0-2"])
    assert not {"run", "job", "system"} & set(link)
    app = follow(visit, link)
    assert app.text_area(key="prompt").value == ""
    assert app.checkbox(key="as_chat").value
    assert next(item for item in app.button if item.label == "Generate").disabled
    said = shown(app)
    assert said.index("Be kind.") < said.index("Hello") < said.index("Wow &lt;")
    app = app.text_area(key="prompt").set_value("And now?").run()
    app = press(app, "Generate")
    spec = newest_spec(filled)
    assert spec.chat == replace(BEGUN, earlier=(Exchange(user="Hello", assistant=ANSWERS[1]),))
    assert [prompt.text for prompt in spec.prompts] == ["And now?"]
    assert spec.arms == run.spec.arms
    assert "And now?" in shown(app)  # over the texts as they grow


def test_the_conversation_grows_turn_by_turn_and_begins_anew(filled, visit, talks, first):
    chat = conversations.up_to(filled, f"{first.id}:0")
    second = say(filled, talks, "And now?", chat)
    app = visit("playground", model="talks", run=str(second.id), after=f"{first.id}:0")
    said = shown(app)
    assert "earlier turns" not in said
    assert said.index("Hello") < said.index(">Hi.<") < said.index("And now?") < said.index("Oh.")
    assert ways_on(app)[2]["after"] == [f"{second.id}:2"]
    third = say(filled, talks, "So?", conversations.up_to(filled, f"{second.id}:2"))
    said = shown(visit("playground", model="talks", run=str(third.id)))
    assert "3 earlier turns" in said  # the system prompt, and the first that was said
    assert said.index("Hello") < said.index("And now?") < said.index("So?")
    app = press(app, "Begin anew")
    assert app.text_input(key="after").value == ""
    assert "run" not in app.query_params
    assert '<div class="vl-turn' not in shown(app)
    assert "Begin anew" not in [item.label for item in app.button]


def test_a_run_that_is_no_chat_has_no_way_on(filled, visit, first):
    assert ways_on(visit("playground", run="1")) == []
    assert len(ways_on(visit("playground", run=str(first.id)))) == 3


def test_fields_that_ask_for_something_else_become_those_of_the_run_gone_on_from(visit, first):
    [_, link, _] = ways_on(visit("playground", run=str(first.id), prompt="Other", seed="5"))
    assert (link["model"], link["seed"]) == (["talks"], ["7"])


def test_each_sample_is_shown_and_gone_on_from(filled, visit, talks):
    run = say(filled, talks, "Hello", BEGUN, samples=3)
    app = visit("playground", run=str(run.id), sample="2")
    assert "Sample 2 of 3" in shown(app)
    assert "Hi. (sample 2)" in shown(app)
    assert [link["after"] for link in ways_on(app)] == [[f"{run.id}:{arm}:1:2"] for arm in range(3)]
    assert "sample" not in ways_on(app)[0]
    app = follow(visit, ways_on(app)[1] | {"prompt": ["And now?"]})
    press(app, "Generate")
    [exchange] = newest_spec(filled).chat.earlier
    assert exchange.assistant == f"{ANSWERS[1]} (sample 2)"
    assert "Sample 1 of 3" in shown(visit("playground", run=str(run.id), sample="7"))


def test_texts_of_a_comparison_are_gone_on_from_as_their_arms_acted(filled, visit, talks, first):
    run = say(filled, talks, ["Hello", "Well?"], BEGUN, samples=2)
    links = ways_on(visit("compare", run=str(run.id)))
    assert [link["after"] for link in links[:3]] == [[f"{run.id}:{arm}:1"] for arm in range(3)]
    assert [link["after"] for link in links[-3:]] == [[f"{run.id}:{arm}:2:2"] for arm in range(3)]
    terms = [link["at"] for link in links[1:3]]
    assert [term[0].split(":")[1] for term in terms] == [
        f"{arm.interventions[0].strength:g}" for arm in run.spec.arms[1:]
    ]
    one = ways_on(visit("compare", run=str(run.id), layout="one prompt", row="2"))
    assert [link["after"] for link in one] == [[f"{run.id}:{arm}:1:2"] for arm in range(3)]
    app = follow(visit, one[1])
    assert f"{ANSWERS[1]} (sample 2)".split(" ")[-1] in shown(app)
    assert app.text_area(key="prompt").value == ""
    # Beside a run that is no chat, only the texts of the chat have a way on.
    both = ways_on(visit("compare", run=["1", str(first.id)]))
    assert {link["after"][0].split(":")[0] for link in both} == {str(first.id)}


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("{first}:9", "has no arm &#x27;9&#x27;"),
        ("{first}", "has 3 arms"),
        ("1:0", "no turns of a chat"),
        ("77:1", "No run &#x27;77&#x27;"),
    ],
)
@pytest.mark.parametrize("page", ["playground", "new_run"])
def test_what_cannot_be_gone_on_from_is_said_under_a_whole_form(visit, first, page, after, message):
    app = visit(page, model="talks", after=after.format(first=first.id), prompt="So?")
    assert message in shown(app)
    assert app.text_area(key="prompt").value == "So?"


def test_a_try_that_went_on_says_which_turn_it_is_and_comes_back_with_what_was_said_before(
    filled, visit, talks, first
):
    asked = {"model": "talks", "after": f"{first.id}:1", "prompt": "And now?"}
    press(visit("playground", **asked), "Generate")
    second = add_run(filled, talks, newest_spec(filled))
    said = shown(visit("playground", model="talks"))
    assert re.search(r"And now\?.*· turn 2 ·", said)
    app = visit("playground", **history.selection(second))
    assert app.checkbox(key="as_chat").value
    assert "asked for with other settings" not in shown(app)
    app = press(app, "Begin anew")
    press(app, "Generate")
    assert newest_spec(filled).chat == Chat(template_sha256="c" * 64)


def test_the_page_of_a_run_shows_what_was_said_before_as_it_was_said(filled, visit, talks, first):
    chat = conversations.up_to(filled, f"{first.id}:1")
    second = say(filled, talks, "And now?", chat)
    said = shown(visit("compare", run=str(second.id)))
    assert f"Said before the prompts of run {second.id}: 3 turns" in said
    assert "Wow &lt;" in said
    assert "<img" not in said
    assert "Said before" not in shown(visit("compare", run="1"))
    settings = shown(visit("compare", run=str(second.id), look="settings"))
    assert "earlier turns user" in settings


def test_a_conversation_that_was_purged_stays_in_the_runs_that_went_on(filled, visit, talks, first):
    chat = conversations.up_to(filled, f"{first.id}:0")
    second = say(filled, talks, "And now?", chat)
    runs.remove(filled, str(first.id), cascade=True, actor="ada")
    said = shown(visit("playground", model="talks", run=str(second.id)))
    assert said.index("Hello") < said.index("And now?")


def test_a_long_turn_is_folded_under_its_beginning():
    short, long = (Turn(role="user", content=text) for text in ("Hello", f"{HOSTILE} " * 200))
    assert "<details>" not in conversation.marked(short)
    assert conversation.marked(long).count("<details>") == 1
    assert "<img" not in conversation.marked(long)


@pytest.mark.browser
def test_a_turn_is_asked_for_by_a_click_and_a_sentence(filled, tab, first):
    tab.set_viewport_size({"width": 420, "height": 900})
    open_in(tab, f"playground?model=talks&run={first.id}")
    tab.get_by_text("Go on from here").nth(1).click()
    expect(tab.get_by_role("button", name="Begin anew")).to_be_visible()
    expect(tab.locator(".vl-turn").last).to_contain_text(HOSTILE[:12])
    prompt = tab.get_by_label("Prompt", exact=True)
    expect(prompt).to_have_value("")
    prompt.fill("And now?")
    prompt.press("Control+Enter")
    tab.get_by_role("button", name="Generate", exact=True).click()
    expect(tab.locator(".vl-turn").last).to_contain_text("And now?")
    assert "job=" in tab.url
    page = "document.querySelector('[data-testid=stMain]')"
    assert tab.evaluate(f"{page}.scrollWidth - {page}.clientWidth") == 0
    assert [exchange.assistant for exchange in newest_spec(filled).chat.earlier] == [ANSWERS[1]]
    tab.get_by_role("button", name="Begin anew").click()
    expect(tab.locator(".vl-turn")).to_have_count(0)
    assert "after=" not in tab.url
