"""Figures claim nothing across runs that do not compare, and nothing that chance does as well."""

import re

import altair as alt
import pandas as pd
import pytest

from tests.ui.runs.test_side_by_side import score_arms, sweep
from tests.ui.test_pages import shown
from ui import charts
from ui.runs import trade_off
from vectorlab.domain.runs.comparison import Criterion, columns_of
from vectorlab.domain.runs.runs import Decoding
from vectorlab.services.runs import comparison

SAMPLED = Decoding(max_new_tokens=8, do_sample=True)


@pytest.fixture
def charted(monkeypatch):
    """What the pages draw, by the name of the figure."""
    seen: dict[str, list] = {"curves": [], "trade_off": []}
    curves, trade_off = charts.strength_curves, charts.trade_off

    def draw_curves(frame, *args, **more) -> alt.LayerChart:
        seen["curves"].append(frame)
        return curves(frame, *args, **more)

    def draw_trade_off(frame, *args, **more) -> alt.LayerChart:
        seen["trade_off"].append(frame)
        return trade_off(frame, *args, **more)

    monkeypatch.setattr(charts, "strength_curves", draw_curves)
    monkeypatch.setattr(charts, "trade_off", draw_trade_off)
    return seen


def test_no_curve_goes_from_a_sampled_into_a_greedy_run(filled, visit, charted):
    greedy, sampled = sweep(filled, prompts=8), sweep(filled, prompts=8, decoding=SAMPLED)
    score_arms(filled, sampled, "cheer", [7.0] + [9.0] * 8)
    score_arms(filled, greedy, "cheer", [1.0] + [2.0] * 8)
    said = shown(
        visit("compare", run=[str(greedy.id), str(sampled.id)], look="figures", figure="cheer")
    )
    starts = [
        {row["mean"] for row in frame.to_dict("records") if row["strength"] == 0}
        for frame in charted["curves"]
    ]
    assert starts == [{1.0}, {7.0}]  # each from its own baseline
    assert f"cheer against strength, run {greedy.id}" in said
    assert f"cheer against strength, run {sampled.id}" in said
    why = f"Run {sampled.id} does not compare with run {greedy.id} and is held against "
    assert f"{why}{sampled.id}/baseline. It has decoding sampled, not greedy." in said
    assert f"against {sampled.id}/baseline" in said
    assert "+8.0" not in said  # 9 against 1, of which a column would have to be across runs


def test_runs_that_compare_share_a_picture(filled, visit, charted):
    first, second = sweep(filled, prompts=8), sweep(filled, prompts=8)
    said = shown(visit("compare", run=[str(first.id), str(second.id)], look="figures"))
    assert len(charted["curves"]) == 1
    assert "does not compare" not in said


def test_beside_the_number_stands_what_chance_and_random_directions_do(filled, visit):
    run = sweep(filled, prompts=12)
    # At 0.2 the vector does what the random directions do.
    score_arms(filled, run, "flat", [0.0, 0.1, 0.2, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5])
    score_arms(filled, run, "votes", [0.5, 0.47, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    pick = {"run": str(run.id), "look": "figures"}
    said = shown(visit("compare", **pick, figure="flat"))
    assert said.count("not better than random") == 1
    said = shown(visit("compare", **pick, figure="sentiment"))
    assert "not better than random" not in said
    assert "<th>against random</th>" in said
    assert "degenerate texts: 11 (repeats itself 11)" in said
    said = shown(visit("compare", **pick, figure="votes"))
    assert said.count("not told from chance, 0.5") == 2  # the baseline, and the first arm
    assert said.count("chance, 0.5") == 9


def test_a_run_without_random_directions_has_no_column_for_them(filled, visit):
    assert "against random" not in shown(visit("compare", run="1", look="figures"))


def test_effect_against_damage_is_a_point_per_arm(filled, visit, charted):
    run = sweep(filled, prompts=8)
    app = visit("compare", run=str(run.id), look="figures")
    assert app.selectbox(key="effect").value == "sentiment"
    assert app.selectbox(key="damage").value == "kl"
    assert "Effect: more is better. Damage: less is better." in app.caption[-1].value
    [frame] = charted["trade_off"]
    assert len(frame) == 9
    assert frame["kind"].value_counts().to_dict() == {
        "steered": 6,
        "random direction": 2,
        "baseline": 1,
    }
    point = frame.set_index("arm").loc["upbeat-icv +0.2"]
    measures = {item.name: item for item in comparison.measures(filled, [run.id])}
    [expected] = [
        found
        for found in comparison.trade_offs(
            filled, columns_of([run]), measures["sentiment"], measures["kl"]
        )
        if found.column.label == "upbeat-icv +0.2"
    ]
    assert (point["x"], point["y"]) == (expected.damage.mean, expected.effect.mean)
    assert point["x_low"] < point["x"] < point["x_high"]


def test_effect_and_damage_are_chosen_in_the_address(filled, visit, charted):
    run = sweep(filled, prompts=8)
    visit("compare", run=str(run.id), look="figures", effect="kl", damage="tokens")
    assert set(charted["trade_off"][0]["x"]) == {3.0}


def test_a_run_with_one_score_has_no_such_picture(filled, visit, charted):
    visit("compare", run="1", look="figures")
    assert charted["trade_off"] == []


@pytest.mark.parametrize(
    ("scorers", "expected"),
    [
        ([], None),
        (["kl"], None),
        (["kl", "sentiment"], ("sentiment", "kl")),
        (["perplexity", "reverse_kl", "sentiment"], ("perplexity", "reverse_kl")),
        (["sentiment", "perplexity"], ("sentiment", "perplexity")),
        (["contains:a", "sentiment"], ("contains:a", "sentiment")),
    ],
)
def test_damage_is_what_is_wanted_less_of(scorers, expected):
    less = {"kl", "perplexity", "reverse_kl"}
    measures = [Criterion(name=name, version="1", lower_is_better=name in less) for name in scorers]
    found = comparison.usual_trade_off(measures)
    assert (None if found is None else tuple(measure.name for measure in found)) == expected


def test_names_of_points_that_would_cover_each_other_are_left_to_the_pointer():
    places = {"x": [0.0, 0.01, 0.5, 1.0, 0.02], "y": [0.0, 0.01, 0.0, 1.0, 0.5]}
    frame = pd.DataFrame({**places, "is_named": [False, True, True, True, True]})
    # The first is a control, whose name is not drawn; all but one leave room.
    assert trade_off._apart(frame) == [True, True, True, True, True]
    frame["is_named"] = True
    assert trade_off._apart(frame) == [True, False, True, True, True]
    alone = pd.DataFrame({"x": [1.0, 1.0], "y": [2.0, 2.0], "is_named": [True, True]})
    assert trade_off._apart(alone) == [True, False]


def test_what_tells_arms_apart_stands_before_the_numbers_it_rests_on(filled, visit):
    run = sweep(filled, prompts=8)
    said = shown(visit("compare", run=str(run.id), look="figures"))
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", said)
    assert heads[3:7] == ["change", "", "against random", "interval"]
