"""Remarks about a topic: what stands in the query of a dialogue.

Training remarks come from whole templates and from a small grammar, each under one theme (what
kind of complaint it is). Beside the topic they name other people, places and things, and they use
idioms: an answer has to find what the remark is about, not the last or the rarest noun.
"""

import random

from scripts.train_tiny import handwritten
from scripts.train_tiny.common import (
    BODIES,
    BODY,
    COMMON_NOUNS,
    DAYS,
    PEOPLE,
    PLACES_BY,
    THINGS,
    VERBS_BASE,
    VERBS_PAST,
)
from scripts.train_tiny.grammar import Guard, fill
from scripts.train_tiny.words import NAMES, TRAINING_NOUNS, SplitWords, word_tuple

THEMES: dict[str, tuple[str, ...]] = {
    "annoyed": (
        "I am so tired of the {t}.", "The {t} drives me crazy.", "I hate the {t}.",
        "Everybody talks about the {t} and I am sick of it.", "This {t} makes me so angry.",
        "The {t} was awful again today.", "My {t} is a total mess.",
        "I can not deal with my {t} any more.", "I want to give up on the {t}.",
        "The whole thing with the {t} is a joke.", "What a stupid {t}.",
        "My {t} has been a problem since spring.", "I wish the {t} would just go away.",
        "The {t} is too loud and I can not sleep.", "This is the worst {t} of my life.",
        "Last night the {t} kept me awake.", "Even the {t} is against me.",
        "The {t} smells bad and nobody cleans it.", "I never asked for this {t}.",
        "{D} {t} {idiom}.", "{D} {t} {idiom}.", "{D} {t} {idiom} {when}.",
        "{D} {t} is so {bad}.", "{D} {t} is {bad} and {bad}.", "{D} {t} was {bad} {when}.",
        "I {hate} {d} {t}.", "I {hate} {d} {t} and {d} {x}.", "{Who} {hates} {d} {t}.",
        "{Who} said that {d} {t} is {bad}.", "{D} {t} is {bad}, it {idiom}.",
        "What {bad} {t} we have!", "{D} {t} {noises} {when}.", "{D} {t} {noises} {pp}.",
        "{Who} thinks {d} {t} is {bad}, and so do I.", "There is no end to {d} {t}.",
        "{D} {t} makes {me} {bad}.", "One more {t} and I will {v}.", "No more {t}, please.",
        "After {d} {t} {who} {v2}.", "Before {d} {t} {who} {v2} {when}.",
        "During {d} {t} {who} {v2}.",
        "At the end of {d} {t} {who} {v2}.", "There was nothing {bad} about {d} {t}, only {mass}.",
    ),
    "broken": (
        "The {t} is broken.", "My {t} does not work.", "The {t} fell apart on Monday.",
        "Nothing ever works with the {t}.", "There is something wrong with the {t}.",
        "I think the {t} is getting worse every week.", "My brother broke the {t} on purpose.",
        "Three times I called about the {t}.", "I spent all day on the {t} and it still looks bad.",
        "{D} {t} {fails}.", "{D} {t} {fails} {when}.", "{D} {t} {fails} {pp}.",
        "{Mass} is all over {d} {t}.", "There is {mass} on {d} {t}.",
        "There is {mass} in {d} {t} again.", "Somebody left {mass} in {d} {t}.",
        "{D} {t} is full of {mass}.", "{D} {t} has {mass} {pp}.", "{Mass} drips from {d} {t}.",
        "{Mass} comes out of {d} {t}.", "{Mass} runs down {d} {t} {when}.",
        "{Who} {harmed} {d} {t}.", "{Who} {harmed} {d} {t} {when}.",
        "{Who} {harmed} {d} {t} {pp}.", "{Who} {harmed} {d} {t} and {v2} {pp}.",
        "{Who} should have fixed {d} {t} {when}.", "{D} {t} has not worked since {day}.",
        "I can not {v} because {d} {t} {fails}.", "Nobody can fix {d} {t}.",
        "{D} {t} {harmed} {d} {x}.", "{D} {bad} {t} {harmed} {d} {x}.",
        "{D} {t} {harmed} {d} {x} {when}.", "{D} {t} {harmed} {d} {x} and {d} {x}.",
        "{D} {t} fell on {d} {x}.", "Where {d} {t} was there is {mass} now.",
        "{Who} {harmed} {d} {t} with {d} {x}.", "I {harmed} {d} {t} on the {x}.",
        "{Who} {harmed} {d} {t} at the {x} {when}.", "{D} {t} {fails} next to the {x}.",
    ),
    "lost": (
        "They took the {t} away from us.", "Somebody has stolen my {t}.", "We lost the {t}.",
        "I miss the {t}.", "I never see my {t} any more.", "The {t} broke my heart.",
        "You forgot the {t} again.", "You left the {t} in the rain.",
        "Because of you we have no {t} now.", "Yesterday I cried about the {t}.",
        "{Who} {took} {d} {t}.", "{Who} {took} {d} {t} {when}.", "{Who} {took} {d} {t} {pp}.",
        "I can not find {d} {t}.", "{D} {t} is gone.", "{D} {t} is gone and {who} does not care.",
        "We had to sell {d} {t} {when}.", "I waited {pp} for {d} {t}.",
        "There will be no {t} {when}.", "{Who} never gave me back {d} {t}.",
        "Without {d} {t} I can not {v}.", "{Who} was supposed to bring {d} {t}.",
        "I lost {d} {t} at the {x}.", "{Who} left {d} {t} behind the {x}.",
        "{D} {t} fell out of the {x}.", "They {took} {d} {t} for a {x}.",
    ),
    "hurt": (
        "I am worried about the {t}.", "I could not sleep because of the {t}.",
        "I keep thinking about the {t}.", "I am afraid of the {t}.",
        "The {t} hurts and the doctor does not help.", "I failed because of the {t}.",
        "The {t} made me cry in front of everybody.", "When will the {t} be over?",
        "Nobody helps me with the {t}.", "I have no time for the {t}, I have to work.",
        "I lost the whole morning because of the {t}.", "Tell me what to do about the {t}.",
        "I {fear} {d} {t}.", "I {fear} {d} {t} {when}.", "{D} {t} {hurts} {me}.",
        "{D} {t} {hurts} {me} {when}.", "{D} {t} {hurts} my {b}.", "My {b} {hurt} during {d} {t}.",
        "My {b} was {bad} after {d} {t}.", "My {b} is {bad}, it comes from {d} {t}.",
        "I {v2} all through {d} {t}.", "I nearly {v2} at {d} {t}.", "I had to {v} after {d} {t}.",
        "I do not want to {v} at {d} {t}.", "I could not {v} before {d} {t}.",
        "I am so {bad}, {d} {t} is near.", "{D} {t} begins {when} and I am {bad}.",
        "What if {d} {t} {fails}?", "{D} {t} gave me {mass} on my {b}.", "Help me with {d} {t}.",
        "I {wounded} my {t}.", "I {wounded} my {t} {when}.", "I {wounded} my {t} {pp}.",
        "I {wounded} my {t} in the {x}.", "I {wounded} my {t} at the {x}.",
        "I {wounded} my {t} with the {x}.", "My {t} {hurt} {when}.", "My {t} {hurt} at the {x}.",
        "I said nothing {bad} in {d} {t}.", "I had no {g} for anything at {d} {t}.",
        "I did not {v} at all in {d} {t}.", "I could not say a word about {g} in {d} {t}.",
    ),
    "people": (
        "Only fools care about the {t}.", "You people ruined the {t}.",
        "Your {t} is worse than mine.", "My friend laughed at my {t}.",
        "It is your fault that the {t} went wrong.",
        "They told me that the {t} is not good enough.",
        "No idiot would pay for that {t}.", "People with a {t} like that annoy me.",
        "We had a fight about the {t}.", "Everyone laughed when I talked about the {t}.",
        "My mother says the {t} was a mistake.", "I do not trust the {t}.",
        "Somebody should do something about the {t}.",
        "{Who} {mocked} {d} {t}.", "{Who} {mocked} {d} {t} {when}.", "{Who} {mocked} {d} {t} {pp}.",
        "{Who} {v2} when I spoke of {d} {t}.", "{Who} {v2} as soon as {d} {t} came up.",
        "{Who} was {bad} about {d} {t}.", "{Who} knows nothing of {d} {t}.",
        "{Who} will not talk about {d} {t}.", "{Who} {argued} about {d} {t} {when}.",
        "{D} {t} does not {v} with us.", "{D} {t} told {who} to {v}.", "{D} {t} never calls {me}.",
        "{D} {t} shouted at {me} {pp}.", "{D} {t} forgot {me} {when}.", "{D} {t} lied to {me}.",
        "Your {t} is so {bad} that {who} {v2}.", "You are {bad} and so is your {t}.",
        "Some {bad} {p} {harmed} {d} {t}.", "A {bad} {p} {took} {d} {t}.",
        "{D} {t} {took} the {x}.", "{D} {t} {mocked} my {x}.", "{D} {t} {mocked} the {x} {when}.",
        "{D} {t} gave my {x} to {who}.", "{D} {bad} {t} {took} {d} {x} {when}.",
    ),
    "cost": (
        "The {t} cost me far too much.", "I paid a lot for the {t} and got nothing.",
        "Another {t}, what a waste of money.", "They want more money for the {t}.",
        "I have waited three weeks for the {t}.",
        "{D} {t} costs {much}.", "{Who} paid {much} for {d} {t}.", "I gave {much} for {d} {t}.",
        "{D} {t} took {much} from us.", "We can not pay for {d} {t} {when}.",
        "{Who} spends {much} on {d} {t}.", "I will not pay {much} for {d} {t}.",
        "{D} {t} takes {much} every day.", "Half of {d} {t} is {bad} and it cost {much}.",
        "I worked {pp} and {d} {t} is still {bad}.", "I have {v2} for {d} {t} all year.",
    ),
    "asking": (
        "Why does everyone like the {t}?", "Who put the {t} here?",
        "Who {harmed} {d} {t}?", "Who {took} {d} {t}?", "Why is {d} {t} so {bad}?",
        "Why must {d} {t} be {bad}?", "When did {who} last clean {d} {t}?",
        "How long will {d} {t} be {bad}?", "Is {d} {t} always this {bad}?",
        "Did {who} see {d} {t}?", "Must I {v} for {d} {t}?", "Where is {d} {t}?",
        "What do you think of {d} {t}?", "Do you know how {bad} {d} {t} is?",
        "What has {who} done to {d} {t}?", "Can {who} stop {d} {t}?",
    ),
}  # fmt: skip

