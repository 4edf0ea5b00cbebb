"""What each column of a comparison is there for, and which of them are worth looking at first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vectorlab.domain.runs.comparison import Column


class ArmKind(StrEnum):
    """What an arm is there for."""

    BASELINE = "baseline"
    STEERED = "steered"
    RANDOM = "random direction"  # a control: vectors of random directions
    SHUFFLED = "shuffled"  # a control: vectors of pairs whose sides were drawn by lot
    PROMPTED = "prompted"  # another way: something stands before every prompt

    @property
    def is_control(self) -> bool:
        """Whether it is there for others to be better than."""
        return self in (ArmKind.RANDOM, ArmKind.SHUFFLED)


@dataclass(frozen=True, kw_only=True)
class ArmInfo:
    """What is known of an arm beside what it does."""

    kind: ArmKind
    is_calibrated: bool = False  # acts as a calibration that met its budget found best
    randoms: tuple[Column, ...] = ()  # arms of the same run that do the same in random directions


MOST_FIRST = 3  # columns beside the baseline that are shown before anybody chooses


def first_shown(
    columns: Sequence[Column], infos: Mapping[Column, ArmInfo], *, most: int = MOST_FIRST
) -> tuple[Column, ...]:
    """The columns that tell most, in their order: a baseline, then a few that are no controls.

    Calibrated arms go before others; what room is left goes to arms spread evenly over the rest,
    which is sorted as the run has it, as a rule by strength. Controls come only where nothing else
    is there. Of several runs each has a baseline, and its share of the room.
    """
    chosen: set[Column] = set()
    run_ids = list(dict.fromkeys(column.run_id for column in columns))
    for run_id in run_ids:
        own = [column for column in columns if column.run_id == run_id]
        room = max(1, most // len(run_ids))
        rest = _worth_judging(own, infos)
        best = [column for column in rest if infos[column].is_calibrated][:room]
        others = [column for column in rest if column not in best]
        unsteered = [column for column in own if infos[column].kind is ArmKind.BASELINE]
        chosen.update((*unsteered[:1], *best, *_spread(others, room - len(best))))
    return tuple(column for column in columns if column in chosen)


def first_judged(columns: Sequence[Column], infos: Mapping[Column, ArmInfo]) -> Column | None:
    """The column that filters and sorting look at before anybody chooses.

    The calibrated arm, else the one in the middle of those that are no controls.
    """
    rest = _worth_judging(columns, infos)
    calibrated = [column for column in rest if infos[column].is_calibrated]
    return next(iter(calibrated or _spread(rest, 1)), None)


def _worth_judging(columns: Sequence[Column], infos: Mapping[Column, ArmInfo]) -> list[Column]:
    others = [column for column in columns if infos[column].kind is not ArmKind.BASELINE]
    for wanted in ((ArmKind.STEERED,), (ArmKind.STEERED, ArmKind.PROMPTED)):
        found = [column for column in others if infos[column].kind in wanted]
        if found:
            return found
    return others


def _spread(columns: Sequence[Column], count: int) -> list[Column]:
    """So many of the columns, evenly apart; one alone is the middle one."""
    if count >= len(columns) or count < 1:
        return list(columns[: max(count, 0)])
    if count == 1:
        return [columns[len(columns) // 2]]
    last = len(columns) - 1
    places = [int(place * last / (count - 1) + 0.5) for place in range(count)]
    return [columns[place] for place in places]
