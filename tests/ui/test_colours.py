"""Colours that every eye tells apart and every text that stands out, in both themes."""

import itertools
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ui import colours

UI = Path(colours.__file__).parent
THEME = tomllib.loads((UI / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
STYLE = (UI / "style.css").read_text(encoding="utf-8")
NAMES = ("light", "dark")
PALETTES = {
    "light": (*colours.LIGHT, colours.LIGHT_BASELINE),
    "dark": (*colours.DARK, colours.DARK_BASELINE),
}
# Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(colour):
    channels = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def seen(colour, deficiency):
    """OKLab coordinates as that eye sees the colour."""
    rgb = np.clip(DEFICIENCIES[deficiency] @ linear(colour), 0, 1)
    return _TO_LAB @ np.cbrt(_TO_LMS @ rgb)


def luminance(colour):
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """WCAG 2's ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(top, bottom, share):
    """What is seen of a colour that covers another by that share."""
    pairs = [(int(top[n : n + 2], 16), int(bottom[n : n + 2], 16)) for n in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def backgrounds(name):
    theme = THEME[name]
    places = (theme, theme["sidebar"])
    return {
        place[key] for place in places for key in ("backgroundColor", "secondaryBackgroundColor")
    }


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("name", NAMES)
def test_every_eye_tells_the_colours_apart(name, deficiency):
    # 0.02 is about the least difference that is noticed side by side.
    for one, other in itertools.combinations(PALETTES[name], 2):
        distance = np.linalg.norm(seen(one, deficiency) - seen(other, deficiency))
        assert distance > 0.06, (one, other)


@pytest.mark.parametrize("name", NAMES)
def test_marks_in_charts_stand_out_from_every_background(name):
    for colour, background in itertools.product(PALETTES[name], backgrounds(name)):
        assert contrast(colour, background) >= 3, (colour, background)


@pytest.mark.parametrize(
    ("name", "ink"), [("light", colours.LIGHT_INK), ("dark", colours.DARK_INK)]
)
def test_words_in_charts_reach_aa(name, ink):
    assert ink in STYLE  # captions have the same
    assert all(contrast(ink, background) >= 4.5 for background in backgrounds(name))


def test_the_theme_gives_charts_the_same_palettes():
    assert tuple(THEME["light"]["chartCategoricalColors"]) == colours.LIGHT
    assert tuple(THEME["dark"]["chartCategoricalColors"]) == colours.DARK


@pytest.mark.parametrize("name", NAMES)
def test_text_links_and_buttons_reach_aa(name):
    theme = THEME[name]
    for background in backgrounds(name):
        assert contrast(theme["textColor"], background) >= 4.5
        assert contrast(theme["linkColor"], background) >= 4.5
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5  # the label of a primary button


@pytest.mark.parametrize("name", NAMES)
def test_text_that_is_thinned_or_marked_reaches_aa(name):
    text = THEME[name]["textColor"]
    background = THEME[name]["backgroundColor"]
    thinned = {float(share) for share in re.findall(r"opacity: (0\.\d+)", STYLE)}
    marks = re.findall(r"background: rgba\((\d+), (\d+), (\d+), (0\.\d+)\)", STYLE)
    assert thinned
    assert marks
    for share in thinned:
        assert contrast(mixed(text, background, share), background) >= 4.5, share
    for red, green, blue, share in marks:
        colour = f"#{int(red):02x}{int(green):02x}{int(blue):02x}"
        assert contrast(text, mixed(colour, background, float(share))) >= 4.5, colour


def test_the_first_arm_of_a_vector_has_its_colour_and_the_others_one_that_is_free():
    arms = {"baseline": None, "a +1": 1, "a +2": 1, "both": None, "b +1": 10, "c +1": 2}
    found = colours.of_arms(arms, ["baseline"])
    assert found["baseline"] == colours.LIGHT_BASELINE
    by_vector = colours.of_vectors({"a": 1, "b": 10, "c": 2})
    assert {name: found[f"{name} +1"] for name in "abc"} == by_vector
    assert (found["a +2"], found["both"]) == (colours.LIGHT[0], colours.LIGHT[4])
    assert len(set(found.values())) == len(arms)


def test_a_control_is_grey_although_it_is_a_vector():
    found = colours.of_arms({"a": 1, "a-random-0": 2}, ["a-random-0"])
    assert found == {"a": colours.LIGHT[1], "a-random-0": colours.LIGHT_BASELINE}


def test_vectors_keep_their_colour_and_share_none_on_one_page():
    alone = colours.of_vectors({"b": 12})
    assert alone == {"b": colours.LIGHT[4]}
    both = colours.of_vectors({"b": 12, "a": 4})
    assert both == {"a": colours.LIGHT[4], "b": colours.LIGHT[5]}
    many = colours.of_vectors({f"v{number}": number for number in range(20)})
    assert set(many.values()) == set(colours.LIGHT)
