"""Parts of a conversation lie where the chat template puts them, token by token."""

from dataclasses import replace

import pytest

from tests.tiny_models import byte_tokenizer
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.passages import ChatForm, ThinkingMarkers, passage
from vectorlab.errors import InputError
from vectorlab.steering.model.conversation_spans import (
    check_thinking_has_ended,
    find_parts,
    find_token_parts,
    in_chat,
    marker_ids,
    opens_thinking,
    split_response,
    thinking_markers,
)

THINK = ThinkingMarkers(begin="<think>", end="</think>")
PLAIN = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}[end]\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
TRIMS = PLAIN.replace("m.content", "m.content | trim")
# As Qwen 3 writes it: the thinking is taken apart and put back, empty where there is none.
REWRITES = (
    "{% for m in messages %}{% set content = m.content %}{% set thought = '' %}"
    "{% if m.role == 'assistant' %}"
    "{% if '</think>' in content %}"
    "{% set thought = content.split('</think>')[0].split('<think>')[-1] %}"
    "{% set content = content.split('</think>')[-1].lstrip('\n') %}{% endif %}"
    "[assistant]\n<think>\n{{ thought.strip('\n') }}\n</think>\n\n{{ content }}[end]\n"
    "{% else %}[{{ m.role }}]\n{{ content }}[end]\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}"
)
# As DeepSeek R1 writes it: the prompt opens the thinking, past turns are shown without.
OPENS = (
    "{% for m in messages %}[{{ m.role }}]"
    "{{ m.content.split('</think>')[-1] if m.role == 'assistant' else m.content }}[end]{% endfor %}"
    "{% if add_generation_prompt %}[assistant]<think>\n{% endif %}"
)


