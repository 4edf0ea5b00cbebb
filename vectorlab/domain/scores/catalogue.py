"""Catalogue of scorers: what the command line and the dashboard may know without torch.

What each computes is in the file of the same name in ``vectorlab.evals``; a test holds the two in
step. A higher version is another scorer: its scores stand beside the older ones.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.domain.scores.statistics import NOISE
from vectorlab.errors import InputError


class Needs(StrEnum):
    """What a scorer needs beside the text."""

    TEXT = "text"  # nothing: the text is enough
    MODEL = "model"  # the model of the run, which reads the text again
    PATH = "path"  # another model, from a directory
    ENDPOINT = "endpoint"  # a language model that is asked over HTTP
    VOTES = "votes"  # which of two texts people preferred


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a scorer."""

    name: str
    about: str
    kind: Callable[[str], Any] = str
    default: Any = None  # None: has to be given
    choices: tuple[str, ...] = ()
    optional: bool = False  # None is a value of its own


@dataclass(frozen=True, kw_only=True)
class ScorerInfo:
    """What a scorer says, in which unit, and from what."""

    name: str
    version: int = 1
    about: str
    needs: Needs = Needs.TEXT
    reads: tuple[str, ...] = ("text",)  # fields of ``TextItem`` that its value depends on
    higher: str = ""  # what a higher value means
    options: tuple[Option, ...] = ()  # the first may be written without its name
    source: str = ""
    lower_is_better: bool = False  # as a rule; pages and calibrations can be told otherwise
    is_yes_no: bool = False  # values are 0 and 1
    noise: float = NOISE  # of a value, in its unit: what other processors change
    chance: float | None = None  # what one comes to that does not know which is which


WHICH = Option(
    name="text",
    about="whose text: own (the arm's), baseline (the unsteered one of the same prompt), reference",
    default="own",
    choices=("own", "baseline", "reference"),
)


def _which(default: str) -> Option:
    return Option(name=WHICH.name, about=WHICH.about, default=default, choices=WHICH.choices)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return text.lower() == "true"


