"""Two runs that differ in one field differ on every page, in ``runs show`` and in a report."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests import specs
from tests.store import builders
from tests.ui.filled_store import LAYERS, WIDTH, add_run, description
from tests.ui.test_pages import shown
from ui import markup
from vectorlab.cli.main import app
from vectorlab.domain.codec import fields_of
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.models import Model
from vectorlab.domain.runs.comparison import settings_of
from vectorlab.domain.runs.runs import Decoding, GenerationRun, Prompt, RunSpec
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.services import models
from vectorlab.services.database import Database
from vectorlab.services.runs import report, runs
from vectorlab.services.vectors import vectors

# A part of a run, and how it is put back.
PARTS: dict[type, tuple[Callable[[RunSpec], Any], Callable[[RunSpec, Any], RunSpec]]] = {
    RunSpec: (lambda spec: spec, lambda _, spec: spec),
    Decoding: (
        lambda spec: spec.decoding,
        lambda spec, decoding: replace(spec, decoding=decoding),
    ),
    Chat: (lambda spec: spec.chat, lambda spec, chat: replace(spec, chat=chat)),
    Arm: (
        lambda spec: spec.arms[1],
        lambda spec, arm: replace(spec, arms=(spec.arms[0], arm)),
    ),
    Intervention: (
        lambda spec: spec.arms[1].interventions[0],
        lambda spec, item: _with(spec, Arm, interventions=(item,)),
    ),
    Condition: (
        lambda spec: spec.arms[1].interventions[0].condition,
        lambda spec, condition: _with(spec, Intervention, condition=condition),
    ),
}


def _with(spec: RunSpec, kind: type, **changed: Any) -> RunSpec:
    part, put = PARTS[kind]
    return put(spec, replace(part(spec), **changed))


@dataclass
class Stored:
    """The run that others are held against, and the others by the field that differs."""

    db: Database
    first: GenerationRun
    others: dict[str, GenerationRun]

    def lines(self, other: GenerationRun) -> dict[str, tuple[str, ...]]:
        """What a comparison has to say, without what follows from other numbers of texts."""
        names = {**self.names(self.first), **self.names(other)}
        found = settings_of([self.first, other], names)
        return {item.name: item.values for item in found if item.differs and item.name != "batches"}

    def names(self, run: GenerationRun) -> dict[str, str]:
        return vectors.names_in(self.db, run.spec)


def whole(model: Model, vector: SteeringVector, other: SteeringVector) -> RunSpec:
    """A run in which no field is at its default."""
    spec = replace(
        specs.FULL_RUN,
        model_fingerprint=model.fingerprint,
        arms=(Arm(label="baseline"), replace(specs.FULL_ARM, interventions=())),
    )
    item = replace(specs.FULL_INTERVENTION, **_vector(vector))
    spec = _with(spec, Arm, interventions=(item,))
    return _with(spec, Condition, **_vector(other))


def _vector(vector: SteeringVector) -> dict[str, Any]:
    return {
        "vector_id": vector.id,
        "vector_sha256": vector.content_sha256,
        "vector_model": None,
    }


def changes(
    spec: RunSpec, model: Model, third: SteeringVector, theirs: SteeringVector
) -> Iterator[tuple[str, RunSpec]]:
    """The run with one field changed after the other, by class and name of the field.

    Args:
        spec: The run.
        model: Another one than its own.
        third: Another vector than its own.
        theirs: A vector of the other model.
    """
    for kind, (part, put) in PARTS.items():
        mine = part(spec)
        for field in fields_of(kind):
            if field.stored.row_id_of:
                continue
            match field.name:
                case "vector_sha256":
                    changed = _vector(third)
                case "vector_model":
                    changed = {**_vector(theirs), "vector_model": model.fingerprint}
                case "model_fingerprint":
                    own = {"vector_model": spec.model_fingerprint}
                    others = _with(_with(spec, Intervention, **own), Condition, **own)
                    changed = {"model_fingerprint": model.fingerprint, "arms": others.arms}
                case "dtype":
                    changed = {"dtype": "float16"}
                case name:
                    changed = {name: specs.another(getattr(mine, name), of=(kind, name))}
            yield f"{kind.__name__}.{field.name}", put(spec, replace(mine, **changed))
    texts = (Prompt(text="another"), *spec.prompts[1:])
    yield "Prompt.text", replace(spec, prompts=texts)


@pytest.fixture(scope="module")
def made(filled_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """The runs in a store that every test copies."""
    path = tmp_path_factory.mktemp("fields") / "store.db"
    shutil.copyfile(filled_template, path)
    db = Database.open(f"sqlite:///{path}")
    talks = replace(description(), weights_sha256="9" * 64)
    other_model = models.register(db, name="talks", description=talks, actor="ada")
    model, vector = models.get(db, "tiny"), vectors.get(db, "upbeat-icv")
    second, third = (
        vectors.combine(db, name=name, terms=[(factor, "upbeat-icv")], actor="ada")
        for name, factor in (("twice", 2.0), ("thrice", 3.0))
    )
    with db.write() as tx:
        layers = builders.layers(9, count=LAYERS, width=WIDTH)
        theirs = builders.add_vector(tx, other_model, name="of-talks", layers=layers, alignments=())
    spec = whole(model, vector, second)
    others = {
        name: add_run(db, other_model if name == "RunSpec.model_fingerprint" else model, changed)
        for name, changed in changes(spec, other_model, third, theirs)
    }
    first = add_run(db, model, spec)
    db.dispose()
    return Stored(db=db, first=first, others=others)


@pytest.fixture
def template(made: Stored) -> Path:
    return Path(made.db.url.removeprefix("sqlite:///"))


@pytest.fixture
def stored(made: Stored, db: Database) -> Stored:
    return replace(made, db=db)


def test_the_runs_differ_in_what_they_are_asked_for(stored: Stored):
    """Or the rest would show nothing."""
    assert stored.first.spec_sha256 not in {run.spec_sha256 for run in stored.others.values()}
    assert len(stored.others) > 35
    assert all(stored.lines(run) for run in stored.others.values())


def test_a_comparison_has_the_line_that_differs(stored: Stored, visit):
    silent = {
        name
        for name, run in stored.others.items()
        for said in [shown(visit("compare", run=[stored.first.id, run.id], look="settings"))]
        if not all(
            "".join(f"<td>{markup.escape(item)}</td>" for item in (line, *values)) in said
            for line, values in stored.lines(run).items()
        )
    }
    assert not silent


def test_the_settings_of_one_run_say_every_field(stored: Stored, visit):
    def facts(run: GenerationRun) -> str:
        said = shown(visit("compare", run=run.id, look="settings"))
        listed = re.findall(r'<dl class="vl-facts">.*?</dl>|<table.*?</table>', said, re.S)
        return "".join(listed).replace(run.spec_sha256, "")

    mine = facts(stored.first)
    assert "upbeat-icv" in mine
    assert not {name for name, run in stored.others.items() if facts(run) == mine}


def test_runs_show_says_every_field(stored: Stored):
    def about(run: GenerationRun) -> str:
        words = ["--db", stored.db.url, "runs", "show", str(run.id)]
        done = CliRunner().invoke(app, words, env={"COLUMNS": "2000"})
        assert done.exit_code == 0, done.output
        # Before the table of texts; but its own number and the hash of the request.
        lines = takewhile(lambda line: "━" not in line, done.output.splitlines())
        return "\n".join(line for line in lines if line.split()[:1] not in (["run"], ["request"]))

    mine = about(stored.first)
    assert "schedule cosine" in " ".join(mine.split())
    assert not {name for name, run in stored.others.items() if about(run) == mine}


def test_a_report_says_every_field(stored: Stored):
    def about(run: GenerationRun) -> str:
        said = str(report.run_report(stored.db, [str(run.id)])[:6])
        made = f"{runs.get(stored.db, str(run.id)).created_at:%Y-%m-%d %H:%M}"
        for own in (run.spec_sha256, f"Run {run.id}", f"run {run.id}", made):
            said = said.replace(own, "")
        return said

    mine = about(stored.first)
    assert "schedule cosine" in mine
    assert not {name for name, run in stored.others.items() if about(run) == mine}