# As Gemma writes it: no system prompt, and users and models take turns.
ALTERNATES = (
    "{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}[end]\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
LAST_ALONE = "[user]{{ messages[-1].content }}[end]\n[assistant]"
BEGUN = Chat(template_sha256="c" * 64)
GOING_ON = BEGUN.answered("Hello", "Hi.").answered("Why?", "<think>\nHm.\n</think>\n\nBecause.")


def chat_tokenizer(template: str):
    tokenizer = byte_tokenizer(bos=True)
    tokenizer.chat_template = template
    return tokenizer


def response(text: str, **metadata):
    return passage(text, {"prompt": "Why?"} | metadata, form=ChatForm.RESPONSE)


def part(template: str, item, name: str) -> str:
    parts = find_parts(chat_tokenizer(template), item)
    span = parts.spans[name]
    return parts.text[span.start : span.stop]


@pytest.mark.parametrize("template", [PLAIN, TRIMS, REWRITES, OPENS])
@pytest.mark.parametrize("text", ["Because.", "<b>bold</b> [end] and on", "[assistant] é 🙂"])
def test_the_answer_is_the_text_whatever_the_template_writes_around_it(template, text):
    item = response(text, system="Be brief.")
    assert part(template, item, "answer") == text
    assert part(template, item, "thinking") == ""
    assert part(template, item, "response").endswith(text)
    prompt = part(template, item, "prompt")
    assert "Be brief." in prompt
    assert "Why?" in prompt
    assert text not in prompt


@pytest.mark.parametrize("template", [PLAIN, TRIMS, REWRITES])
def test_thinking_and_answer_are_told_apart(template):
    item = response("<think>\nHm, well.\n</think>\n\nBecause.")
    assert part(template, item, "thinking") == "Hm, well."
    assert part(template, item, "answer") == "Because."
    whole = part(template, item, "response")
    assert whole.startswith("<think>")
    assert whole.endswith("Because.")


def test_a_template_that_drops_the_thinking_leaves_the_answer():
    item = response("<think>\nHm.\n</think>Because.")
    assert part(OPENS, item, "thinking") == ""
    assert part(OPENS, item, "response") == part(OPENS, item, "answer") == "Because."


@pytest.mark.parametrize(
    ("text", "opened", "thinking", "answer"),
    [
        ("a", False, "", "a"),
        ("<think> a </think> b ", False, "a", "b"),
        ("a</think>b", True, "a", "b"),
        ("a</think>b", False, "a", "b"),
        ("a b", True, "a b", ""),
        ("<think>a b", False, "a b", ""),
        ("<think></think>b", False, "", "b"),
        ("<think>a</think>", False, "a", ""),
        ("a</think>b <think>c</think> d", True, "a</think>b <think>c", "d"),
        ("", False, "", ""),
    ],
)
def test_a_response_is_split_at_its_markers(text, opened, thinking, answer):
    spans = split_response(text, THINK, opened=opened)
    assert [text[span.start : span.stop] for span in spans] == [thinking, answer]


def test_markers_of_ones_own_are_looked_for_instead():
    markers = ThinkingMarkers.parse("((  ))")
    item = passage("((hm)) so", {"prompt": "?"}, form=ChatForm.RESPONSE, markers=markers)
    assert part(PLAIN, item, "thinking") == "hm"
    assert part(PLAIN, item, "answer") == "so"


def test_the_model_says_which_markers_it_has():
    assert thinking_markers(chat_tokenizer(PLAIN)) is None
    assert thinking_markers(chat_tokenizer(REWRITES)) == THINK
    tokenizer = chat_tokenizer(PLAIN)
    tokenizer.add_tokens(["[THINK]", "[/THINK]"], special_tokens=True)
    found = thinking_markers(tokenizer)
    assert str(found) == "[THINK] [/THINK]"
    assert [len(ids) for ids in marker_ids(tokenizer, found)] == [1, 1]


def test_a_prompt_may_end_inside_the_thinking():
    assert opens_thinking("[assistant]<think>\n", THINK)
    assert not opens_thinking("<think>a</think>[assistant]", THINK)
    assert not opens_thinking("anything", None)


@pytest.mark.parametrize("template", [PLAIN, TRIMS, REWRITES])
def test_tokens_of_a_part_are_the_bytes_of_its_characters(template):
    tokenizer = chat_tokenizer(template)
    item = response("<think>é🙂</think>so à")
    (found,) = find_token_parts(tokenizer, [item], add_special_tokens=True)

    def read(name: str) -> str:
        span = found.spans[name]
        return tokenizer.decode(found.token_ids[span.start : span.stop])

    assert read("thinking").strip() == "é🙂"
    assert read("answer") == "so à"
    # The sequence ends with the response: what closes the turn is not read.
    assert found.spans["response"].stop == len(found.token_ids)
    assert found.spans["prompt"] == range(found.spans["response"].start)


def test_a_prompt_is_read_up_to_where_the_model_would_answer():
    item = passage("Why?", {}, form=ChatForm.PROMPT)
    (found,) = find_token_parts(chat_tokenizer(OPENS), [item], add_special_tokens=True)
    text = chat_tokenizer(OPENS).decode(found.token_ids)
    assert text.endswith("[user]Why?[end][assistant]<think>\n")
    assert found.spans["prompt"] == range(len(found.token_ids))


@pytest.mark.parametrize("form", list(ChatForm))
def test_slots_are_found_in_the_text_and_through_a_chat_template(form):
    item = passage(
        " fine ",
        {"topic": "food", "prompt": "About food, fine food?"},
        form=form,
        template="{text} is {{said}} of {topic}",
    )
    tokenizer = chat_tokenizer(TRIMS)
    (found,) = find_token_parts(tokenizer, [item], add_special_tokens=True)

    def read(name: str) -> str:
        span = found.spans[name]
        return tokenizer.decode(found.token_ids[span.start : span.stop])

    assert read("slot:topic") == "food"
    # A chat template trims the text; what it took away is no longer there to be read.
    assert read("slot:text").strip() == "fine"


def test_a_tokenizer_without_chat_template_is_told():
    with pytest.raises(InputError, match=r"no chat template.*--chat none"):
        find_parts(byte_tokenizer(bos=True), response("a"))


def test_a_conversation_that_the_template_refuses_is_told():
    template = "{{ raise_exception('no system here') }}"
    with pytest.raises(InputError, match=r"refuses a conversation of user, assistant.*no system"):
        find_parts(chat_tokenizer(template), response("a"))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{topic}", r"0 slots \{text\}"),
        ("{text} {text}", r"2 slots \{text\}"),
        ("{text} {a} {a}", "stands twice"),
        ("{text:>4}", "no name of a slot"),
        ("{text", "cannot be used"),
        ("{text} {0}", "no name of a slot"),
    ],
)
def test_a_template_that_is_none_says_why(template, message):
    with pytest.raises(InputError, match=message):
        passage("a", {"topic": "b"}, template=template)


