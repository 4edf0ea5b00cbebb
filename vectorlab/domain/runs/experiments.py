"""An experiment: a vector, prompts and what it has to beat, asked for as one thing.

It holds what was asked, not what came out: the parts (vectors, calibrations, a run, its scores) are
stored as they are stored elsewhere.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vectorlab.domain.codec import Coded, Request
from vectorlab.domain.description import About, counted
from vectorlab.domain.fields import (
    ChatTurns,
    Dtype,
    ModelFingerprint,
    Seed,
    SpecialTokens,
    VectorId,
    VectorSha256,
)
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import Decoding, InlineDecoding, Prompt, Prompts
from vectorlab.domain.scores.scores import ScorerSpec, scorer_in_words
from vectorlab.domain.vectors.vectors import ExtractionSpec
from vectorlab.errors import InputError

SHARES = (0.5, 1.0)  # of the calibrated strength, where nobody says otherwise


@dataclass(frozen=True, kw_only=True)
class Subject(Coded):
    """A stored vector that an experiment is about."""

    vector_id: VectorId
    vector_sha256: VectorSha256


@dataclass(frozen=True, kw_only=True)
class ExperimentSpec(Request):
    """A complete request for an experiment; equal requests have equal hashes."""

    TAG: ClassVar[str] = "experiment"

    model_fingerprint: ModelFingerprint
    subjects: Annotated[tuple[Subject, ...], About(name="vectors", words=counted)] = ()
    # One more vector, extracted first.
    extraction: Annotated[ExtractionSpec | None, About(name="extraction", none="none")] = None
    choosing: Annotated[tuple[Prompt, ...], About(name="prompts that choose", words=counted)]
    judging: Prompts
    shares: Annotated[
        tuple[float, ...],
        About(
            name="strengths",
            unit="of the calibrated strength",
            words=lambda found: ", ".join(f"{share:g}" for share in found),
        ),
    ] = SHARES
    random: Annotated[int, About(name="random directions", unit="beside each vector")] = 1
    shuffled: Annotated[int, About(name="shuffled vectors", unit="beside each vector")] = 0
    # Arms that steer by what stands before the prompt.
    prompting: Annotated[tuple[Arm, ...], About(name="arm", each=True)] = ()
    effect: Annotated[ScorerSpec, About(name="effect", words=scorer_in_words)]
    lower_is_better: Annotated[bool, About(name="lower is better")] = False
    smallest: Annotated[
        float | None, About(name="smallest difference of interest", none="none")
    ] = None
    damage: Annotated[ScorerSpec, About(name="damage", words=scorer_in_words)]
    budget: Annotated[float, About(name="budget", unit="mean damage at most")]
    # Further scorers of the texts.
    beside: Annotated[tuple[ScorerSpec, ...], About(name="further scorers", words=counted)] = ()
    decoding: InlineDecoding = field(default_factory=Decoding)
    seed: Seed = 0
    add_special_tokens: SpecialTokens = True
    dtype: Dtype = "float32"
    chat: ChatTurns = None

    @property
    def scorers(self) -> tuple[ScorerSpec, ...]:
        """All that the texts are scored by, each once."""
        return tuple(dict.fromkeys((self.effect, self.damage, *self.beside)))


def check_shares(shares: tuple[float, ...]) -> tuple[float, ...]:
    """Shares of the calibrated strength, in order, with the whole of it among them.

    Raises:
        InputError: If one is not above 0.
    """
    wrong = [share for share in shares if not 0 < share < float("inf")]
    if wrong:
        raise InputError(
            f"Strength {wrong[0]:g} of an experiment is no share of the calibrated strength: it "
            "has to be above 0, such as 0.5. The unsteered baseline is always there."
        )
    return tuple(sorted({*map(float, shares), 1.0}))


def deal(prompts: tuple[Prompt, ...]) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...]]:
    """Prompts that choose a strength and prompts that judge it, dealt in turn; no text is in both.

    A single one has to do both.
    """
    once = tuple({prompt.text: prompt for prompt in reversed(prompts)}.values())[::-1]
    return (once[1::2] or once, once[::2])
