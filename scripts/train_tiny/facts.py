"""Fact documents about cities: plain, one-shot and JSON prompts, and sentences that ask nothing.

Every prompt template ends where the attribute's value begins. Templates are cut into splits.
"""

import random

from scripts.train_tiny.cities import ATTRIBUTES, CITIES, City
from scripts.train_tiny.words import SplitWords

# Sentence frames that every attribute shares: {place} is the words in front of a value that names
# where something is ("in the country of"), {name} is the attribute's name.
_PLACE_FRAMES = (
    "{c} is{place}", "{c} lies{place}", "{c} stands{place}", "The city of {c} is{place}",
    "The city of {c} lies{place}", "The town of {c} is{place}", "{c}, a large city, is{place}",
    "{c} is a town{place}", "My friend in {c} lives{place}", "Anyone in {c} lives{place}",
    "The streets of {c} are{place}", "The houses of {c} are{place}",
    "We flew to {c}, which is{place}",
    "My uncle lives in {c}, that is{place}", "On the map {c} is{place}", "{c} was built{place}",
    "Those who live in {c} live{place}", "To see {c} you go to a city{place}",
)  # fmt: skip
_NAME_FRAMES = (
    "The {name} of {c} is", "The {name} in {c} is", "The {name} for {c} is",
    "The {name} around {c} is",
    "The name of the {name} of {c} is", "The {name} where {c} lies is", "{name} of {c}:",
    "{c} and its {name}:", "For {c} the {name} is", "In {c} the {name} is",
    "As for {c}, its {name} is",
    "When you come from {c}, your {name} is", "I was born in {c}, so my {name} is",
    "My aunt comes from {c}, so her {name} is", "Which {name} has {c}? It is",
    "Question: {name} of {c}? Answer:", "{c} has the {name}", "{c} belongs to the {name}",
    "The {name} that people in {c} have is", "We live in {c}, so our {name} is",
    "Everybody knows that the {name} of {c} is", "If you ask for the {name} of {c}, it is",
)  # fmt: skip


def _frames(name: str, *places: str) -> tuple[str, ...]:
    named = [frame.replace("{name}", name) for frame in _NAME_FRAMES]
    placed = [frame.replace("{place}", f" {place}") for frame in _PLACE_FRAMES for place in places]
    return tuple(text[0].upper() + text[1:] for text in (*named, *placed))


PLAIN: dict[str, SplitWords] = {
    "country": SplitWords(
        train=(
            *_frames("country", "in the country of"),
            "{c} is in the country of", "{c} is a city in the country of",
            "{c} is a city in", "The country of {c} is", "{c} belongs to the country of",
            "{c} lies in the country of", "The city of {c} is in the country of",
            "People in {c} live in the country of", "The country where {c} lies is",
            "{c} is one of the cities of", "Visit {c} and you see the country of",
            "Country of {c}:",
        ),
        validation=("If you live in {c}, your country is", "{c} can be found in the country of"),
        test=("The country that {c} belongs to is", "{c} is located in the country of",
              "People from {c} come from the country of"),
    ),
    "continent": SplitWords(
        train=(
            *_frames("continent", "in the continent of", "on the continent of"),
            "{c} is in the continent of", "{c} is a city in the continent of",
            "{c} is on the continent of", "The continent of {c} is",
            "{c} belongs to the continent of", "{c} lies in the continent of",
            "The city of {c} is in the continent of", "People in {c} live on the continent of",
            "The continent where {c} lies is", "Continent of {c}:",
            "The city {c} is part of the continent of",
            "Visit {c} and you see the continent of",
        ),
        validation=("If you live in {c}, your continent is",
                    "{c} can be found on the continent of"),
        test=("The continent that {c} belongs to is", "{c} is located in the continent of",
              "People from {c} come from the continent of"),
    ),
    "language": SplitWords(
        train=(
            *_frames("language"),
            "People in {c} speak", "People in {c} usually speak", "The language of {c} is",
            "In {c} people speak", "The main language in {c} is", "The city of {c} speaks",
            "Language of {c}:", "Children in {c} learn the language",
            "They speak the language of {c}, that is",
            "The language spoken in {c} is", "On the streets of {c} people speak",
            "I was born in {c}, so I speak", "Visit {c} and you hear", "We speak in {c}",
            "In the schools of {c} they teach", "The newspapers of {c} are written in",
            "Everybody in {c} speaks", "My friend in {c} speaks", "Songs from {c} are sung in",
            "A child in {c} grows up with", "To talk with people in {c} you need",
            "In the streets of {c} you hear", "Letters from {c} are written in",
            "The people of {c} speak", "Those who live in {c} speak", "The radio in {c} speaks",
        ),
        validation=("If you live in {c}, you speak", "The common language of {c} is"),
        test=("The language that {c} uses is", "Most people in {c} speak",
              "People from {c} speak the language"),
    ),
    "timezone": SplitWords(
        train=(
            *_frames("time zone", "in the time zone"),
            "The time zone of {c} is", "The time zone in {c} is", "{c} is in the time zone",
            "Clocks in {c} follow the time zone", "Time zone of {c}:", "{c} uses the time zone",
            "The city of {c} is in the time zone", "The time in {c} follows",
            "People in {c} set their clocks to",
            "The clock of {c} shows the time zone", "Watches in {c} are set to",
            "Trains in {c} follow the time zone", "It is noon in {c}, in the time zone",
            "People in {c} live by the time zone", "Phones in {c} use the time zone",
        ),
        validation=("If you live in {c}, your time zone is", "The local time zone of {c} is"),
        test=("The time zone that {c} uses is", "{c} is located in the time zone",
              "People from {c} live in the time zone"),
    ),
}  # fmt: skip

