"""A request as people would type it: the command, and the lines of a notebook."""

import shlex
from dataclasses import dataclass, field

from vectorlab.domain.layers import spell_layers
from vectorlab.domain.models import Model
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Combine, Decoding, Prompt, RunSpec
from vectorlab.services.arms import SweepOptions, Term, build_arms, spell_arm
from vectorlab.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Request:
    """Prompts under the baseline and under arms that are written out."""

    model: str  # name
    prompts: tuple[str, ...]
    arms: tuple[tuple[Term, ...], ...] = ()
    options: SweepOptions = field(default_factory=SweepOptions)
    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0
    samples: int = 1

    def spec(self, db: Database, model: Model) -> RunSpec:
        """What a worker is asked for.

        Raises:
            NotFoundError: If a vector does not exist.
            InputError: If an arm cannot be read.
            ShapeError: If a vector does not fit the model.
        """
        return RunSpec(
            model_fingerprint=model.fingerprint,
            prompts=tuple(Prompt(text=text) for text in self.prompts),
            arms=build_arms(
                db,
                model=model,
                references=(),
                strengths=(),
                options=self.options,
                written=self.arms,
            ),
            decoding=self.decoding,
            seed=self.seed,
            samples=self.samples,
        )


def command(request: Request) -> str:
    """The command that asks for the same run, an option a line."""
    options, decoding = request.options, request.decoding
    words: list[tuple[str, ...]] = [("--model", request.model)]
    words += [("--prompt", text) for text in request.prompts]
    words += [("--arm", spell_arm(terms)) for terms in request.arms]
    if options.operator is not None:
        words.append(("--operator", options.operator.value))
    if options.site is not None:
        words.append(("--site", options.site.value))
    if options.positions != Positions.ALL:
        words.append(("--positions", str(options.positions)))
    if str(options.schedule) != "constant":
        words.append(("--schedule", str(options.schedule)))
    if options.layers is not None:
        words.append(("--layers", spell_layers(options.layers)))
    if options.combine is not Combine.MEAN:
        words.append(("--combine", options.combine.value))
    words.append(("--max-new-tokens", str(decoding.max_new_tokens)))
    if decoding.do_sample:
        words += [
            ("--sample",),
            ("--temperature", f"{decoding.temperature:g}"),
            ("--top-k", str(decoding.top_k)),
            ("--top-p", f"{decoding.top_p:g}"),
            ("--samples", str(request.samples)),
        ]
    words.append(("--seed", str(request.seed)))
    lines = [" ".join(map(shlex.quote, part)) for part in words]
    return " \\\n    ".join(["vectorlab runs generate", *lines])


def code(request: Request) -> str:
    """Python that asks for the same run."""
    options, decoding = request.options, request.decoding
    sweep = []
    if options.operator is not None:
        sweep.append(f"operator=Operator({options.operator.value!r})")
    if options.site is not None:
        sweep.append(f"site=Site({options.site.value!r})")
    if options.positions != Positions.ALL:
        sweep.append(f"positions=Positions.parse({str(options.positions)!r})")
    if str(options.schedule) != "constant":
        sweep.append(f"schedule=Schedule.parse({str(options.schedule)!r})")
    if options.layers is not None:
        sweep.append(f"layers={options.layers!r}")
    if options.combine is not Combine.MEAN:
        sweep.append(f"combine=Combine({options.combine.value!r})")
    how = [f"max_new_tokens={decoding.max_new_tokens}"]
    if decoding.do_sample:
        how += [
            "do_sample=True",
            f"temperature={decoding.temperature!r}",
            f"top_k={decoding.top_k}",
            f"top_p={decoding.top_p!r}",
        ]
    lines = [
        f"    model={request.model!r},",
        f"    prompts={list(request.prompts)!r},",
        f"    arms={[spell_arm(terms) for terms in request.arms]!r},",
        *([f"    sweep=SweepOptions({', '.join(sweep)}),"] if sweep else []),
        f"    decoding=Decoding({', '.join(how)}),",
        f"    seed={request.seed},",
        *([f"    samples={request.samples},"] if decoding.do_sample else []),
    ]
    names = {"SweepOptions": "vectorlab.services.arms"} if sweep else {}
    text = "\n".join(["run = lab.runs.generate(", *lines, ")", "run.to_frame()"])
    for name, module in (
        ("Decoding", "vectorlab.domain.runs"),
        ("Combine", "vectorlab.domain.runs"),
        ("Operator", "vectorlab.domain.runs"),
        ("Positions", "vectorlab.domain.positions"),
        ("Schedule", "vectorlab.domain.schedules"),
        ("Site", "vectorlab.domain.vectors"),
    ):
        if f"{name}(" in text or f"{name}." in text:
            names[name] = module
    imports = ["from vectorlab import Lab"]
    for module in sorted(set(names.values())):
        found = sorted(name for name, place in names.items() if place == module)
        imports.append(f"from {module} import {', '.join(found)}")
    return "\n".join([*imports, "", "lab = Lab()", text])
