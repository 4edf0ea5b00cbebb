import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.sets.checks import (
    MOST_POSITIONS,
    Check,
    OtherSide,
    SetChecks,
    TokenLimit,
    normalised,
)
from vectorlab.domain.sets.versions import Demonstration


def pair(source, target="A calm and friendly answer."):
    return Demonstration(source=source, target=target)


def found(items, **options):
    checks = SetChecks(**options)
    checks.look(items)
    return {item.check: item for item in checks.findings()}


CLEAN = [pair("The soup was cold today."), pair("We liked the old park.", "What a park it was!")]


def test_ordinary_pairs_have_no_findings():
    assert found(CLEAN) == {}


@pytest.mark.parametrize(
    ("items", "check", "positions"),
    [
        ([*CLEAN, CLEAN[0]], Check.DUPLICATE, (2,)),
        ([*CLEAN, pair("the SOUP, was cold: today")], Check.NEAR_DUPLICATE, (2,)),
        ([pair("Same words here.", "Same words here."), *CLEAN], Check.SAME_SIDES, (0,)),
        ([*CLEAN, pair("  \n")], Check.EMPTY_SIDE, (2,)),
        ([*CLEAN, pair("Some source here.", "")], Check.EMPTY_SIDE, (2,)),
        ([*CLEAN, pair("Nothing follows this one.", None)], Check.NO_TARGET, (2,)),
        ([*CLEAN, pair("zero\u200bwidth space in it")], Check.INVISIBLE, (2,)),
        ([*CLEAN, pair("a byte order mark \ufeff here")], Check.INVISIBLE, (2,)),
        ([*CLEAN, pair("write to ann.b+c@example.co.uk")], Check.PERSONAL, (2,)),
        ([*CLEAN, pair("call +49 30 1234567 now")], Check.PERSONAL, (2,)),
        ([*CLEAN, pair("call 555-123-4567 now")], Check.PERSONAL, (2,)),
        ([*CLEAN, pair("call (030) 1234 567 now")], Check.PERSONAL, (2,)),
    ],
)
def test_each_check_finds_its_case_and_says_where(items, check, positions):
    [(kind, finding)] = found(items).items()
    assert (kind, finding.count, finding.positions) == (check, 1, positions)


def test_bare_prompts_lack_no_target_until_one_of_them_has_one():
    prompts = [pair(f"Tell me of town {n}, please.", None) for n in (1, 2)]
    assert found(prompts) == {}
    finding = found([*prompts, CLEAN[0]])[Check.NO_TARGET]
    assert (finding.count, finding.positions) == (2, (0, 1))


@pytest.mark.parametrize(
    "text",
    [
        "in 1999-2001 there were 10,000 of them",
        "it is 48.8566 2.3522 on 2026-11-24 at 18:30",
        "version 1.2.3.4 costs 100 200 3000",
        "a family 👨‍👩‍👧 and a flag 🏳️‍🌈, naïve Größe",
        "من می‌خواهم بروم",  # its joiner is part of the spelling
        "tabs\tand\nlines",
    ],
)
def test_numbers_dates_and_joined_characters_are_left_alone(text):
    assert found([pair(text)]) == {}


def test_a_long_side_against_a_short_one_is_said_once_with_both_means():
    items = [pair(f"word{n}", "one two three four five six seven") for n in range(3)]
    [finding] = found(items).values()
    assert finding.check is Check.LENGTH_IMBALANCE
    assert "1.0 words" in finding.message
    assert "7.0" in finding.message


def test_texts_beyond_a_models_context_are_found_by_its_own_count():
    limit = TokenLimit(model="tiny", tokens=3, count=lambda texts: [len(t.split()) for t in texts])
    items = [pair("one two three", "x y z"), pair("one two three", "x y z w"), pair("a b c d", "e")]
    finding = found(items, limit=limit)[Check.TOO_LONG]
    assert (finding.count, finding.positions) == (2, (1, 2))
    assert "3 tokens of tiny" in finding.message


def test_a_source_of_the_other_side_of_a_split_is_found():
    other = OtherSide(label="test@1", texts={normalised("We liked the old park!")})
    finding = found(CLEAN, other_side=other)[Check.ON_BOTH_SIDES]
    assert finding.positions == (1,)
    assert "test@1" in finding.message


def test_many_cases_are_all_counted_and_some_listed():
    finding = found([CLEAN[0]] * 100)[Check.DUPLICATE]
    assert finding.count == 99
    assert len(finding.positions) == MOST_POSITIONS


@pytest.mark.parametrize(
    ("left", "right"),
    [("की", "के"), ("ดี", "ดู"), ("C++", "C#"), ("1+1", "1-1"), ("good 😍", "good 😡")],
)
def test_marks_signs_and_emoji_tell_texts_apart(left, right):
    assert normalised(left) != normalised(right)


@given(st.lists(st.builds(pair, st.text(), st.text() | st.none()), max_size=12), st.integers(1, 5))
def test_findings_do_not_depend_on_how_the_stream_is_cut(items, size):
    whole, parts = SetChecks(), SetChecks()
    whole.look(items)
    for start in range(0, len(items), size):
        parts.look(items[start : start + size])
    assert whole.findings() == parts.findings()


@given(st.lists(st.sampled_from(["a b", "A b!", "a  B", "c", "C.", "d"]), max_size=40))
def test_repetitions_are_told_from_the_first_that_is_nearly_the_same(texts):
    items = [pair(text) for text in texts]
    first = {}
    expected = {Check.DUPLICATE: [], Check.NEAR_DUPLICATE: []}
    for position, item in enumerate(items):
        seen = first.setdefault(normalised(item.source), item)
        if seen is not item:
            kind = Check.DUPLICATE if seen == item else Check.NEAR_DUPLICATE
            expected[kind].append(position)
    told = found(items)
    for check, positions in expected.items():
        assert (check in told) == bool(positions)
        if positions:
            assert told[check].count == len(positions)
            assert told[check].positions == tuple(positions[:MOST_POSITIONS])
