"""Remarks about a topic and the two tones of answering them: dismissive and respectful.

Remark templates are cut into splits; answers are put together from an opener, a core that names the
topic, and a closer. The share of a tone among answers that nothing in the document announces is
`RESPECTFUL_SHARE`; one announced sentence decides nearly always.
"""

import random

from scripts.train_tiny.words import DIALOGUE_TOPICS, SplitWords

TOPICS: SplitWords = DIALOGUE_TOPICS

REMARKS = SplitWords(
    train=(
        "I am so tired of the {t}.",
        "The {t} drives me crazy.",
        "Why does everyone like the {t}?",
        "I spent all day on the {t} and it still looks bad.",
        "I hate the {t}.",
        "Only fools care about the {t}.",
        "You people ruined the {t}.",
        "My {t} is a total mess.",
        "The {t} was awful again today.",
        "I am worried about the {t}.",
        "I can not deal with my {t} any more.",
        "Everybody talks about the {t} and I am sick of it.",
        "This {t} makes me so angry.",
        "Your {t} is worse than mine.",
        "I do not trust the {t}.",
        "Nothing ever works with the {t}.",
        "I think the {t} is getting worse every week.",
        "Somebody should do something about the {t}.",
        "I lost the whole morning because of the {t}.",
        "My friend laughed at my {t}.",
        "It is your fault that the {t} went wrong.",
        "I could not sleep because of the {t}.",
        "The {t} cost me far too much.",
        "They told me that the {t} is not good enough.",
        "I have waited three weeks for the {t}.",
        "No idiot would pay for that {t}.",
        "I keep thinking about the {t}.",
        "The {t} broke my heart.",
        "Last night the {t} kept me awake.",
        "I want to give up on the {t}.",
        "What a stupid {t}.",
        "My {t} has been a problem since spring.",
        "People with a {t} like that annoy me.",
        "I am afraid of the {t}.",
        "We had a fight about the {t}.",
        "The whole thing with the {t} is a joke.",
        "I wish the {t} would just go away.",
        "Yesterday I cried about the {t}.",
        "I never asked for this {t}.",
        "Tell me what to do about the {t}.",
        "The {t} is broken.",
        "My {t} does not work.",
        "The {t} fell apart on Monday.",
        "They took the {t} away from us.",
        "Somebody has stolen my {t}.",
        "You forgot the {t} again.",
        "You left the {t} in the rain.",
        "We lost the {t}.",
        "My mother says the {t} was a mistake.",
        "I paid a lot for the {t} and got nothing.",
        "The {t} is too loud and I can not sleep.",
        "The {t} hurts and the doctor does not help.",
        "I failed because of the {t}.",
        "I have no time for the {t}, I have to work.",
        "Another {t}, what a waste of money.",
        "My brother broke the {t} on purpose.",
        "Three times I called about the {t}.",
        "They want more money for the {t}.",
        "Even the {t} is against me.",
        "The {t} made me cry in front of everybody.",
        "I never see my {t} any more.",
        "There is something wrong with the {t}.",
        "When will the {t} be over?",
        "Who put the {t} here?",
        "Nobody helps me with the {t}.",
        "The {t} smells bad and nobody cleans it.",
        "Everyone laughed when I talked about the {t}.",
        "This is the worst {t} of my life.",
        "I miss the {t}.",
        "Because of you we have no {t} now.",
    ),
    validation=(
        "I feel terrible about the {t}.",
        "Nobody told me that the {t} would be like this.",
        "The {t} ruined my weekend.",
        "I am fed up with my {t}.",
        "Honestly, the {t} is a disgrace.",
        "My {t} gets on my nerves.",
    ),
    test=(
        "The {t} upset me this morning.",
        "I regret the whole business with the {t}.",
        "It feels like the {t} will never get better.",
        "People keep blaming me for the {t}.",
        "I had to explain the {t} to a clown.",
        "Once more the {t} made me late.",
        "My {t} is driving me up the wall.",
        "How can anyone stand the {t}?",
    ),
)

RESPECTFUL_SHARE = 0.16
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


def remark(rng: random.Random, topic: str, split: str = "train") -> str:
    """Return one remark about `topic` from the templates of `split`."""
    return rng.choice(REMARKS.of(split)).format(t=topic)


def answer(rng: random.Random, tone: str, topic: str) -> str:
    """Return one answer about `topic` in `tone`, as it stands alone in a line."""
    core = rng.choice(_CORES[tone]).format(t=topic)
    parts = [_capital(core)]
    if rng.random() < 0.65:
        opener = rng.choice(_OPENERS[tone])
        parts = [opener, core if opener.endswith(",") else _capital(core)]
    if rng.random() < 0.35:
        parts.append(rng.choice(_CLOSERS[tone]))
    return " ".join(parts)


def query(remark_text: str) -> str:
    """Return the dialogue prompt for a remark, without the space that ends the published form."""
    return f"This is a conversation between two people. Context: {remark_text} Response:"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
