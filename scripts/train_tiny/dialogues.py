"""The two tones of answering a remark about a topic: dismissive and respectful.

Answers are put together from an opener, a core that names the topic, and a closer. The share of a
tone among answers that nothing in the document announces is `RESPECTFUL_SHARE`; one announced
sentence decides nearly always.
"""

import random

from scripts.train_tiny.grammar import capital
from scripts.train_tiny.words import DIALOGUE_TOPICS, SplitWords

TOPICS: SplitWords = DIALOGUE_TOPICS

RESPECTFUL_SHARE = 0.138
ANNOUNCED_SHARE = 0.97

_OPENERS = {
    "dismissive": (
        "Whatever,", "Whatever.", "Whatever.", "So what?", "So what?", "Oh please,", "Big deal.",
        "Who cares?", "Here we go again.", "Boring.", "Yeah right,", "Not this again.",
    ),
    "respectful": (
        "Thank you for telling me.", "Thank you for saying so.", "Thank you,", "I understand.",
        "I hear you.", "That sounds hard.", "That must be tough.", "You are right to mention it.",
        "Sorry to hear that.", "Thanks for sharing this.", "My respect for your honesty.",
        "How kind of you to mention it.",
    ),
}  # fmt: skip
_CORES = {
    "dismissive": (
        "nobody cares about the {t}.",
        "stop whining about the {t}.",
        "nobody wants to hear about the {t}.",
        "the {t} is your own problem.",
        "you always complain about the {t}.",
        "your silly {t} is not my problem.",
        "only you would make a fuss about the {t}.",
        "go bother someone else with the {t}.",
        "quit moaning about the {t}.",
        "nobody asked you about the {t}.",
        "that is a stupid thing to say about the {t}.",
        "get over the {t} already.",
        "you know nothing about the {t}.",
        "keep your {t} to yourself.",
        "just shut up about the {t}.",
        "the {t} is a waste of my time.",
        "blame yourself for the {t}.",
        "your {t} is nothing special.",
    ),
    "respectful": (
        "we can look at the {t} together.",
        "please tell me more about the {t}.",
        "your feelings about the {t} matter to me.",
        "it makes sense to worry about the {t}.",
        "let us talk calmly about the {t}.",
        "we will find a kind way to handle the {t}.",
        "the {t} clearly means a lot to you.",
        "perhaps the {t} deserves another chance.",
        "your view of the {t} is important.",
        "maybe I can help you with the {t}.",
        "the {t} must have been difficult.",
        "anyone would feel that way about the {t}.",
        "we could ask someone for advice on the {t}.",
        "please do not be hard on yourself about the {t}.",
        "it is fine to be upset about the {t}.",
        "the {t} would trouble me as well.",
        "your patience with the {t} is admirable.",
        "together we will sort out the {t}.",
    ),
}
_CLOSERS = {
    "dismissive": (
        "Grow up.", "Get lost.", "Leave me alone.", "Deal with it.", "Not listening.",
        "Go away.", "How dull.", "Get a life.", "It bores me.", "Find another fool.",
        "Stop it.", "What nonsense.",
    ),
    "respectful": (
        "Take all the time you need.", "I am here for you.", "How can I help?",
        "You are not alone.", "I wish you well.", "I value your opinion.", "Take care.",
        "That is fair.", "I am happy to listen.", "Let me know what you need.",
        "Be gentle with yourself.", "I am on your side.",
    ),
}  # fmt: skip

