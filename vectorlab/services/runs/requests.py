"""A request for a run, as it is made on the command line, in a notebook or on a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vectorlab.domain.models import Model
from vectorlab.domain.runs.runs import Prompt, RunSpec
from vectorlab.services.asking import JobOptions
from vectorlab.services.given import as_prompts, several
from vectorlab.services.runs import conversations
from vectorlab.services.runs.arms import (
    SweepOptions,
    Term,
    build_arms,
    usual_in_words,
    vectors_named,
)
from vectorlab.services.runs.text_options import TextOptions, run_spec
from vectorlab.services.vectors.belonging import check_belongs, model_of
from vectorlab.store.database import Database


@dataclass(frozen=True, kw_only=True)
class GenerationRequest(TextOptions):
    """Prompts under the baseline, under vectors and strengths, and under arms written out.

    Attributes:
        model: Registered model; None for that of the vectors, without any that of the run gone on
            from, or the bundled one.
        other_model: The model may be another than the vectors' own, of its depth and width.
        prompts: Texts, used as they are.
        vectors: Names, ids or hash prefixes.
        strengths: One arm per vector and strength, beside the baseline; without any, each vector
            has its usual strength.
        arms: Further arms written out, ``"a:0.1,b:0.2"``, or their terms; what they do not say is
            taken from ``sweep``.
        sweep: Operator, site, positions, layers, schedule, and whether the vectors act together.
        samples: Texts per prompt and arm.
    """

    model: str | None = None
    other_model: bool = False
    prompts: Sequence[str | Prompt] = ()
    vectors: Sequence[str] = ()
    strengths: Sequence[float] = ()
    arms: Sequence[str | Sequence[Term]] = ()
    sweep: SweepOptions = field(default_factory=SweepOptions)
    samples: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompts", as_prompts(self.prompts))
        for name in ("vectors", "strengths", "arms"):
            object.__setattr__(self, name, several(getattr(self, name)))

    def vectors_named(self, db: Database) -> list[str]:
        """Every vector that is applied or read."""
        return vectors_named(db, self.vectors, self.sweep, self.arms)

    def model_of(self, db: Database, look_up: Callable[[str], Model]) -> Model:
        """The model that the request runs on; see ``services.vectors.belonging.model_of``.

        Without vectors it is the one that said what the request goes on from.
        """
        vectors, named = self.vectors_named(db), self.model
        if named is None and self.after is not None and not vectors:
            named = conversations.run_of(db, self.after).model_name
        return model_of(
            db,
            vectors,
            named=named,
            other_model=self.other_model,
            look_up=look_up,
        )

    def usual_in_words(self, db: Database) -> list[str]:
        """A sentence for every vector whose layers were chosen because none were named."""
        return usual_in_words(db, self.vectors, self.sweep, self.arms)

    def spec(self, db: Database, model: Model) -> RunSpec:
        """What a worker is asked for.

        Raises:
            NotFoundError: If a vector, or a run to go on from, does not exist.
            InputError: If an arm cannot be read, a vector belongs to another model and that is not
                meant, the model has no chat template for a chat, or there is no text to go on from.
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
        return run_spec(db, self, model, as_prompts(self.prompts), arms=arms, samples=self.samples)


@dataclass(frozen=True, kw_only=True)
class RunOptions(JobOptions):
    """What the prompts of a run are taken from, and what it is kept as.

    Attributes:
        prompt_set: ``name@version`` whose sources are further prompts, their targets the
            references.
        name: Of the run.
    """

    prompt_set: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class WantedRun(GenerationRequest, RunOptions):
    """A run that is wanted: found where an equal one is stored, or made.

    Attributes:
        compiled: Run the decoding steps as a compiled graph where that can be done.
    """

    compiled: bool = False
