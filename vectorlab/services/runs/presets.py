"""What somebody may try at once: a vector of an example, a prompt of its kind and a strength."""

from dataclasses import dataclass

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.published import Experiment
from vectorlab.domain.sets.versions import SetVersion
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.services.runs.arms import Term
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.sets import examples
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import comparison
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One that can be run as it is."""

    experiment: Experiment
    prompt: str
    vector: SteeringVector
    expected: str | None  # what the vector wrote there at this strength; None: never asked

    @property
    def strength(self) -> float:
        """The one above the published one, at which the examples are shown too."""
        return self.experiment.higher

    @property
    def request(self) -> GenerationRequest:
        """The prompt with and without the vector, greedily."""
        return GenerationRequest(
            model=self.vector.model_name,
            prompts=(self.prompt,),
            arms=((Term(vector=self.vector.name, strength=self.strength),),),
            decoding=self.experiment.greedy,
        )


def presets(db: Database) -> list[Preset]:
    """One for every example that a vector of the store was made of, whatever it is called.

    Of several vectors the first that was made. Examples that do not turn the bundled model, which
    is what new people have, are left out.
    """
    contents = _contents()
    with db.read() as tx:
        first = vectors.first_of_contents(tx, list(contents), Operator.ROTATE)
        return [
            _preset(tx, experiment, experiment.prompt, vectors.vector_by_id(tx, first[content]))
            for content, experiment in contents.items()
            if content in first and experiment.prompt is not None
        ]


def _preset(tx: Transaction, experiment: Experiment, prompt: str, vector: SteeringVector) -> Preset:
    expected = comparison.steered_text(
        tx, prompt=prompt, vector_id=vector.id, strength=experiment.higher
    )
    return Preset(experiment=experiment, prompt=prompt, vector=vector, expected=expected)


def example_version(db: Database) -> SetVersion | None:
    """A version with the demonstrations of an example, in the same order; None without one."""
    with db.read() as tx:
        found = (sets.version_by_content(tx, content) for content in _contents())
        return next((version for version in found if version is not None), None)


def _contents() -> dict[str, Experiment]:
    """Examples by their content, the last of their list first: its effect is seen at a glance."""
    return dict(reversed(examples.by_content().items()))