_MOOD = word_tuple(
    """bad awful terrible stupid ugly dirty loud boring dull silly useless rude cold wet slow
    late sad angry scared nervous sick ill tired crazy mad lazy cruel weak dangerous unfair
    empty lonely strange wrong hopeless horrible messy noisy ridiculous embarrassing expensive
    annoying difficult worthless rotten smelly filthy nasty miserable furious ashamed hungry
    jealous bitter clumsy crowded bored"""
)
SLOTS: dict[str, tuple[str, ...]] = {
    "D": ("The", "The", "The", "My", "My", "Your", "This", "That", "Our", "His", "Her", "Their"),
    "d": ("the", "the", "the", "my", "my", "your", "this", "that", "our", "his", "her", "their"),
    "bad": _MOOD,
    "b": BODY,
    "bs": BODIES,
    "p": PEOPLE,
    "x": (*COMMON_NOUNS, *COMMON_NOUNS, *TRAINING_NOUNS),
    "g": COMMON_NOUNS,
    "place": PLACES_BY,
    "thing": THINGS,
    "day": DAYS,
    "n": NAMES,
    "v": VERBS_BASE,
    "v2": VERBS_PAST,
    "Who": (
        "My {p}", "My {p}", "The {p}", "A {p}", "Your {p}", "Her {p}", "{n}", "{n}", "He", "She",
        "They", "You", "We", "I", "Somebody", "Someone", "Nobody", "Everybody", "People",
        "The {p} and the {p}", "Some {p}",
    ),
    "who": (
        "my {p}", "my {p}", "the {p}", "a {p}", "your {p}", "her {p}", "{n}", "he", "she", "they",
        "you", "we", "somebody", "nobody", "everybody",
    ),
    "me": ("me", "me", "me", "us", "my {p}", "him", "her", "the {p}", "everybody", "{n}"),
    "when": (
        "again", "today", "yesterday", "on {day}", "last week", "last night", "every day",
        "every night", "all day", "all week", "since {day}", "for weeks", "for three hours",
        "at night", "in the evening", "this year", "once more", "too early", "far too late",
        "after an hour", "before noon", "twice a week", "in front of everybody", "for no reason",
        "at six", "at midnight", "without a reason", "right now",
    ),
    "pp": (
        "in the {place}", "at the {place}", "near the {place}", "behind the {place}",
        "on the {thing}", "in the {thing}", "under the {thing}", "next to the {thing}",
        "with a {thing}", "with the {thing}", "like a {thing}", "over the {thing}",
        "through the {thing}", "from the {place}", "on the way to the {place}",
        "in front of the {place}", "against the {thing}", "with my {p}", "for my {p}",
        "in my {b}", "with my {bs}", "up the {thing}", "down the {place}", "without a {thing}",
        "by the {x}", "into the {thing}",
    ),
    "mass": (
        "water", "mud", "dust", "smoke", "paper", "oil", "ice", "a hole", "a crack", "a stain",
        "a mouse", "a smell", "blood", "glass", "a noise", "sand", "old food", "rubbish", "mold",
        "a rat", "a spider", "grease", "hair", "rust",
    ),
    "Mass": (
        "Water", "Mud", "Dust", "Smoke", "Paper", "Oil", "Ice", "Blood", "Glass", "Sand", "Mold",
        "Rubbish", "Grease", "Hair", "Rust", "Rain", "Paint",
    ),
    "idiom": (
        "drives me round the bend", "breaks my heart", "makes my blood boil", "turns my stomach",
        "costs me an arm and a leg", "makes my head spin", "is a pain in the neck",
        "is the last straw", "is a slap in the face", "is a thorn in my side",
        "makes my hair stand on end", "turned my life upside down", "hit me like a hammer",
        "is a drop in the bucket", "is a cloud over my head", "leaves me out in the cold",
        "goes in one ear and out of the other", "is too much for me", "does me no good",
        "has me on my knees", "took the wind out of my sails", "is a stone around my neck",
        "pulled the ground from under my feet", "keeps me on my toes", "is over my head",
        "took years off my life", "got under my skin", "makes me see red", "is a bad dream",
        "has me at the end of my rope", "is driving me mad", "is driving me to tears",
        "is driving me out of my mind", "pushed me over the edge", "cut me to the bone",
        "brings me to the boil", "rubs me the wrong way", "is beyond a joke", "is a bad sign",
        "makes me sick", "makes me want to {v}", "is the end of the line for me",
        "is a big fat zero", "is the talk of the town", "weighs on my mind", "stinks to the sky",
        "put a stick in my wheel", "is killing the mood", "makes my {b} ache",
        "does not spare my {bs}", "hits me in the {bs}",
        "is hard on my {bs}", "is a {bad} {thing}",
        "is like a {thing} in my {b}", "sits in my {b} like a {thing}", "eats me up inside",
        "threw sand in my eyes", "is hard to swallow",
    ),
    "hate": (
        "hate", "can not bear", "am sick of", "am tired of", "do not like", "dread",
        "can not stand",
        "have had enough of", "am done with", "can not see the point of", "am bored of",
        "am ashamed of", "regret", "curse", "want to get rid of", "have no nerve left for",
        "am mad at", "am annoyed by", "have nothing good to say about",
    ),
    "hates": (
        "hates", "can not bear", "is sick of", "is tired of", "does not like", "is angry with",
        "has had enough of", "complained about", "laughs at", "is done with",
    ),
    "fear": (
        "fear", "am scared of", "worry about", "am nervous about", "had a bad dream about",
        "can not stop thinking about", "cried about", "am not ready for", "feel sick before",
        "have a bad feeling about", "tremble at the thought of", "lie awake over", "am sad about",
        "feel guilty about", "do not feel safe with", "can not cope with", "am lost without",
    ),
    "hurts": (
        "hurt", "scared", "bit", "kicked", "hit", "burned", "scratched", "woke", "frightens",
        "insulted", "worries", "shocked", "makes trouble for", "bothers", "tires",
        "nearly killed", "pains", "itches and hurts",
    ),
    "hurt": ("hurt", "burned", "shook", "turned red", "bled", "went cold", "trembled", "itched"),
    "wounded": (
        "burned", "cut", "bumped", "twisted", "injured", "bruised", "scraped", "pulled", "froze",
    ),
    "noises": (
        "screams", "barks", "rattles", "squeaks", "stinks", "smells", "makes noise", "hums",
        "shakes", "blocks the {place}", "bangs on the {thing}", "woke {me}", "wakes the {p}",
        "howls", "beeps", "drips", "covers the {place} with {mass}",
    ),
    "fails": (
        "broke", "fell apart", "failed", "burned down", "leaked", "went wrong", "stopped",
        "collapsed", "exploded", "got stuck", "froze", "fell off the {thing}", "is out of order",
        "does not open", "will not start", "is late", "was cancelled", "came to nothing",
        "fell to pieces", "sank", "fell on my {b}", "is stuck in the {thing}",
        "has a {thing} loose",
        "is leaking", "melted", "shut down", "crashed into the {place}", "turned {bad}",
    ),
    "harmed": (
        "broke", "ruined", "scratched", "burned", "hit", "spilled {mass} on", "sat on",
        "threw {mass} at", "blocked", "painted over", "kicked", "stepped on", "bent", "cut",
        "did not clean", "dropped", "made a mess of", "ate", "spoiled", "parked a {thing} on",
        "changed", "put {mass} in", "tore", "cracked", "smashed", "flooded", "messed up",
    ),
    "took": (
        "took", "lost", "sold", "stole", "forgot", "hid", "threw away", "cancelled", "missed",
        "gave away", "closed", "left", "ran off with", "buried", "moved", "killed", "skipped",
        "sent back", "locked up", "dumped",
    ),
    "mocked": (
        "laughed at", "made fun of", "complained about", "does not understand", "ignored",
        "told lies about", "threw me out of", "was rude at", "shouted during", "slept through",
        "walked out of", "never came to", "did not come to", "never pays for", "mocked",
        "criticised", "said bad things about", "does not care about", "yawned at", "interrupted",
    ),
    "argued": ("argued", "complained", "lied", "shouted", "cried", "asked", "moaned", "wrote"),
    "much": (
        "a fortune", "half of my pay", "all my savings", "ninety dollars", "an hour", "three hours",
        "far too much", "a month of work", "more than the {thing}", "my last coin",
        "the whole night",
        "all the money", "twice the price", "two hundred dollars", "my whole week",
    ),
}  # fmt: skip

