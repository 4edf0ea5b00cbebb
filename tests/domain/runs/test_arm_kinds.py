"""What is shown and judged before anybody chooses: never controls alone, the calibrated first."""

import pytest

from vectorlab.domain.runs.arm_kinds import ArmInfo, ArmKind, first_judged, first_shown
from vectorlab.domain.runs.comparison import Column

KINDS = {
    "b": ArmKind.BASELINE,
    "s": ArmKind.STEERED,
    "c": ArmKind.STEERED,  # calibrated
    "r": ArmKind.RANDOM,
    "x": ArmKind.SHUFFLED,
    "p": ArmKind.PROMPTED,
}


def looked_at(arms: str) -> tuple[str, str]:
    """Places of what is shown, and of what is judged."""
    columns = [
        Column(run_id=1, arm=place, label=letter, is_baseline=letter == "b")
        for place, letter in enumerate(arms)
    ]
    infos = {
        column: ArmInfo(kind=KINDS[column.label], is_calibrated=column.label == "c")
        for column in columns
    }
    judged = first_judged(columns, infos)
    shown = first_shown(columns, infos)
    return "".join(str(column.arm) for column in shown), "" if judged is None else str(judged.arm)


@pytest.mark.parametrize(
    ("arms", "shown", "judged"),
    [
        ("bssssrrrr", "0134", "3"),  # ends and middle of four strengths, no control
        ("bss", "012", "2"),
        ("bssssss", "0146", "4"),
        ("bsscsss", "0136", "3"),  # the calibrated one, and the ends of the rest
        ("brrrsx", "04", "4"),
        ("bp", "01", "1"),
        ("bsp", "01", "1"),
        ("brrr", "0123", "2"),  # nothing else is there
        ("b", "0", ""),
        ("ss", "01", "1"),
    ],
)
def test_what_tells_most_comes_first(arms, shown, judged):
    assert looked_at(arms) == (shown, judged)