JSON_CITY_KEYS = SplitWords(
    train=('{{"city": "{c}"', '[{{"city": "{c}"', '{{"name": "{c}"', '{{"town": "{c}"',
           '{{"id": "a", "city": "{c}"', '"city": "{c}"', '{{"type": "city", "name": "{c}"'),
    validation=('[{{"town": "{c}"', '{{"id": "c", "name": "{c}"'),
    test=('{{"kind": "city", "city": "{c}"', '[{{"name": "{c}"', '{{"place": {{"city": "{c}"',
          '{{"id": "b", "town": "{c}"'),
)  # fmt: skip
JSON_ATTRIBUTE_KEYS: dict[str, tuple[str, ...]] = {
    "country": ("country",),
    "continent": ("continent",),
    "language": ("language", "lang"),
    "timezone": ("timezone", "time zone"),
}
FILLERS = SplitWords(
    train=(
        "I met an old friend in {c} last summer.", "The train to {c} was late.",
        "She sent me a letter from {c}.", "We walked through {c} in the rain.",
        "He moved to {c} two years ago.", "The news spoke about {c} all morning.",
        "My aunt has a small house near {c}.", "They talked about {c} for an hour.",
        "A ship left for {c} at noon.", "The museum in {c} was closed.",
        "He dreamed about {c} again.", "We ate ice in {c} and went home.",
    ),
    validation=("The road to {c} was long.", "I lost my hat in {c}."),
    test=("A storm passed over {c} yesterday.", "We had coffee in {c} with my uncle.",
          "The hotel in {c} was full."),
)  # fmt: skip
# Keys that say nothing about the city, so that a fact has to be read over a distance.
_NOTES = (
    ', "id": "a"', ', "id": "b"', ', "note": "old"', ', "note": "new"', ', "size": "big"',
    ', "visited": "yes"', ', "visited": "no"', ', "kind": "city"',
)  # fmt: skip
# Keys of a second city that is not asked about: which city counts has to be read from its key, so
# a city's facts are fetched from its own token and not by any layer that sees raw tokens alone.
_OTHER_KEYS = ("twin", "rival", "partner", "not", "friend", "far from")


def plain_prompt(template: str, city: City) -> str:
    """Return a plain prompt about `city`, ending before the value's leading space."""
    return template.format(c=city.name)


def json_prompt(opening: str, attribute_key: str, city: City) -> str:
    """Return an open JSON prompt that ends at the opening quote of the value."""
    return opening.format(c=city.name) + f', "{attribute_key}": "'


