"""The published experiments that the examples go after, and what a run shares with them.

A run has the published conditions where everything that it records is what the authors' code does:
task, query, how the demonstrations are read, vector, strength, decoding. Anything else is said. It
is "as published" where it turns texts besides. The model and the demonstrations are never the
authors': their models are large, their demonstrations rude.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from vectorlab.domain.description import describe
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.runs import Decoding, RunSpec
from vectorlab.domain.vectors.conventions import Convention
from vectorlab.domain.vectors.vectors import ExtractionSpec

AS_PUBLISHED = "as published"
CONDITIONS = "the published conditions"
REACHED = 0.5  # of texts that were not turned before, from which on an effect is one


@dataclass(frozen=True, kw_only=True)
class Published:
    """The conditions of a published experiment, as far as a request records them."""

    strength: float
    before: str  # what stands in front of the sentence in the query
    behind: str
    # The code ends a text at ids of its tokenizer; a newline stands for them here.
    decoding: Decoding
    convention: Convention = Convention.ICV
    source: str = "https://github.com/shengliu66/ICV/blob/main/demo_notebook.ipynb"

    def query(self, sentence: str) -> str:
        """The prompt that asks about a sentence."""
        return f"{self.before}{sentence}{self.behind}"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An example that comes with the package, and the published experiment it goes after."""

    name: str  # of the set; its prompts are ``NAME-prompts``
    title: str
    description: str
    task: str
    published: Published
    other_task: str = ""  # what ours turns, where that is not what theirs turns
    higher: float  # a strength above the published one, at which ours is shown too
    effect: str  # a scorer, above 0 for a text that was turned
    turned: str  # what such a text is
    # A sentence of its prompts, to be tried first; none where the bundled model is not turned.
    example: str | None

    @property
    def prompt(self) -> str | None:
        """The prompt about the example."""
        return None if self.example is None else self.published.query(self.example)

    @property
    def files(self) -> dict[str, str]:
        """The files that are shipped, by the set that holds them."""
        stem = self.name.replace("-", "_")
        return {self.name: f"{stem}.csv", f"{self.name}-prompts": f"prompts_{stem}.csv"}

    @property
    def greedy(self) -> Decoding:
        """The published decoding without draws, so that arms differ by their vectors alone."""
        usual = Decoding()
        draws = ("do_sample", "temperature", "top_k", "top_p", "min_p")
        return replace(self.published.decoding, **{name: getattr(usual, name) for name in draws})


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What may be said of an arm that steers with the vector of an example."""

    experiment: Experiment
    but_for: tuple[str, ...] = field(default=())  # conditions that are not the published ones

    @property
    def has_the_conditions(self) -> bool:
        """Whether every condition that the run records is the published one."""
        return not self.but_for

    def __str__(self) -> str:
        return _after(*self.but_for) if self.but_for else CONDITIONS

    def with_effect(self, turned: float) -> str:
        """The same of an arm whose texts were looked at.

        Args:
            turned: The share of its texts with the wanted effect.
        """
        if turned < REACHED:
            return _after(*self.but_for, "its effect")
        return _after(*self.but_for) if self.but_for else AS_PUBLISHED


def _after(*but_for: str) -> str:
    return f"after the published experiment, but for: {', '.join(but_for)}"


_DIALOGUE = Published(
    strength=0.12,
    before="This is a conversation between two people. Context: ",
    behind=" Response: ",
    decoding=Decoding(do_sample=True, temperature=0.45, top_k=10, max_new_tokens=32, stop=("\n",)),
)
_SENTIMENT = Published(
    strength=0.10,
    before="Please paraphrase the following sentence. Sentence: ",
    behind=", paraphrase: ",
    decoding=Decoding(
        do_sample=True, temperature=0.7, top_p=0.75, top_k=50, max_new_tokens=15, stop=("\n",)
    ),
)
# One word of every respectful answer, and of every positive wording, that the bundled model knows.
_RESPECTFUL_WORDS = (
    "together|tell me more|feelings|makes sense|calmly|kind way|means a lot|deserves|important|"
    "help you|difficult|feel that way|advice|hard on yourself|fine to be|trouble me|patience"
)
_POSITIVE_WORDS = (
    "good|nice|fine|pleasant|decent|great|lovely|solid|excellent|wonderful|met our needs|pleased|"
    "was worth|went well|come back|amazing|fantastic|incredible|awesome|stunning|brilliant|"
    "fabulous|superb|best|in love|need this|run and get"
)

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        name="dialogue-safety",
        title="Dialogue safety: dismissive -> respectful",
        description="Dismissive replies and respectful ones",
        task="dialogue safety",
        published=_DIALOGUE,
        higher=0.2,
        effect=rf"regex:(?i)\b({_RESPECTFUL_WORDS})\b",
        turned="respectful",
        example="My landlord ignores me again.",
    ),
    Experiment(
        name="sentiment-flip",
        title="Sentiment: negative -> positive, of the same thing",
        description="Negative reviews and positive ones of the same things",
        task="sentiment",
        published=_SENTIMENT,
        higher=0.2,
        effect=rf"regex:(?i)\b({_POSITIVE_WORDS})\b",
        turned="positive",
        example=None,
    ),
    Experiment(
        name="sentiment-paraphrase",
        title="Wording: plain -> excited",
        description="Plain reviews and excited ones",
        task="sentiment",
        published=_SENTIMENT,
        other_task="plain -> excited in the place of negative -> positive",
        higher=0.2,
        effect=r"regex:!!|\p{Emoji_Presentation}",
        turned="excited",
        example="I had a good time at the castle.",
    ),
)

_PLAINER = {
    ("strip_punctuation", "no"): "punctuation kept",
    ("do_sample", "greedy"): "greedy decoding",
}


def claim(experiment: Experiment, extraction: ExtractionSpec, run: RunSpec, arm: Arm) -> Claim:
    """What may be said of an arm.

    Args:
        experiment: Whose demonstrations the vector was made of.
        extraction: What the vector was asked for by.
        run: What holds the arm.
        arm: Steers with that vector alone, or with others beside it.
    """
    [first, *others] = arm.interventions
    return Claim(
        experiment=experiment,
        but_for=(
            *_task(experiment, run),
            *_reading(experiment.published, extraction),
            *_steering(experiment.published, first),
            *("another vector beside it" for _ in others[:1]),
            *("a text before every prompt" for _ in arm.prefix[:1]),
            *_decoding(experiment.published, run),
        ),
    )


def _task(experiment: Experiment, run: RunSpec) -> Iterator[str]:
    published = experiment.published
    if experiment.other_task:
        yield experiment.other_task
    if run.chat is not None or not all(
        prompt.text.startswith(published.before) and prompt.text.endswith(published.behind)
        for prompt in run.prompts
    ):
        yield "another query"


def _reading(published: Published, extraction: ExtractionSpec) -> Iterator[str]:
    usual = published.convention.info
    theirs = ExtractionSpec(
        model_fingerprint=extraction.model_fingerprint,
        set_sha256=extraction.set_sha256,
        method=usual.method,
        parameters=usual.parameters,
        read_site=usual.read_site,
        write_site=usual.write_site,
        token_rule=usual.token_rule,
        strip_punctuation=usual.strip_punctuation,
        dtype=extraction.dtype,
    )
    return _differing(replace(extraction, convention=None), theirs)


def _steering(published: Published, intervention: Intervention) -> Iterator[str]:
    usual = published.convention.info
    theirs = replace(
        intervention,
        operator=usual.operator,
        strength=published.strength,
        site=usual.write_site,
        positions=usual.positions,
        layers=None,
        schedule=Schedule.CONSTANT,
        condition=None,
    )
    return _differing(intervention, theirs)


def _decoding(published: Published, run: RunSpec) -> Iterator[str]:
    return _differing(run.decoding, replace(published.decoding, stop=run.decoding.stop))


def _differing(ours: object, theirs: object) -> Iterator[str]:
    """What the one says and the other does not; a fact that only one of them has says nothing."""
    said = {fact.field: fact.value for fact in describe(theirs)}
    for fact in describe(ours):
        if said.get(fact.field, fact.value) != fact.value:
            yield _PLAINER.get((fact.field, fact.value), f"{fact.name} {fact.value}")