PROJECTION = "projection"  # the scorer that reads a vector of the store
SCORERS: dict[str, ScorerInfo] = {
    info.name: info
    for info in (
        ScorerInfo(
            name="length",
            about="how long the text is",
            reads=("text", "n_tokens"),
            higher="longer",
            options=(
                Option(
                    name="unit",
                    about="what is counted",
                    default="tokens",
                    choices=("tokens", "words", "characters"),
                ),
            ),
        ),
        ScorerInfo(
            name="mean_logprob",
            about="mean log-probability per token of the model that wrote it, as recorded",
            reads=("mean_logprob",),
            noise=2e-5,
            higher="surer of itself (nats per token)",
        ),
        ScorerInfo(
            name="repetition",
            about="share of n-grams of words that stood in the text before",
            higher="more repetitive, 0 to 1",
            lower_is_better=True,
            options=(Option(name="n", about="words per n-gram", kind=int, default=3),),
        ),
        ScorerInfo(
            name="distinct",
            about="different n-grams of words over all of them",
            higher="more varied, 0 to 1",
            options=(Option(name="n", about="words per n-gram", kind=int, default=2),),
            source="Li et al. 2016, https://arxiv.org/abs/1510.03055",
        ),
        ScorerInfo(
            name="exact",
            about="1 if the text is the reference, outer spaces aside, else 0",
            reads=("text", "reference"),
            is_yes_no=True,
            higher="the same",
            options=(Option(name="ignore_case", about="true or false", kind=_flag, default=False),),
        ),
        ScorerInfo(
            name="contains",
            about="1 if the text contains a string, else 0; without one, the reference",
            reads=("text", "reference"),
            is_yes_no=True,
            higher="contained",
            options=(
                Option(name="string", about="what to look for", optional=True),
                Option(name="ignore_case", about="true or false", kind=_flag, default=True),
            ),
        ),
        ScorerInfo(
            name="regex",
            about="1 if a regular expression matches somewhere in the text, else 0",
            is_yes_no=True,
            higher="matched",
            options=(Option(name="pattern", about="of the package regex"),),
        ),
        ScorerInfo(
            name="rouge",
            about="ROUGE F-measure against the reference",
            reads=("text", "reference"),
            higher="closer to the reference, 0 to 1",
            options=(
                Option(
                    name="kind",
                    about="n-grams or the longest common subsequence",
                    default="rougeL",
                    choices=("rouge1", "rouge2", "rougeL"),
                ),
            ),
            source="Lin 2004, https://aclanthology.org/W04-1013, by rouge-score",
        ),
        ScorerInfo(
            name="bleu",
            about="sentence BLEU against the reference",
            reads=("text", "reference"),
            higher="closer to the reference, 0 to 100",
            source="Papineni et al. 2002, https://aclanthology.org/P02-1040, by sacrebleu",
        ),
        ScorerInfo(
            name="chrf",
            about="character n-gram F-score against the reference",
            reads=("text", "reference"),
            higher="closer to the reference, 0 to 100",
            source="Popovic 2015, https://aclanthology.org/W15-3049, by sacrebleu",
        ),
        ScorerInfo(
            name="sentiment",
            about="compound polarity of English by the VADER lexicon",
            higher="more positive, -1 to 1",
            source="Hutto and Gilbert 2014, https://doi.org/10.1609/icwsm.v8i1.14550",
        ),
        ScorerInfo(
            name="embedding_similarity",
            about="cosine of sentence embeddings (extra embeddings)",
            needs=Needs.PATH,
            reads=("text", "prompt", "reference", "baseline"),
            higher="closer in meaning, -1 to 1",
            options=(
                Option(name="path", about="directory of a sentence-transformers model"),
                Option(
                    name="to",
                    about="what the text is compared with",
                    default="reference",
                    choices=("reference", "baseline", "prompt"),
                ),
            ),
            source="Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084",
        ),
        ScorerInfo(
            name="classifier",
            about="probability of a label by a local text-classification model",
            needs=Needs.PATH,
            higher="more likely to have the label, 0 to 1",
            options=(
                Option(name="path", about="directory of the model in transformers format"),
                Option(name="label", about="one of its labels, by name or number"),
            ),
        ),
        ScorerInfo(
            name="judge",
            about="what a language model behind an OpenAI-compatible endpoint says",
            needs=Needs.ENDPOINT,
            reads=("text", "prompt", "reference", "baseline"),
            higher="better to the judge, 0 to 1",
            options=(
                Option(name="question", about="what is asked about the text"),
                Option(name="model", about="the judge's name at the endpoint", default="default"),
                Option(name="url", about="base URL; default VECTORLAB_JUDGE_URL", optional=True),
                Option(name="scale", about="the best grade, counted from 0", kind=int, default=10),
                Option(name="timeout", about="seconds", kind=float, default=30.0),
            ),
        ),
        ScorerInfo(
            name="votes",
            about="share of the blind votes on the text that it won; a tie is half",
            needs=Needs.VOTES,
            reads=(),
            chance=0.5,
            higher="preferred more often, 0 to 1",
            options=(Option(name="question", about="only of this question", optional=True),),
        ),
        ScorerInfo(
            name="perplexity",
            about="how surprising a text is, behind its prompt: exp of the mean NLL per token",
            needs=Needs.MODEL,
            higher="more surprising, 1 and up",
            lower_is_better=True,
            options=(
                _which("own"),
                Option(
                    name="model",
                    about="which model reads it: without steering, or steered as the arm is",
                    default="unsteered",
                    choices=("unsteered", "steered"),
                ),
            ),
        ),
        *(
            ScorerInfo(
                name=direction.value,
                about=f"{direction.formula} of the next token, mean over the tokens of a text",
                needs=Needs.MODEL,
                noise=1e-5,
                higher=f"further from the unsteered model ({direction.unit})",
                lower_is_better=True,
                options=(_which("baseline"),),
            )
            for direction in KL
        ),
        ScorerInfo(
            name="logit_difference",
            about="log-probability of answer a minus that of answer b, right behind the prompt",
            needs=Needs.MODEL,
            noise=4e-5,
            chance=0.0,
            higher="a is likelier (nats)",
            options=(
                Option(name="a", about="an answer, with its leading space if it has one"),
                Option(name="b", about="the other answer"),
            ),
        ),
        ScorerInfo(
            name=PROJECTION,
            about="cosine of the text's states with a vector, mean over layers and tokens",
            needs=Needs.MODEL,
            noise=1e-6,
            higher="further along the vector, -1 to 1",
            options=(
                Option(name="vector", about="name, id or hash prefix"),
                Option(name="layer", about="this layer alone", kind=int, optional=True),
            ),
        ),
    )
}


