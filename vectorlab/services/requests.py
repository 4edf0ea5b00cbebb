"""A request for a run, as it is made on the command line, in a notebook or on a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vectorlab.domain.models import Model
from vectorlab.domain.runs import Prompt, RunSpec
from vectorlab.services.arms import SweepOptions, Term, build_arms
from vectorlab.services.text_options import TextOptions, run_spec
from vectorlab.store.database import Database

BUNDLED_MODEL = "tiny"


@dataclass(frozen=True, kw_only=True)
class GenerationRequest(TextOptions):
    """Prompts under the baseline, under vectors and strengths, and under arms written out."""

    model: str = BUNDLED_MODEL  # name
    prompts: tuple[Prompt, ...]
    vectors: tuple[str, ...] = ()  # names, ids or hash prefixes
    strengths: tuple[float, ...] = ()  # each an arm, or several, with every vector
    arms: tuple[str | Sequence[Term], ...] = ()  # as ``services.arms`` reads them
    sweep: SweepOptions = field(default_factory=SweepOptions)
    samples: int = 1  # texts per prompt and arm

    def spec(self, db: Database, model: Model) -> RunSpec:
        """What a worker is asked for.

        Raises:
            NotFoundError: If a vector does not exist.
            InputError: If an arm cannot be read, or the model has no chat template for a chat.
            ShapeError: If a vector does not fit the model.
        """
        arms = build_arms(
            db,
            model=model,
            references=self.vectors,
            strengths=self.strengths,
            options=self.sweep,
            written=self.arms,
        )
        return run_spec(self, model, self.prompts, arms=arms, samples=self.samples)
