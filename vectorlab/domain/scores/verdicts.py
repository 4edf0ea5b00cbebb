"""What an experiment lets one say of a vector, in words: never more than its comparisons show."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.scores.statistics import Estimate, PairedComparison, Verdict, fewest_prompts


class Role(StrEnum):
    """What an arm is in an experiment."""

    BASELINE = "unsteered"
    VECTOR = "vector"
    RANDOM = "random direction"
    SHUFFLED = "shuffled vector"
    PROMPTING = "prompting"

    @property
    def is_control(self) -> bool:
        """Whether it should do nothing of the kind: whoever beats it has shown something."""
        return self in (Role.RANDOM, Role.SHUFFLED)


class Grade(StrEnum):
    """What was shown, from the least to the most."""

    TOO_FEW_PROMPTS = "too few prompts"
    NOT_TOLD_APART = "not told apart"
    OTHER_WAY = "the other way"
    NO_BETTER_THAN_CONTROL = "no better than a control"
    NO_CONTROL = "no control"
    SHOWN = "shown"


@dataclass(frozen=True, kw_only=True)
class JudgedArm:
    """An arm that steers, and what its texts came to."""

    name: str
    role: Role
    effect: PairedComparison  # against the unsteered arm
    damage: Estimate | None  # None where it was not scored


@dataclass(frozen=True, kw_only=True)
class Rival:
    """An arm that a vector is held against."""

    arm: JudgedArm
    against: PairedComparison  # its effect less the vector's, by prompt


@dataclass(frozen=True, kw_only=True)
class ChosenStrength:
    """The strength that a verdict speaks of, and how it was chosen."""

    strength: float
    is_met: bool  # the budget, where it was chosen
    damage: str  # label of the scorer
    budget: float
    n_prompts: int  # that chose it
    n_shared: int  # of the prompts that judge it, those that chose it too
    n_learned: int = 0  # of the prompts that judge it, those that the vector learned from


@dataclass(frozen=True, kw_only=True)
class ExperimentVerdict:
    """What was shown of one vector."""

    vector: str
    effect: str  # label of the scorer
    grade: Grade
    headline: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """Everything that is said, in one paragraph."""
        return " ".join((self.headline, *self.sentences))


def verdict(
    vector: JudgedArm,
    rivals: Sequence[Rival],
    chosen: ChosenStrength,
    *,
    effect: str,
    lower_is_better: bool = False,
) -> ExperimentVerdict:
    """What an experiment says of a vector at its calibrated strength.

    Shown means: told apart from the unsteered arm in the wanted direction, and from every control
    in the same direction. Each comparison is judged by the rule of all verdicts
    (``statistics.compare_arms``), so requiring all of them cannot claim too often.

    Args:
        vector: The arm at the strength that was chosen.
        rivals: Controls and prompting, each held against it.
        chosen: The strength and how it was chosen.
        effect: Label of the scorer.
        lower_is_better: Less of it is wanted.
    """
    wanted = Verdict.LOWER if lower_is_better else Verdict.HIGHER
    beaten = Verdict.HIGHER if lower_is_better else Verdict.LOWER  # of a rival less the vector
    controls = [rival for rival in rivals if rival.arm.role.is_control]
    unbeaten = [rival for rival in controls if rival.against.verdict is not beaten]
    grade = _grade(vector.effect, wanted, controls, unbeaten)
    sentences = [_effect_sentence(vector, controls, chosen, effect)]
    sentences += [
        _rival_sentence(rival, beaten) for rival in rivals if not rival.arm.role.is_control
    ]
    sentences += _unbeaten_sentences(grade, unbeaten)
    sentences += [_damage_sentence(vector, chosen), _choice_sentence(vector.effect.n, chosen)]
    sentences += _learned_sentences(chosen)
    return ExperimentVerdict(
        vector=vector.name,
        effect=effect,
        grade=grade,
        headline=_headline(grade, vector, unbeaten, effect),
        sentences=tuple(sentences),
    )


def _grade(
    effect: PairedComparison,
    wanted: Verdict,
    controls: Sequence[Rival],
    unbeaten: Sequence[Rival],
) -> Grade:
    if effect.verdict not in (Verdict.HIGHER, Verdict.LOWER):
        few = effect.n < fewest_prompts(effect.comparisons, level=effect.level)
        return Grade.TOO_FEW_PROMPTS if few else Grade.NOT_TOLD_APART
    if effect.verdict is not wanted:
        return Grade.OTHER_WAY
    if not controls:
        return Grade.NO_CONTROL
    return Grade.NO_BETTER_THAN_CONTROL if unbeaten else Grade.SHOWN


def _headline(grade: Grade, vector: JudgedArm, unbeaten: Sequence[Rival], effect: str) -> str:
    name, compared = vector.name, vector.effect
    match grade:
        case Grade.TOO_FEW_PROMPTS:
            needed = fewest_prompts(compared.comparisons, level=compared.level)
            return (
                f"Too few prompts: {_counted(compared.n, 'prompt')} cannot tell {name} apart; it "
                f"takes at least {needed} that all move one way."
            )
        case Grade.NOT_TOLD_APART:
            less = compared.verdict is Verdict.NO_DIFFERENCE
            said = compared.said if less else "not told apart from the unsteered model"
            return f"{name}: {said} in {effect}."
        case Grade.OTHER_WAY:
            return f"{name} moves {effect} the other way than is wanted."
        case Grade.NO_BETTER_THAN_CONTROL:
            names = _listed([_a(rival.arm) for rival in unbeaten])
            return (
                f"{name} is no better than {names}, as far as {_counted(compared.n, 'prompt')} "
                "can tell."
            )
        case Grade.NO_CONTROL:
            return f"{name} moves {effect}, but no control says whether anything would."
        case Grade.SHOWN:
            return f"{name} moves {effect} more than every control does."


def _effect_sentence(
    vector: JudgedArm, controls: Sequence[Rival], chosen: ChosenStrength, effect: str
) -> str:
    moved = (
        f"At {chosen.strength:.3g} the vector moves {effect} by {_change(vector.effect)} over "
        "baseline"
    )
    others = [f"{_a(rival.arm)} by {_change(rival.arm.effect)}" for rival in controls]
    return f"{', '.join([moved, *others])}."


def _rival_sentence(rival: Rival, beaten: Verdict) -> str:
    found = rival.against.verdict
    if found is beaten:
        said = "less than the vector"
    elif found in (Verdict.HIGHER, Verdict.LOWER):
        said = "more than the vector"
    else:
        said = "not told apart from the vector"
    damage = "" if rival.arm.damage is None else f", damage {_number(rival.arm.damage.mean)}"
    return f"Prompting ({rival.arm.name}) moves it by {_change(rival.arm.effect)}, {said}{damage}."


def _unbeaten_sentences(grade: Grade, unbeaten: Sequence[Rival]) -> list[str]:
    """Which controls it is not told apart from, where the headline does not say it."""
    if grade is Grade.NO_BETTER_THAN_CONTROL or not unbeaten:
        return []
    return [f"It is not told apart from {_listed([_a(rival.arm) for rival in unbeaten])}."]


def _damage_sentence(vector: JudgedArm, chosen: ChosenStrength) -> str:
    if not chosen.is_met:
        start = f"No strength kept {chosen.damage} within {chosen.budget:g}; this one came closest"
    else:
        start = f"It was chosen for {chosen.damage} of at most {chosen.budget:g}"
    if vector.damage is None or vector.damage.mean is None:
        return f"{start}; its damage was not scored."
    unit = " nats" if chosen.damage in list(KL) else ""
    within = "within" if vector.damage.mean <= chosen.budget else "beyond"
    told = f"damage {_number(vector.damage.mean)}{unit}{_interval(vector.damage)}"
    return f"{start}: {told}, {within} it on the prompts that judge."


def _choice_sentence(n_judging: int, chosen: ChosenStrength) -> str:
    judges = _counted(n_judging, "prompt")
    if not chosen.n_shared:
        return (
            f"The strength was chosen on {_counted(chosen.n_prompts, 'prompt')}, none of them "
            f"among the {judges} that judge it."
        )
    if chosen.n_shared >= n_judging:
        return (
            f"The strength was chosen on the same {judges} that judge it, which flatters the "
            "effect: judge it on others."
        )
    return (
        f"The strength was chosen on {_counted(chosen.n_prompts, 'prompt')}, {chosen.n_shared} of "
        f"them among the {judges} that judge it, which flatters the effect."
    )


def _learned_sentences(chosen: ChosenStrength) -> list[str]:
    if not chosen.n_learned:
        return []
    them = "holds a text" if chosen.n_learned == 1 else "hold texts"
    return [f"{chosen.n_learned} of the prompts that judge {them} that the vector learned from."]


def _a(arm: JudgedArm) -> str:
    return {
        Role.RANDOM: "a random direction",
        Role.SHUFFLED: "a vector of shuffled sides",
    }.get(arm.role, arm.name)


def _listed(names: Sequence[str]) -> str:
    once = list(dict.fromkeys(names))
    return once[0] if len(once) == 1 else f"{', '.join(once[:-1])} or {once[-1]}"


def _change(compared: PairedComparison) -> str:
    return f"{_number(compared.difference.mean)}{_interval(compared.difference)}"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f" [{_number(estimate.low)}, {_number(estimate.high)}]"


def _number(value: float | None) -> str:
    """Two digits that say something; what is smaller than rounding in words is 0."""
    if value is None:
        return "no value"
    return f"{0.0 if abs(value) < 5e-5 else value:.2g}"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
