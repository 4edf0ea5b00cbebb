"""The sessions in the documents print what they show, on this processor and on others."""

from pathlib import Path

import pytest

from scripts import transcripts
from vectorlab.lab import Lab, RunView

SETS, EVALUATION, EXPERIMENT, _TUTORIAL = transcripts.DOCUMENTS


@pytest.mark.slow
def test_the_walk_through_sets_is_what_the_commands_print(tmp_path: Path):
    document = SETS.read_text(encoding="utf-8")
    assert transcripts.render(document, tmp_path) == document, "run: python -m scripts.transcripts"


def test_the_way_to_a_justified_strength_begins_as_the_commands_print(tmp_path: Path):
    """Up to the vector. Commands and options of the rest are held by test_documents.py."""
    whole = EVALUATION.read_text(encoding="utf-8")
    document = whole[: whole.index("$ vectorlab vectors calibrate ")].removesuffix("```console\n")
    assert "$ vectorlab vectors extract" in document
    apart = transcripts.differences(document, transcripts.render(document, tmp_path))
    assert not apart, "\n".join(["run: python -m scripts.transcripts", *apart])


@pytest.mark.long
def test_the_way_to_a_justified_strength_is_what_the_commands_print(tmp_path: Path):
    document = EVALUATION.read_text(encoding="utf-8")
    apart = transcripts.differences(document, transcripts.render(document, tmp_path))
    assert not apart, "\n".join(["run: python -m scripts.transcripts", *apart])
    lab = Lab(transcripts.store_of(tmp_path), device="cpu")
    assert what_rounding_may_turn(lab.runs.get("justified")) == []
    lab.db.dispose()


@pytest.mark.slow
def test_the_way_from_pairs_to_a_verdict_is_what_the_commands_print(tmp_path: Path):
    document = EXPERIMENT.read_text(encoding="utf-8")
    apart = transcripts.differences(document, transcripts.render(document, tmp_path))
    assert not apart, "\n".join(["run: python -m scripts.transcripts", *apart])
    lab = Lab(transcripts.store_of(tmp_path), device="cpu")
    assert what_rounding_may_turn(lab.runs.get("1")) == []
    lab.db.dispose()


def what_rounding_may_turn(run: RunView) -> list[str]:
    """Texts with a choice within a thousandth of a nat, and arms with a verdict near its limit.

    An interval of counts may end at zero itself; rounding moves no count.
    """
    texts, verdicts = run.to_frame(), run.compare_scores()
    ends = verdicts[["low", "high"]].abs()
    near = ends.lt(verdicts["difference"].abs() / 10, axis="index") & ends.gt(0)
    return [
        *texts.loc[~(texts["choice_margin"] > 1e-3), "text"],
        *verdicts.loc[near.any(axis="columns"), "arm"],
    ]


def test_the_walk_through_sets_reaches_the_fifth_version_through_a_merge():
    document = SETS.read_text(encoding="utf-8")
    assert "$ vectorlab sets merge" in document
    assert "upbeat@5: " in document


KEPT = """```console
$ vectorlab runs score
 strength  0.1439
┏━━━━━━━━━┳━━━━━━━━┳━━━━━━━━━┓
┃ arm     ┃ mean   ┃ verdict ┃
┡━━━━━━━━━╇━━━━━━━━╇━━━━━━━━━┩
│ upbeat  │ 0.1996 │ higher  │
│ +0.1439 │        │         │
└─────────┴────────┴─────────┘
```"""


@pytest.mark.parametrize(
    ("before", "after", "is_the_same"),
    [
        ("0.1996", "0.1997", True),
        ("0.1996", "0.2   ", False),  # a count looks so
        ("0.1996", "0.2001", False),
        ("higher ", "lower  ", False),
        ("strength  0.1439", "strength  0.144001", True),
        ("strength  0.1439", "strength  0.1442", False),
        ("upbeat  │ 0.1996", "upbeat 2│ 0.1996", False),
        (
            "│ upbeat  │ 0.1996 │ higher  │\n│ +0.1439 ",
            "│ upbeat +0.1439 │ 0.1996 │ higher  │\n│ ",
            True,
        ),
    ],
)
def test_a_document_may_differ_in_the_last_digit_alone(before: str, after: str, is_the_same: bool):
    assert before in KEPT
    apart = transcripts.differences(KEPT, KEPT.replace(before, after))
    assert (apart == []) is is_the_same
