"""A request for a run, as it is made on the command line, in a notebook or on a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vectorlab.domain.models import Model
from vectorlab.domain.runs.runs import Prompt, RunSpec
from vectorlab.services.runs.arms import SweepOptions, Term, build_arms, vectors_named
from vectorlab.services.runs.text_options import TextOptions, run_spec
from vectorlab.services.vectors.belonging import check_belongs, model_of
from vectorlab.store.database import Database


@dataclass(frozen=True, kw_only=True)
class GenerationRequest(TextOptions):
    """Prompts under the baseline, under vectors and strengths, and under arms written out."""

    model: str | None = None  # name; None for the model of the vectors
    other_model: bool = False  # the model may be another than the vectors' own
    prompts: tuple[Prompt, ...]
    vectors: tuple[str, ...] = ()  # names, ids or hash prefixes
    strengths: tuple[float, ...] = ()  # each an arm, or several, with every vector
    arms: tuple[str | Sequence[Term], ...] = ()  # as ``services.runs.arms`` reads them
    sweep: SweepOptions = field(default_factory=SweepOptions)
    samples: int = 1  # texts per prompt and arm

    def vectors_named(self, db: Database) -> list[str]:
        """Every vector that is applied or read."""
        return vectors_named(db, self.vectors, self.sweep, self.arms)

    def model_of(self, db: Database, look_up: Callable[[str], Model]) -> Model:
        """The model that the request runs on; see ``services.vectors.belonging.model_of``."""
        return model_of(
            db,
            self.vectors_named(db),
            named=self.model,
            other_model=self.other_model,
            look_up=look_up,
        )

    def spec(self, db: Database, model: Model) -> RunSpec:
        """What a worker is asked for.

        Raises:
            NotFoundError: If a vector does not exist.
            InputError: If an arm cannot be read, a vector belongs to another model and that is not
                meant, or the model has no chat template for a chat.
            ShapeError: If a vector does not fit the model.
        """
        check_belongs(db, model, self.vectors_named(db), other_model=self.other_model)
        arms = build_arms(
            db,
            model=model,
            references=self.vectors,
            strengths=self.strengths,
            options=self.sweep,
            written=self.arms,
        )
        return run_spec(self, model, self.prompts, arms=arms, samples=self.samples)
