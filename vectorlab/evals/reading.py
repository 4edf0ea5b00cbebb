"""What scorers that need the model of the run look at, and how they ask for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vectorlab.catalogue import in_file_of
from vectorlab.domain.scores.scores import Score
from vectorlab.evals.forced import ForcedPassage, Reading

TokenIds = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ModelItem:
    """One generation as token ids."""

    place: int  # of the prompt in the run
    arm: int | None  # None: the arm leaves the model as it is
    prompt_ids: TokenIds  # with what the arm puts before the prompt
    plain_ids: TokenIds  # the prompt alone
    own: TokenIds  # the text
    baseline: TokenIds | None  # None: the run has no baseline
    reference: TokenIds | None  # None: the prompt has no target

    def steered(self, text_ids: TokenIds) -> ForcedPassage:
        """A text behind the arm's prompt, read as the arm steers."""
        return ForcedPassage(
            place=self.place, prompt_ids=self.prompt_ids, text_ids=text_ids, arm=self.arm
        )

    def unsteered(self, text_ids: TokenIds) -> ForcedPassage:
        """A text behind the plain prompt, read by the model as it is."""
        return ForcedPassage(
            place=self.place, prompt_ids=self.plain_ids, text_ids=text_ids, arm=None
        )

    def text_ids(self, which: str) -> TokenIds | Score:
        """The tokens of the own, the baseline or the reference text, or why there are none."""
        ids: TokenIds | None = getattr(self, which)
        if ids is None:
            reasons = {
                "baseline": "the run has no baseline arm",
                "reference": "no reference text: the prompt has no target",
            }
            return Score.missing(reasons[which])
        return ids or Score.missing(f"the {which} text has no tokens")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Passages to be read for one score."""

    passages: tuple[ForcedPassage, ...]
    compared: bool = False  # the first, steered, with the second, which is not


Readings = Mapping[ForcedPassage, Reading]
Encode = Callable[[str], TokenIds]  # an answer to token ids, without special tokens
Plan = Callable[..., Wish | Score]  # (item, encode, **options)
Conclude = Callable[[Wish, Readings], Score]


@dataclass(frozen=True, kw_only=True)
class ModelScorer:
    """How a scorer asks, and what it makes of the answer."""

    plan: Plan
    conclude: Conclude


def model_scorer(name: str) -> ModelScorer:
    """How a scorer of the catalogue reads with the model.

    Raises:
        CatalogueError: If its file is missing or holds no scorer that does.
    """
    return in_file_of(f"{__package__}.scorers.{name}", "SCORER", ModelScorer)