def parse_scorer(text: str) -> ScorerSpec:
    """Read ``"kl"``, ``"contains:good"`` or ``"judge:question=Is it polite?:scale=5"``.

    Options follow the name behind colons; the first of a scorer may go without its own name.

    Raises:
        InputError: If the scorer or an option is unknown, wrong or missing.
    """
    name, _, rest = text.strip().partition(":")
    info = find_scorer(name)
    texts = _split(info, rest)
    options: dict[str, Any] = {}
    for option in info.options:
        if option.name in texts:
            options[option.name] = _value(info, option, texts[option.name])
        elif option.default is None and not option.optional:
            raise InputError(f"Scorer {name!r} needs {option.name}: {option.about}. {usage(info)}")
        else:
            options[option.name] = option.default
    parts = [
        f"{option.name}={_spelt(options[option.name])}"
        for option in info.options
        if options[option.name] != option.default
    ]
    first = info.options[0] if info.options else None
    if first is not None and options[first.name] != first.default:
        parts[0] = _spelt(options[first.name])  # as people write it
    return ScorerSpec(
        name=info.name, version=info.version, options=options, label=":".join([info.name, *parts])
    )


def find_scorer(name: str) -> ScorerInfo:
    """The catalogue entry.

    Raises:
        InputError: If there is none.
    """
    if name not in SCORERS:
        raise InputError(
            f"Scorer {name!r} is unknown. Known are {', '.join(sorted(SCORERS))}. "
            "See: vectorlab runs scorers"
        )
    return SCORERS[name]


def parse_smallest(text: str) -> tuple[str, float]:
    """Read ``"regex:!!>=0.1"``: a scorer's label and the smallest difference that is of interest.

    Raises:
        InputError: If it is no such condition.
    """
    name, sign, size = text.rpartition(">=")
    try:
        smallest = float(size)
    except ValueError:
        smallest = math.nan
    if not sign:
        smallest = math.nan
    if math.isnan(smallest):
        raise InputError(
            f"Smallest difference {text!r} is not understood. Write for example 'kl>=0.05'"
        )
    check_smallest(smallest)
    return parse_scorer(name).label, smallest


def check_smallest(size: float | None) -> float | None:
    """A smallest difference of interest, as it is.

    Raises:
        InputError: If it is not above 0.
    """
    if size is not None and not 0 < size < math.inf:
        raise InputError(f"The smallest difference of interest is {size:g}; it has to be above 0.")
    return size


def scale_of(label: str) -> tuple[bool, float]:
    """Whether scores filed under this label are 0 and 1, and up to where they are rounding."""
    info = SCORERS.get(label.partition(":")[0])
    return (False, NOISE) if info is None else (info.is_yes_no, info.noise)


def chance_of(label: str) -> float | None:
    """Chance level of the scores filed under this label, where there is one."""
    info = SCORERS.get(label.partition(":")[0])
    return None if info is None else info.chance


def lower_is_better(label: str) -> bool:
    """Whether less of the scores filed under this label is wanted, as a rule."""
    info = SCORERS.get(label.partition(":")[0])
    return info is not None and info.lower_is_better


def asks_an_endpoint(label: str) -> bool:
    """Whether scores filed under this label are answers of an endpoint."""
    info = SCORERS.get(label.partition(":")[0])
    return info is not None and info.needs is Needs.ENDPOINT


def usage(info: ScorerInfo) -> str:
    """How a scorer is written, with every option."""
    parts = [
        f"{option.name}={'VALUE' if option.default is None else option.default}"
        for option in info.options
    ]
    return f"Write {':'.join([info.name, *parts])}"


def _split(info: ScorerInfo, rest: str) -> dict[str, str]:
    if not rest:
        return {}
    if not info.options:
        raise InputError(f"Scorer {info.name!r} has no options, but {rest!r} was given.")
    names = "|".join(option.name for option in info.options)
    parts = re.split(rf":(?=(?:{names})=)", rest)
    texts: dict[str, str] = {}
    if not re.match(rf"(?:{names})=", parts[0]):
        texts[info.options[0].name] = parts.pop(0)
    for part in parts:
        name, _, value = part.partition("=")
        if name in texts:
            raise InputError(f"Option {name} of scorer {info.name!r} is given twice.")
        texts[name] = value
    return texts


def _value(info: ScorerInfo, option: Option, text: str) -> Any:
    try:
        value = option.kind(text)
    except ValueError as exc:
        raise InputError(
            f"{option.name}={text!r} of scorer {info.name!r} is not usable: {option.about}. "
            f"{usage(info)}"
        ) from exc
    if option.choices and value not in option.choices:
        raise InputError(
            f"{option.name}={text!r} of scorer {info.name!r} is unknown. Choose from "
            f"{', '.join(option.choices)}."
        )
    if (option.kind is int and value < 0) or (text == "" and not option.optional):
        raise InputError(f"{option.name}={text!r} of scorer {info.name!r} is not usable.")
    return value


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
