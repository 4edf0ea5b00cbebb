"""Options that several commands have, each defined once, and what they mean together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vectorlab.cli.groups import OptionGroup
from vectorlab.cli.runs.decoding_options import check_draws
from vectorlab.domain.defaults import DEFAULT_QUEUE, PRIORITY_BATCH, PRIORITY_INTERACTIVE
from vectorlab.domain.interventions.operators import AVERAGED, Combine, Operator
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.vectors.places import Site

if TYPE_CHECKING:
    from vectorlab.domain.interventions.layer_ranges import LayerChoice

_UNITS = "; ".join(f"{operator}: {operator.info.unit}" for operator in Operator)


def reference_to(thing: str, *, metavar: str = "NAME|ID|HASH") -> Any:
    """An argument that names one thing of the store.

    Args:
        thing: What it is, with its article: ``"the vector"``.
        metavar: What stands for it in the usage line.
    """
    what = thing[0].upper() + thing[1:]
    return typer.Argument(
        metavar=metavar, help=f"{what}, by its name, its id or the beginning of its hash."
    )


def name_for(thing: str, *, default: str = "") -> Any:
    """An option for the name of what a command makes.

    Args:
        thing: What it is: ``"new vector"``.
        default: The name without the option, where there is one.
    """
    words = f"Name for the {thing}, by which other commands find it."
    return typer.Option(help=f"{words} Default: {default}." if default else words)


def settings_of_method(example: str) -> Any:
    """An option for the numbers of a method, one of which is the example."""
    return typer.Option(
        metavar="NAME=NUMBER",
        help=f"A setting of the method as NAME=NUMBER, such as {example}; repeat for several.",
    )


# What a command is about.
VectorReference = Annotated[str, reference_to("the vector")]
RunReference = Annotated[str, reference_to("the generation run", metavar="ID|NAME|HASH")]
RunReferences = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="One or more generation runs, each by its id, its name or the beginning of its hash.",
    ),
]
SetName = Annotated[str, typer.Argument(help="Name of the set, without a version: upbeat.")]
NewSetName = Annotated[
    str, typer.Argument(help="Name for the new set: letters, digits, '.', '-' and '_'.")
]
VersionReference = Annotated[
    str,
    typer.Argument(
        metavar="NAME[@VERSION]",
        help="Version of a set: upbeat or upbeat@latest for the newest, upbeat@2 by its number, "
        "upbeat@published by a tag.",
    ),
]
# The sets that a command reads and makes.
PairsOption = Annotated[
    str,
    typer.Option(
        "--set",
        metavar="NAME@V",
        help="Version of a set whose pairs are used: upbeat, upbeat@latest or upbeat@3.",
    ),
]
NextVersionOption = Annotated[
    str,
    typer.Option("--set", help="Set that gets the next version; it is created if there is none."),
]

# Restrictions of lists.
OfModelOption = Annotated[
    str | None,
    typer.Option(help="Only what belongs to this model, given by name, id or fingerprint."),
]
LimitOption = Annotated[int, typer.Option(help="Show at most this many, the newest first.")]

# How versions of sets are stored.
MessageOption = Annotated[
    str | None,
    typer.Option(
        "--message",
        "-m",
        help="Why this version is made, kept with it. Default: a sentence that names where it came "
        "from.",
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Store nothing if the checks of the texts find anything, such as duplicates.",
    ),
]

# What runs, on what.
ModelOption = Annotated[
    str,
    typer.Option(help="Registered model, by name, id or fingerprint; vectorlab models list."),
]
RunModelOption = Annotated[
    str | None,
    typer.Option(
        help="Registered model, by name, id or fingerprint. Default: the model of the vectors; "
        "without vectors, tiny."
    ),
]
OtherModelOption = Annotated[
    bool,
    typer.Option(
        "--other-model",
        help="Let --model be another model than the vectors were made on; its depth and width must "
        "be the same.",
    ),
]
VectorsHelp = (
    "Vector to steer with, by name, id or the beginning of its hash; repeat for several, each "
    "in arms of its own."
)
PromptOption = Annotated[
    list[str] | None,
    typer.Option(help="A prompt, given to the model exactly as written; repeat for several."),
]
PromptsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME@V",
        help="Version of a set, such as reviews@2: its sources are the prompts, its targets the "
        "texts that scorers compare with.",
    ),
]
StrengthHelp = (
    "How strongly vectors act: one or more numbers, such as 0 0.05 0.1, an arm each; 0 is the "
    f"unsteered baseline. Unit by operator: {_UNITS}."
)
_ALL_AT_ONE = ", ".join(item for item in Operator if item.info.adds_up)
_USUAL_LAYERS = (
    f"all that the vector has; under {_ALL_AT_ONE}, whose layers add up, the one that separates "
    "best; or as its convention does."
)
LayersOption = Annotated[
    str | None,
    typer.Option(help=f"Layers to steer, such as 0-3,7, or all. Default: {_USUAL_LAYERS}"),
]
ChoicesOfLayersOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Layers to steer, such as 0-3,7, or all; repeat to try several choices. Default: "
        + _USUAL_LAYERS
    ),
]

# How vectors act.
OperatorOption = Annotated[
    Operator | None,
    typer.Option(help="How the vector changes a state. Default: the operator stored with it."),
]
SiteOption = Annotated[
    Site | None,
    typer.Option(
        help="Place in a block where the vector acts. Default: the write site stored with it."
    ),
]
_POSITIONS = (
    "Tokens that are steered: all, prompt, response (the generated ones); a window prompt:first=4, "
    "prompt:last=2, response:8-15 (from 0, ends included) or response:8-; prompt:last=1+response "
    "(from the prompt's last token on); with +tokens=5,17 or +except=5 (token ids) or +skip_bos; "
    "response+thinking or response+answer by the model's thinking markers. Example: "
    "prompt:last=8+except=13."
)
PositionsOption = Annotated[str, typer.Option(help=_POSITIONS)]
UsualPositionsOption = Annotated[
    str | None,
    typer.Option(help=f"{_POSITIONS} Default: all, or as the vector's convention does."),
]
ScheduleOption = Annotated[
    str,
    typer.Option(
        help="How strength changes as a text grows: constant; first:8 (0 after 8 tokens); "
        "linear:0:1:16 or cosine:1:0.5:50 (a factor from, to, over so many generated tokens; the "
        "prompt has the first)."
    ),
]
WhenOption = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help='Steer only prompts that meet a condition: "VECTOR@LAYER cosine > 0.2", also with '
        'projection or <, perhaps "over prompt:last=1" and "at mlp_output"; "search:3" for what '
        '`vectors threshold` found. "over response:last=4" is measured on the newest tokens of the '
        "text, and steers only where it holds.",
    ),
]
ArmOption = Annotated[
    list[str] | None,
    typer.Option(
        help="An arm of several vectors, each with its strength: a:0.1,b:0.2; a vector may "
        "say more: a:0.1:layers=0-3,7:positions=prompt:last=2:schedule=first:8:operator=add"
        ":site=block_output:when=b@4 cosine > 0.2. Repeat for more arms."
    ),
]
CombineOption = Annotated[
    Combine,
    typer.Option(
        help=f"How the pushes of several {AVERAGED} vectors in one arm add up: mean divides by "
        "their number, as ICV does; sum does not."
    ),
]
CalibratedOption = Annotated[
    bool,
    typer.Option(
        "--calibrated",
        help="Count strengths in each vector's calibrated strength, which `vectors calibrate` "
        "finds: 1 is that strength.",
    ),
]

# How prompts are read and texts are written.
MaxNewTokensOption = Annotated[
    int, typer.Option(help="Generate at most this many tokens per text.")
]
GreedyOption = Annotated[
    bool,
    typer.Option(
        "--greedy/--sample", help="Take the most likely token each time, or draw tokens at random."
    ),
]
TemperatureOption = Annotated[
    float,
    typer.Option(
        help="With --sample: temperature of the draws; below 1 likely tokens become likelier."
    ),
]
TopKOption = Annotated[
    int,
    typer.Option(help="With --sample: draw among this many of the likeliest tokens; 0: all."),
]
TopPOption = Annotated[
    float,
    typer.Option(
        help="With --sample: draw among the likeliest tokens that together reach this probability; "
        "1: all."
    ),
]
MinPOption = Annotated[
    float,
    typer.Option(
        help="With --sample: draw no token less likely than this share of the likeliest; 0: all."
    ),
]
StopOption = Annotated[
    list[str] | None,
    typer.Option(
        help=r"End a text in front of these characters; \n means a line break. Repeat for several."
    ),
]
KlOption = Annotated[
    bool,
    typer.Option(
        "--kl",
        help=f"Also measure {KL.REVERSE.formula} and the unsteered log-probability at every token.",
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(help="Number that all random draws follow from; the same gives the same draws."),
]
DtypeOption = Annotated[
    str,
    typer.Option(
        help="Number format of the weights: float32, bfloat16 or float16. Half precision halves "
        "their memory; on a processor without products in bfloat16 it is slower."
    ),
]
ChatOption = Annotated[
    bool,
    typer.Option("--chat", help="Put prompts into the model's chat template as the user's turn."),
]
SystemOption = Annotated[
    str | None,
    typer.Option(help="System prompt that stands before every prompt; implies --chat."),
]
AfterOption = Annotated[
    str | None,
    typer.Option(
        metavar="RUN[:ARM[:PROMPT[:SAMPLE]]]",
        help="Go on with the conversation that ends in a text of a run with --chat: 12:1 is that "
        "of arm 1 of run 12, 12:1:3 on its third prompt, 12:1:3:2 the second sample of that, and "
        "12:before is what was said before its prompts. What was said up to there stands before "
        "every prompt, its system prompt unless there is another. An arm goes by its label or its "
        "number from 0, which is mostly the baseline. Implies --chat; with neither --model nor "
        "vectors, the model of that run goes on.",
    ),
]
SpecialTokensOption = Annotated[
    bool,
    typer.Option(
        "--special-tokens/--no-special-tokens",
        help="Let the tokenizer add its own tokens, such as BOS, or leave them out. A chat "
        "template writes its own: with one the default is to leave them out.",
    ),
]

RunNameOption = Annotated[str | None, name_for("run")]

# How the work is done.
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Compute it again, even if an equal request has been computed."),
]
DetachOption = Annotated[
    bool,
    typer.Option(
        "--detach", help="Print the id of the job and return, without waiting for the result."
    ),
]
QueueOption = Annotated[
    str, typer.Option(help="Queue to put the job into; only workers of this queue take it.")
]


def priority_of(*, detach: bool) -> int:
    """A job that somebody waits for goes first."""
    return PRIORITY_BATCH if detach else PRIORITY_INTERACTIVE


@dataclass(frozen=True, kw_only=True)
class ModelGroup(OptionGroup):
    """What a request runs on."""

    model: RunModelOption = None
    other_model: OtherModelOption = False


@dataclass(frozen=True, kw_only=True)
class PromptGroup(OptionGroup):
    """What a model is given."""

    prompt: PromptOption = None
    prompts: PromptsOption = None

    def given(self) -> dict[str, Any]:
        """The prompts by the names that ``Lab`` has for them."""
        return {"prompts": self.prompt or [], "prompt_set": self.prompts}


@dataclass(frozen=True, kw_only=True)
class VectorGroup(OptionGroup):
    """How vectors act: operator, place, tokens, schedule and condition."""

    operator: OperatorOption = None
    site: SiteOption = None
    positions: UsualPositionsOption = None
    schedule: ScheduleOption = "constant"
    when: WhenOption = None

    def given(self) -> dict[str, Any]:
        """The fields of ``services.vectors.options.VectorOptions``.

        Raises:
            InputError: If positions or schedule cannot be read.
        """
        from vectorlab.domain.interventions.positions import Positions
        from vectorlab.domain.interventions.schedules import Schedule

        read = {
            "positions": None if self.positions is None else Positions.parse(self.positions),
            "schedule": Schedule.parse(self.schedule),
        }
        return super().given() | read


@dataclass(frozen=True, kw_only=True)
class ArmGroup(OptionGroup):
    """How vectors of one arm share a layer, and what their strengths count in."""

    combine: CombineOption = Combine.MEAN
    calibrated: CalibratedOption = False


@dataclass(frozen=True, kw_only=True)
class TextGroup(OptionGroup):
    """How prompts are read and texts are written."""

    max_new_tokens: MaxNewTokensOption = 32
    greedy: GreedyOption = True
    temperature: TemperatureOption = 1.0
    top_k: TopKOption = 0
    top_p: TopPOption = 1.0
    min_p: MinPOption = 0.0
    stop: StopOption = None
    seed: SeedOption = 0
    special_tokens: SpecialTokensOption = True
    dtype: DtypeOption = "float32"
    chat: ChatOption = False
    system: SystemOption = None
    after: AfterOption = None

    def given(self) -> dict[str, Any]:
        """The fields of ``services.runs.text_options.TextOptions``.

        Raises:
            InputError: If one is out of range, or would do nothing.
        """
        from vectorlab.domain.runs.runs import Decoding

        return {
            "decoding": check_draws(Decoding(**self._decoding())),
            "seed": self.seed,
            "add_special_tokens": self.special_tokens,
            "dtype": self.dtype,
            "chat": self.chat,
            "system": self.system,
            "after": self.after,
        }

    def _decoding(self) -> dict[str, Any]:
        same = ("max_new_tokens", "temperature", "top_k", "top_p", "min_p")
        return {name: getattr(self, name) for name in same} | {
            "do_sample": not self.greedy,
            "stop": tuple(text.replace("\\n", "\n") for text in self.stop or []),
        }


@dataclass(frozen=True, kw_only=True)
class MeasuredTextGroup(TextGroup):
    """The same of texts that are kept, whose tokens can be measured."""

    kl: KlOption = False

    def _decoding(self) -> dict[str, Any]:
        return super()._decoding() | {"kl": self.kl}


@dataclass(frozen=True, kw_only=True)
class WorkGroup(OptionGroup):
    """How the work is done."""

    force: ForceOption = False
    detach: DetachOption = False
    queue: QueueOption = DEFAULT_QUEUE

    def given(self) -> dict[str, Any]:
        """As ``Lab`` takes them: what somebody waits for goes first."""
        return {
            "force": self.force,
            "priority": priority_of(detach=self.detach),
            "queue": self.queue,
        }


def layer_choices(texts: list[str] | None) -> "tuple[LayerChoice, ...]":
    """Choices of layers, each ``0-3,7`` or ``all``; without any, the usual ones."""
    from vectorlab.domain.interventions.layer_ranges import parse_choice

    return tuple(map(parse_choice, texts)) if texts else (None,)
