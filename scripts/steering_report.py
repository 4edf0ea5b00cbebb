"""Write the report of the bundled model steered: `make steering-report`.

Both experiments of the in-context-vector paper, each with every baseline: the unsteered model,
random directions of the same norms, a vector of the same texts with their sides drawn by lot, and
the demonstrations in the prompt. Strengths are calibrated on prompts of the validation split;
everything in the report is measured on prompts of the test split, whose remarks and reviews the
model was not trained on. It is a page like any other that `vectorlab runs report` writes.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.train_tiny import cases, dialogues
from scripts.train_tiny.laboratory import demonstrations
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.lab import Lab
from vectorlab.services import documents
from vectorlab.services.runs import report
from vectorlab.services.vectors import calibrations

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reports"
PROMPTS = 64  # of each split
RANDOM, SHUFFLED = 2, 1
BUDGET = "kl<=0.1"
SCORERS = ("kl", "perplexity", "distinct", "length", "sentiment", "chrf")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One of the original experiments."""

    name: str
    published: float  # the strength of the original notebook
    effect: str  # the scorer that says whether a text has the wanted style
    template: str  # of a demonstration in the prompt
    decoding: Decoding


def experiments() -> tuple[Experiment, ...]:
    """Both, with the prompts and lengths of the original notebook."""
    kind = "|".join(sorted(dialogues.MARKERS["respectful"])[:16])
    return (
        Experiment(
            name="dialogue-safety",
            published=0.12,
            effect=rf"regex:(?i)\b({kind})\b",
            template=dialogues.query("{source}") + " {target}\n",
            decoding=Decoding(max_new_tokens=32, stop=("\n",)),
        ),
        Experiment(
            name="sentiment-paraphrase",
            published=0.10,
            effect=r"regex:!!|\p{Emoji_Presentation}",
            template="Please paraphrase the following sentence. Sentence: {source}, paraphrase: "
            "{target}\n",
            decoding=Decoding(max_new_tokens=15, stop=("\n",)),
        ),
    )


def main() -> None:
    """Compute what the store does not hold yet, and write both pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="SQLite file to keep; default: a temporary one")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or str(Path(folder) / "report.db")
        lab = Lab(f"sqlite:///{Path(store).absolute()}", device="cpu")
        references = [_experiment(lab, item, arguments.prompts) for item in experiments()]
        title = "The bundled model steered: two experiments against every baseline"
        blocks = report.run_report(lab.db, references, count=lab.runs.count_tokens, title=title)
        arguments.out.mkdir(parents=True, exist_ok=True)
        for ending in ("html", "md"):
            written = documents.write_document(blocks, arguments.out / f"tiny.{ending}")
            print(*written, sep="\n")
        lab.db.dispose()


def _experiment(lab: Lab, item: Experiment, count: int) -> str:
    """Extract, calibrate, sweep and score; returns the run."""
    stem = item.name.replace("-", "_")
    lab.sets.commit(item.name, demonstrations(stem), message="As in the demo")
    ask = cases.dialogue_cases if stem.startswith("dialogue") else cases.paraphrase_cases
    for split in ("validation", "test"):
        pairs = [
            Demonstration(source=case.prompt, target=case.reference) for case in ask(split, count)
        ]
        lab.sets.commit(f"{item.name}-{split}", pairs, message=f"Prompts of the {split} split")
    vector = lab.vectors.extract(set=f"{item.name}@1", name=item.name)
    found = lab.vectors.calibrate(
        item.name,
        effect=item.effect,
        damage=BUDGET,
        prompt_set=f"{item.name}-validation@1",
        decoding=item.decoding,
        layers=calibrations.layer_choices(vector.n_layers)[:3],  # all, and the halves
    )
    [unit] = {
        round(one["strength"], 4) for one in found.evidence["candidates"] if one["layers"] is None
    }
    view = lab.runs.sweep(
        vectors=item.name,
        strengths=sorted({item.published, 0.2, unit}),
        prompt_set=f"{item.name}-test@1",
        random=RANDOM,
        shuffled=SHUFFLED,
        in_context=f"{item.name}@1",
        template=item.template,
        decoding=item.decoding,
        name=item.name,
    )
    view.score(item.effect, *SCORERS)
    return str(view.id)


if __name__ == "__main__":
    main()