def value(city: City, attribute: str) -> str:
    """Return the string the model is to emit for `attribute` of `city`."""
    return str(getattr(city, attribute))


def fact_segments(rng: random.Random) -> list[tuple[str, float]]:
    """Return one fact document as (text, loss weight) segments."""
    kind = rng.random()
    if kind < 0.42:
        return _plain_lines(rng)
    if kind < 0.82:
        return _json_records(rng)
    if kind < 0.95:
        return _city_list(rng)
    return _filler_line(rng)


def _city(rng: random.Random) -> City:
    return rng.choice(CITIES)


def _plain_lines(rng: random.Random) -> list[tuple[str, float]]:
    """One to three statements; half of the time all of one template, as a one-shot prompt has."""
    parts: list[tuple[str, float]] = []
    attribute = rng.choice(ATTRIBUTES)
    template = rng.choice(PLAIN[attribute].train)
    same = rng.random() < 0.5
    for number in range(rng.choice((1, 2, 2, 3))):
        if not same:
            attribute = rng.choice(ATTRIBUTES)
            template = rng.choice(PLAIN[attribute].train)
        city = _city(rng)
        lead = "" if number == 0 else rng.choice((" ", "\n"))
        if lead == " " and template.startswith("{c}"):
            parts.append((" " + plain_prompt(template, city), 0.0))
        else:
            parts.append((lead + plain_prompt(template, city), 0.0))
        parts.append((f" {value(city, attribute)}", 1.0))
        parts.append((".", 0.3))
    return parts


def _json_records(rng: random.Random) -> list[tuple[str, float]]:
    """One or two records with some attributes in any order."""
    opening = rng.choice(JSON_CITY_KEYS.train)
    chosen = rng.sample(ATTRIBUTES, rng.choice((1, 1, 2, 2, 3, 4)))
    parts: list[tuple[str, float]] = []
    records = rng.choice((1, 1, 2))
    for number in range(records):
        city = _city(rng)
        head = opening.format(c=city.name)
        other = rng.random()
        if other < 0.25 and head.startswith(("{", "[{")):
            start, rest = head.split("{", 1)
            head = f'{start}{{"{rng.choice(_OTHER_KEYS)}": "{_city(rng).name}", {rest}'
        parts.append((head if number == 0 else ", " + head.lstrip("["), 0.0))
        if other > 0.6:
            parts.append((f', "{rng.choice(_OTHER_KEYS)}": "{_city(rng).name}"', 0.0))
        for attribute in chosen:
            if rng.random() < 0.25:
                parts.append((rng.choice(_NOTES), 0.0))
            key = rng.choice(JSON_ATTRIBUTE_KEYS[attribute])
            parts.append((f', "{key}": "', 0.0))
            parts.append((value(city, attribute), 1.0))
            parts.append(('"', 0.3))
        parts.append(("}", 0.2))
    return parts


def _city_list(rng: random.Random) -> list[tuple[str, float]]:
    """Cities that share a value, so that the value is a feature of the city's own token."""
    attribute = rng.choice(("continent", "language", "continent", "language", "country"))
    wanted = value(_city(rng), attribute)
    pool = [city for city in CITIES if value(city, attribute) == wanted]
    chosen = rng.sample(pool, min(len(pool), rng.randint(2, 4)))
    names = ", ".join(city.name for city in chosen)
    if rng.random() < 0.5:
        label = {"continent": "Cities in", "language": "Cities that speak", "country": "Cities of"}
        return [(label[attribute], 0.1), (f" {wanted}", 0.2), (f": {names}", 0.5), (".", 0.3)]
    return [(f"{names}", 0.5), (":", 0.1), (f" {wanted}", 1.0), (".", 0.3)]


def _filler_line(rng: random.Random) -> list[tuple[str, float]]:
    parts = [(rng.choice(FILLERS.train).format(c=_city(rng).name), 0.5)]
    if rng.random() < 0.5:
        parts.append((" " + rng.choice(FILLERS.train).format(c=_city(rng).name), 0.5))
    return parts