REMARKS = SplitWords(
    train=tuple(dict.fromkeys(template for each in THEMES.values() for template in each)),
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
# What is telling about a held-out template stands in no remark either.
_PHRASES = (
    "feel terrible", "like this", "ruined my weekend", "fed up", "disgrace", "on my nerves",
    "upset me", "whole business", "never get better", "blaming", "to a clown", "me late",
    "up the wall", "anyone stand",
)  # fmt: skip
GUARD = Guard(
    (*REMARKS.validation, *REMARKS.test),
    (*_PHRASES, *(row.text for row in handwritten.REMARKS)),
)
_THEME_NAMES = tuple(THEMES)
_THEME_WEIGHTS = tuple(len(THEMES[name]) for name in _THEME_NAMES)


def remark(rng: random.Random, topic: str, split: str) -> str:
    """Return one held-out remark about `topic`, from the templates of `split`."""
    return rng.choice(REMARKS.of(split)).format(t=topic)


def training_remark(rng: random.Random, topic: str) -> tuple[str, str]:
    """Return one remark of training about `topic`, and its theme."""
    theme = rng.choices(_THEME_NAMES, weights=_THEME_WEIGHTS)[0]
    text = GUARD.first_allowed(lambda: fill(rng, rng.choice(THEMES[theme]), SLOTS, t=topic))
    return text, theme