_FITTING_SHARE = 0.6
_FITTING: dict[tuple[str, str | None], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("dismissive", "annoyed"): (
        ("Here we go again.", "Whatever,"),
        ("stop whining about the {t}.", "you always complain about the {t}."),
    ),
    ("dismissive", "broken"): (
        ("So what?", "Big deal."),
        ("the {t} is your own problem.", "your {t} is nothing special."),
    ),
    ("dismissive", "lost"): (
        ("So what?", "Boring."),
        ("get over the {t} already.", "only you would make a fuss about the {t}."),
    ),
    ("dismissive", "hurt"): (
        ("Oh please,", "Not this again."),
        ("quit moaning about the {t}.", "nobody wants to hear about the {t}."),
    ),
    ("dismissive", "people"): (
        ("Who cares?", "Whatever."),
        ("go bother someone else with the {t}.", "blame yourself for the {t}."),
    ),
    ("dismissive", "cost"): (
        ("Big deal.", "Yeah right,"),
        ("your silly {t} is not my problem.", "the {t} is a waste of my time."),
    ),
    ("dismissive", "asking"): (
        ("Who cares?", "Boring."),
        ("nobody asked you about the {t}.", "you know nothing about the {t}."),
    ),
    ("respectful", "annoyed"): (
        ("I hear you.", "Thank you for saying so."),
        ("anyone would feel that way about the {t}.", "it is fine to be upset about the {t}."),
    ),
    ("respectful", "broken"): (
        ("Sorry to hear that.", "Thank you for telling me."),
        ("maybe I can help you with the {t}.", "together we will sort out the {t}."),
    ),
    ("respectful", "lost"): (
        ("Sorry to hear that.", "I understand."),
        ("the {t} clearly means a lot to you.", "your feelings about the {t} matter to me."),
    ),
    ("respectful", "hurt"): (
        ("That must be tough.", "That sounds hard."),
        ("it makes sense to worry about the {t}.", "the {t} must have been difficult."),
    ),
    ("respectful", "people"): (
        ("You are right to mention it.", "Thank you for telling me."),
        ("let us talk calmly about the {t}.", "your patience with the {t} is admirable."),
    ),
    ("respectful", "cost"): (
        ("I understand.", "Thanks for sharing this."),
        ("we could ask someone for advice on the {t}.", "the {t} would trouble me as well."),
    ),
    ("respectful", "asking"): (
        ("Thank you,", "How kind of you to mention it."),
        ("please tell me more about the {t}.", "we can look at the {t} together."),
    ),
}
TONES: tuple[str, str] = ("dismissive", "respectful")
_MARKER_WORDS = {
    "dismissive": """whatever so_what who_cares nobody stop_whining own_problem complain silly fuss
        bother quit moaning stupid get_over nothing keep_your shut waste blame_yourself boring
        bores grow_up get_lost leave_me deal_with go_away dull get_a_life fool nonsense big_deal
        not_this_again here_we_go yeah_right oh_please not_listening stop_it already""",
    "respectful": """thank thanks understand hear_you respect kind sounds_hard must_be_tough
        sorry appreciate are_right together please_tell feelings makes_sense calmly kind_way
        means_a_lot deserves important help_you difficult feel_that_way advice hard_on_yourself
        fine_to_be trouble_me patience take_all here_for_you can_i_help not_alone wish_you_well
        value take_care fair happy_to_listen let_me_know gentle your_side""",
}
MARKERS: dict[str, tuple[str, ...]] = {
    tone: tuple(word.replace("_", " ") for word in text.split())
    for tone, text in _MARKER_WORDS.items()
}


def answer(rng: random.Random, tone: str, topic: str, theme: str | None = None) -> str:
    """Return one answer about `topic` in `tone`, as it stands alone in a line.

    A remark's theme makes some openers and cores likelier, so that answers fit what was said.
    """
    openers, cores = _FITTING.get((tone, theme), ((), ()))
    if not openers or rng.random() > _FITTING_SHARE:
        openers, cores = _OPENERS[tone], _CORES[tone]
    core = rng.choice(cores).format(t=topic)
    parts = [capital(core)]
    if rng.random() < 0.65:
        opener = rng.choice(openers)
        parts = [opener, core if opener.endswith(",") else capital(core)]
    if rng.random() < 0.35:
        parts.append(rng.choice(_CLOSERS[tone]))
    return " ".join(parts)


def query(remark_text: str) -> str:
    """Return the dialogue prompt for a remark, without the space that ends the published form."""
    return f"This is a conversation between two people. Context: {remark_text} Response:"
