import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.interventions.layer_ranges import parse_layers, spell_layers
from vectorlab.domain.interventions.positions import WHOLE_PARTS, Part, Positions
from vectorlab.errors import InputError


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("all", Positions.ALL),
        ("prompt", Positions.PROMPT),
        ("response", Positions.RESPONSE),
        ("prompt:first=4", Positions(part=Part.PROMPT, stop=4)),
        ("prompt:last=2", Positions(part=Part.PROMPT, last=2)),
        ("response:8-15", Positions(part=Part.RESPONSE, start=8, stop=16)),
        ("response:8-", Positions(part=Part.RESPONSE, start=8)),
        ("all+skip_bos", Positions(skip_bos=True)),
        ("prompt:last=1+response", Positions(last=1)),
        ("prompt:last=2+response+except=5", Positions(last=2, excluded=(5,))),
        (
            "prompt:last=8+tokens=5,17+except=13+skip_bos",
            Positions(part=Part.PROMPT, last=8, tokens=(17, 5, 5), excluded=(13,), skip_bos=True),
        ),
    ],
)
def test_positions_are_spelled_one_way(text: str, positions: Positions):
    assert Positions.parse(text) == positions
    assert str(positions) == text


@pytest.mark.parametrize(
    ("text", "short"),
    [("prompt:0-3", "prompt:first=4"), ("response:0-", "response"), (" all ", "all")],
)
def test_other_spellings_of_the_same_come_to_one(text: str, short: str):
    assert str(Positions.parse(text)) == short


def test_the_enum_values_of_old_rows_are_spellings():
    assert [str(item) for item in WHOLE_PARTS] == ["all", "prompt", "response"]
    assert all(item.is_whole_part for item in WHOLE_PARTS)
    assert not Positions.parse("response:first=1").is_whole_part


def spelled() -> st.SearchStrategy[Positions]:
    number = st.integers(0, 99)
    ids = st.lists(st.integers(0, 2**31), max_size=3).map(tuple)
    window = st.one_of(
        st.just({}),
        st.builds(lambda start, width: {"start": start, "stop": start + 1 + width}, number, number),
        st.builds(lambda start: {"start": start}, number),
    )
    of_part = st.builds(
        lambda part, fields: {"part": part, **fields},
        st.sampled_from([Part.PROMPT, Part.RESPONSE]),
        window,
    )
    last = st.builds(
        lambda part, last: {"part": part, "last": last},
        st.sampled_from([Part.PROMPT, Part.ALL]),
        st.integers(1, 99),
    )
    return st.builds(
        lambda fields, tokens, excluded, skip: Positions(
            **fields,
            tokens=tokens,
            excluded=tuple(set(excluded) - set(tokens)),
            skip_bos=skip and fields.get("part") is not Part.RESPONSE,
        ),
        st.one_of(st.just({}), of_part, last),
        ids,
        ids,
        st.booleans(),
    )


@given(spelled())
def test_a_spelling_reads_back_as_itself(positions: Positions):
    assert Positions.parse(str(positions)) == positions


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not understood"),
        ("everywhere", "not understood"),
        ("prompt:", "not understood"),
        ("prompt:three", "not understood"),
        ("prompt+tokens=", "not understood"),
        ("prompt+tokens=-1", "not understood"),
        ("prompt+tokens=1+tokens=2", "not understood"),
        ("all:first=3", "belongs to the prompt or to the response"),
        ("all:last=3", "belongs to the prompt or to the response"),
        ("prompt:first=3+response", "not understood"),
        ("prompt+response", "not understood"),
        ("response+prompt:last=1", "not understood"),
        ("response:last=0", "no token"),
        ("prompt:first=0", "no token"),
        ("prompt:last=0", "no token"),
        ("response:5-4", "no token"),
        ("response+skip_bos", "no BOS"),
        ("all+tokens=5+except=5,6", "exclude every token"),
    ],
)
def test_what_can_touch_nothing_or_is_no_spelling_is_refused(text: str, reason: str):
    with pytest.raises(InputError, match=reason):
        Positions.parse(text)


@given(st.sets(st.integers(0, 60), min_size=1))
def test_layers_read_back_as_they_are_spelled(layers: set[int]):
    assert parse_layers(spell_layers(sorted(layers))) == tuple(sorted(layers))
