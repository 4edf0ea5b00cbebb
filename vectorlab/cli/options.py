"""Options that several commands have, each defined once, and what they mean together."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from vectorlab.cli.decoding_options import check_draws
from vectorlab.cli.groups import Group
from vectorlab.domain.jobs import DEFAULT_QUEUE, PRIORITY_BATCH, PRIORITY_INTERACTIVE
from vectorlab.domain.layers import parse_layers
from vectorlab.domain.operators import AVERAGED, Operator
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Combine, Decoding
from vectorlab.domain.schedules import Schedule
from vectorlab.domain.vectors import Site

_UNITS = "; ".join(f"{operator}: {operator.info.unit}" for operator in Operator)

ModelOption = Annotated[str, typer.Option(help="A registered model.")]
RunModelOption = Annotated[
    str | None,
    typer.Option(help="A registered model. Default: that of the vectors; without any, tiny."),
]
OtherModelOption = Annotated[
    bool,
    typer.Option(
        "--other-model",
        help="--model may be another than the vectors' own, if depth and width are the same.",
    ),
]
PromptOption = Annotated[list[str] | None, typer.Option(help="Used as it is; repeatable.")]
PromptsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME@V", help="A set version: its sources are prompts, its targets references."
    ),
]
StrengthHelp = f"One or more numbers, an arm each; 0 is the baseline. Unit by operator: {_UNITS}."

# How vectors act.
OperatorOption = Annotated[Operator | None, typer.Option(help="Default: the vector's own.")]
SiteOption = Annotated[Site | None, typer.Option(help="Default: the vector's write site.")]
PositionsOption = Annotated[
    str,
    typer.Option(
        help="Which tokens are steered: all, prompt, response (generated ones); windows "
        "prompt:first=4, prompt:last=2, response:8-15 (from 0, ends included), response:8-; "
        "chosen tokens +tokens=5,17 or +except=5 by id; +skip_bos; response+thinking or "
        "response+answer by the model's thinking markers. "
        "For example prompt:last=8+except=13 or all+skip_bos."
    ),
]
ScheduleOption = Annotated[
    str,
    typer.Option(
        help="Strength over the generated tokens: constant, first:8 (then 0), linear:0:1:16 or "
        "cosine:1:0.5:50 (a factor from, to, over so many tokens; the prompt has the first)."
    ),
]
WhenOption = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help='Steer only prompts that meet it: "VECTOR@LAYER cosine > 0.2", or projection, '
        'or <, perhaps "over prompt:last=1" and "at mlp_output"; "search:3" for what '
        '`vectors threshold` found. "over response:last=4" is measured on the newest tokens '
        "of the text, and steers only where it holds.",
    ),
]
ArmOption = Annotated[
    list[str] | None,
    typer.Option(
        help="An arm of several vectors, each with its strength: a:0.1,b:0.2; a vector may "
        "say more: a:0.1:layers=0-3,7:positions=prompt:last=2:schedule=first:8:operator=add"
        ":site=block_output:when=b@4 cosine > 0.2. Repeatable."
    ),
]
CombineOption = Annotated[
    Combine,
    typer.Option(help=f"Pushes of {AVERAGED} in one arm: divide by their number (ICV) or sum."),
]
CalibratedOption = Annotated[
    bool,
    typer.Option(
        "--calibrated",
        help="Strengths count in the vector's calibrated strength (vectors calibrate).",
    ),
]

# How prompts are read and texts are written.
MaxNewTokensOption = Annotated[int, typer.Option(help="Most tokens per text.")]
GreedyOption = Annotated[
    bool, typer.Option("--greedy/--sample", help="Most likely token, or draw (default greedy).")
]
TemperatureOption = Annotated[float, typer.Option(help="With --sample.")]
TopKOption = Annotated[int, typer.Option(help="With --sample; 0: no limit.")]
TopPOption = Annotated[float, typer.Option(help="With --sample; 1: no limit.")]
MinPOption = Annotated[
    float,
    typer.Option(
        help="With --sample: no token less likely than this share of the likeliest; 0: all."
    ),
]
StopOption = Annotated[list[str] | None, typer.Option(help=r"A text ends before it; \n works.")]
KlOption = Annotated[
    bool,
    typer.Option(
        "--kl",
        help="Also measure, at every token, the KL divergence and log-probability against "
        "the unsteered model.",
    ),
]
SeedOption = Annotated[int, typer.Option(help="The number that the draws follow from.")]
DtypeOption = Annotated[
    str,
    typer.Option(
        help="float32, bfloat16 or float16. Half precision halves the memory of the weights; on a "
        "processor without products in bfloat16 it is slower than float32, not faster."
    ),
]
ChatOption = Annotated[
    bool,
    typer.Option("--chat", help="Prompts are the user's turn in the model's chat template."),
]
SystemOption = Annotated[
    str | None, typer.Option(help="System prompt in front of them; implies --chat.")
]
SpecialTokensOption = Annotated[
    bool,
    typer.Option(
        "--special-tokens/--no-special-tokens",
        help="Let the tokenizer add its own tokens, such as BOS, or leave them out "
        "(default: added, except by a chat template, which writes its own).",
    ),
]

RunNameOption = Annotated[str | None, typer.Option(help="Name that the run gets.")]

# How the work is done.
ForceOption = Annotated[bool, typer.Option("--force", help="Do an equal request again.")]
DetachOption = Annotated[bool, typer.Option("--detach", help="Print the job id and return.")]
QueueOption = Annotated[str, typer.Option(help="Only workers of this queue take the job.")]


def priority_of(*, detach: bool) -> int:
    """A job that somebody waits for goes first."""
    return PRIORITY_BATCH if detach else PRIORITY_INTERACTIVE


@dataclass(frozen=True, kw_only=True)
class ModelGroup(Group):
    """What a request runs on."""

    model: RunModelOption = None
    other_model: OtherModelOption = False


@dataclass(frozen=True, kw_only=True)
class PromptGroup(Group):
    """What a model is given."""

    prompt: PromptOption = None
    prompts: PromptsOption = None

    def given(self) -> dict[str, Any]:
        """As ``Lab`` takes them."""
        return {"prompts": self.prompt or [], "prompt_set": self.prompts}


@dataclass(frozen=True, kw_only=True)
class VectorGroup(Group):
    """How vectors act."""

    operator: OperatorOption = None
    site: SiteOption = None
    positions: PositionsOption = "all"
    schedule: ScheduleOption = "constant"
    when: WhenOption = None

    def given(self) -> dict[str, Any]:
        """The fields of ``services.vector_options.VectorOptions``.

        Raises:
            InputError: If positions or schedule cannot be read.
        """
        read = {
            "positions": Positions.parse(self.positions),
            "schedule": Schedule.parse(self.schedule),
        }
        return super().given() | read


@dataclass(frozen=True, kw_only=True)
class ArmGroup(Group):
    """How vectors of one arm share a layer, and what their strengths count in."""

    combine: CombineOption = Combine.MEAN
    calibrated: CalibratedOption = False


@dataclass(frozen=True, kw_only=True)
class TextGroup(Group):
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

    def given(self) -> dict[str, Any]:
        """The fields of ``services.text_options.TextOptions``.

        Raises:
            InputError: If one is out of range, or would do nothing.
        """
        return {
            "decoding": check_draws(Decoding(**self._decoding())),
            "seed": self.seed,
            "add_special_tokens": self.special_tokens,
            "dtype": self.dtype,
            "chat": self.chat,
            "system": self.system,
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
class WorkGroup(Group):
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


def layer_choices(texts: list[str] | None) -> tuple[tuple[int, ...] | None, ...]:
    """Choices of layers, each ``0-3,7`` or ``all``; without any, all of them."""
    return tuple(None if text == "all" else parse_layers(text) for text in texts or ["all"])