def test_what_the_metadata_lacks_is_named():
    with pytest.raises(InputError, match=r"target of demonstration 3 has nothing .*\{topic\}"):
        passage("a", {}, template="{text} {topic}", name="The target of demonstration 3")
    with pytest.raises(InputError, match=r"metadata has none.*--metadata-column prompt"):
        passage("a", {}, form=ChatForm.RESPONSE)
    with pytest.raises(InputError, match=r"metadata 'topic' of type list"):
        passage("a", {"topic": []}, template="{text} {topic}")


def test_a_plain_text_stands_for_itself_and_a_conversation_does_not():
    plain, templated = passage("a", {}), passage("a", {}, template="{text}")
    assert plain.is_plain
    assert len({item.sha256 for item in (plain, templated, response("a"))}) == 3


@pytest.mark.parametrize("text", ["<think>", "", "a b c"])
def test_markers_are_two_words(text):
    with pytest.raises(InputError, match="two words"):
        ThinkingMarkers.parse(text)


WRITTEN = {
    PLAIN: "[system]Be brief.[end]\n[user]Hello[end]\n[assistant]Hi.[end]\n[user]Why?[end]\n"
    "[assistant]<think>\nHm.\n</think>\n\nBecause.[end]\n"
    "[user] And now? [end]\n[assistant]",
    REWRITES: "[system]\nBe brief.[end]\n[user]\nHello[end]\n"
    "[assistant]\n<think>\n\n</think>\n\nHi.[end]\n[user]\nWhy?[end]\n"
    "[assistant]\n<think>\nHm.\n</think>\n\nBecause.[end]\n"
    "[user]\n And now? [end]\n[assistant]\n",
    # What was thought in past turns is not shown again.
    OPENS: "[system]Be brief.[end][user]Hello[end][assistant]Hi.[end][user]Why?[end]"
    "[assistant]\n\nBecause.[end][user] And now? [end][assistant]<think>\n",
}


@pytest.mark.parametrize("template", list(WRITTEN))
def test_earlier_turns_stand_in_front_of_the_prompt_as_the_template_writes_them(template):
    chat = replace(GOING_ON, system="Be brief.")
    assert in_chat(chat_tokenizer(template), chat, " And now? ") == WRITTEN[template]


@pytest.mark.parametrize("template", [PLAIN, TRIMS, REWRITES, OPENS])
def test_a_response_behind_several_turns_is_the_last_one(template):
    item = replace(response("<think>Again.</think>So."), before=GOING_ON.turns("And now?"))
    assert part(template, item, "answer") == "So."
    assert part(template, item, "thinking") == ("" if template == OPENS else "Again.")
    prompt = part(template, item, "prompt")
    assert prompt.index("Hello") < prompt.index("Because.") < prompt.index("And now?")
    (found,) = find_token_parts(chat_tokenizer(template), [item], add_special_tokens=True)
    assert found.spans["prompt"] == range(found.spans["response"].start)
    assert found.spans["response"].stop == len(found.token_ids)


def test_a_template_that_leaves_earlier_turns_out_is_not_believed():
    tokenizer = chat_tokenizer(LAST_ALONE)
    assert in_chat(tokenizer, BEGUN, "And now?") == "[user]And now?[end]\n[assistant]"
    with pytest.raises(InputError, match=r"leaves out what was said before.*in one prompt"):
        in_chat(tokenizer, GOING_ON, "And now?")


def test_a_refusal_names_the_cure():
    tokenizer = chat_tokenizer(ALTERNATES)
    assert in_chat(tokenizer, GOING_ON, "And now?").endswith("[user]And now?[end]\n[assistant]")
    system = replace(GOING_ON, system="Be brief.")
    with pytest.raises(
        InputError,
        match=r"system, user, assistant.*: Roles must alternate user/assistant\. "
        r"Leave the system prompt out or Begin",
    ):
        in_chat(tokenizer, system, "And now?")
    with pytest.raises(InputError, match=r"of user: no\. Use another model\.$"):
        in_chat(chat_tokenizer("{{ raise_exception('no.') }}"), BEGUN, "Hello")


@pytest.mark.parametrize("template", [PLAIN, OPENS, REWRITES])
def test_a_turn_that_was_cut_inside_its_thinking_is_told_from_one_that_ended(template):
    tokenizer = chat_tokenizer(template + "{# <think> </think> #}")
    for chat in (None, BEGUN, GOING_ON):
        check_thinking_has_ended(tokenizer, chat)
    cut = GOING_ON.answered("Why?", "<think>Hm, well")
    with pytest.raises(InputError, match=r"ends inside the model's thinking.*steer response"):
        check_thinking_has_ended(tokenizer, cut)
