"""Chats: what was said before a prompt, in its place, and no change for those that begin anew."""

from vectorlab.domain.description import describe, in_words
from vectorlab.domain.text.chats import Chat, Exchange, Turn, as_asked

BEGUN = Chat(template_sha256="c" * 64)
GOING_ON = BEGUN.answered("Hello", "Hi.").answered("Well?", "Well.")


def test_turns_stand_in_the_order_in_which_they_were_said() -> None:
    chat = Chat(template_sha256="c" * 64, system="Be brief.", earlier=GOING_ON.earlier)
    assert chat.turns("And now?") == (
        Turn(role="system", content="Be brief."),
        Turn(role="user", content="Hello"),
        Turn(role="assistant", content="Hi."),
        Turn(role="user", content="Well?"),
        Turn(role="assistant", content="Well."),
        Turn(role="user", content="And now?"),
    )
    assert BEGUN.turns("Hello") == (Turn(role="user", content="Hello"),)


def test_a_chat_that_begins_anew_is_stored_as_it_always_was() -> None:
    assert BEGUN.to_json() == {"template_sha256": "c" * 64, "system": None}
    assert GOING_ON.to_json()["earlier"] == [["Hello", "Hi."], ["Well?", "Well."]]
    assert Chat.from_json(GOING_ON.to_json()) == GOING_ON


def test_who_said_what_is_said_in_words() -> None:
    said = {fact.name: fact.value for fact in describe(GOING_ON)}
    assert said["earlier turns"] == (
        "user 'Hello'; assistant 'Hi.'; user 'Well?'; assistant 'Well.'"
    )
    other = Chat(template_sha256="c" * 64, earlier=(Exchange(user="Hello", assistant="Ho."),))
    assert in_words(other) != in_words(GOING_ON)
    assert "earlier" not in in_words(BEGUN)


def test_a_prompt_is_read_with_the_turns_before_it_by_those_who_judge_the_answer() -> None:
    assert as_asked(GOING_ON, "And now?") == (
        "user: Hello\nassistant: Hi.\nuser: Well?\nassistant: Well.\nuser: And now?"
    )
    guided = Chat(template_sha256="c" * 64, system="Be brief.", earlier=GOING_ON.earlier[:1])
    assert as_asked(guided, "And\nnow?") == (
        "system: Be brief.\nuser: Hello\nassistant: Hi.\nuser: And\nnow?"
    )


def test_a_prompt_that_begins_is_read_as_it_always_was() -> None:
    for chat in (None, BEGUN, Chat(template_sha256="c" * 64, system="Be brief.")):
        assert as_asked(chat, "Hello") == "Hello"
