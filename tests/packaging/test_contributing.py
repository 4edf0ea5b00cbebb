"""The recipes of CONTRIBUTING, followed to the letter in a copy of the repository.

What a recipe names is written into the copy and nothing else; then the new thing is used as people
would, on the command line and in the dashboard.
"""

import filecmp
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.packaging.in_a_copy import ALTERED, ECHOES_PAGE, RUNS_PAGE, SLIDER, VERBS
from tests.tiny_models import CONFIGURATIONS, byte_tokenizer

ROOT = Path(__file__).parents[2]
COPIED = ("vectorlab", "alembic", "ui")


@dataclass
class Copy:
    """The repository's code in a folder of its own."""

    root: Path
    touched: dict[str, set[str]] = field(default_factory=dict)  # by recipe

    def write(self, recipe: str, path: str, text: str) -> None:
        """A new file."""
        assert not (self.root / path).exists(), path
        (self.root / path).write_text(text, "utf-8")
        self.touched.setdefault(recipe, set()).add(path)

    def insert(self, recipe: str, path: str, text: str, *, before: str) -> None:
        """An entry in a file that is there."""
        old = (self.root / path).read_text("utf-8")
        assert old.count(before) == 1, (path, before)
        (self.root / path).write_text(old.replace(before, text + before), "utf-8")
        self.touched.setdefault(recipe, set()).add(path)

    def change(self, recipe: str, path: str, old: str, new: str) -> None:
        """Other words in a file that is there."""
        text = (self.root / path).read_text("utf-8")
        assert text.count(old) == 1, (path, old)
        (self.root / path).write_text(text.replace(old, new), "utf-8")
        self.touched.setdefault(recipe, set()).add(path)

    def changed(self) -> set[str]:
        """Every file that is not as in the repository."""
        files = {
            path.relative_to(self.root).as_posix()
            for folder in COPIED
            for path in (self.root / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        return {
            path
            for path in files
            if not (ROOT / path).exists()
            or not filecmp.cmp(self.root / path, ROOT / path, shallow=False)
        }


METHOD = "An extraction method"
OPERATOR = "An operator"
SCORER = "A scorer"
METRIC = "A metric"
FORMAT = "A file format of vectors"
ARCHITECTURE = "An architecture"
JOB_KIND = "A job kind"
RUN_COLUMN = "A column on runs"
SYSTEM = "A system"


def add_a_method(copy: Copy) -> None:
    copy.insert(
        METHOD,
        "vectorlab/domain/vectors/methods.py",
        """\
        MethodInfo(
            name="median_difference",
            summary="median of target minus source, layer by layer",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="a test",
        ),
""",
        before='        MethodInfo(\n            name="mean_difference",\n',
    )
    copy.write(
        METHOD,
        "vectorlab/steering/extraction/methods/median_difference.py",
        '''\
"""Median of target minus source, layer by layer."""

import torch

from vectorlab.steering.extraction.methods.base import Method


def median_difference(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """From (N, L, D) to (L, D)."""
    return (target - source).median(dim=0).values


METHOD = Method(aggregator=median_difference)
''',
    )


def add_an_operator(copy: Copy) -> None:
    path = "vectorlab/domain/interventions/operators.py"
    copy.insert(OPERATOR, path, '    PULL = "pull"\n', before='    ROTATE = "rotate"')
    copy.insert(
        OPERATOR,
        path,
        """\
    Operator.PULL: OperatorInfo(
        unit="share of the way to the vector",
        first_guess=0.4,
        most=1.0,
        slider=Slider(lowest=0.0, highest=2.0, step=0.25, start=0.75),
        scales_with_length=True,
    ),
""",
        before="    Operator.ROTATE: OperatorInfo(\n",
    )
    copy.write(
        OPERATOR,
        "vectorlab/steering/interventions/operators/pull.py",
        '''\
"""Go a share of the way from a state to the vector."""

import torch

from vectorlab.steering.interventions.operators.base import DirectionSlots, Given, Operation


def prepare(tensors: Given, strengths: torch.Tensor) -> DirectionSlots:
    """The vectors as they are."""
    return DirectionSlots(directions=tensors["vector"], weights=strengths)


def pull(states: torch.Tensor, slots: DirectionSlots) -> torch.Tensor:
    """One vector after another."""
    for slot in range(slots.directions.shape[1]):
        way = slots.directions[:, slot, None] - states
        states = states + slots.weights[:, :, slot, None] * way
    return states


OPERATION = Operation(prepare=prepare, apply=pull)
''',
    )


def add_a_scorer(copy: Copy) -> None:
    copy.insert(
        SCORER,
        "vectorlab/domain/scores/catalogue.py",
        """\
        ScorerInfo(
            name="vowels",
            about="how many vowels of a kind the text has",
            higher="more of them",
            options=(Option(name="kind", about="the letter", default="e"),),
        ),
""",
        before='        ScorerInfo(\n            name="length",\n',
    )
    copy.write(
        SCORER,
        "vectorlab/evals/scorers/vowels.py",
        '''\
"""How many vowels of a kind a text has."""

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer


def vowels(*, kind: str) -> ScoreText:
    """Counts them."""
    return lambda generation: Score.of(generation.text.count(kind))


SCORER = TextScorer(prepare=vowels)
''',
    )


def add_a_metric(copy: Copy) -> None:
    path = "vectorlab/domain/scores/metrics/__init__.py"
    copy.insert(
        METRIC,
        path,
        "from vectorlab.domain.scores.metrics.largest import largest\n",
        before="from vectorlab.domain.scores.metrics.mean import mean\n",
    )
    copy.insert(METRIC, path, '"largest": largest, ', before='"mean": mean, ')
    copy.write(
        METRIC,
        "vectorlab/domain/scores/metrics/largest.py",
        '''\
"""The largest value."""

from vectorlab.domain.scores.statistics import Estimate, Values, estimate


def largest(values: Values) -> Estimate:
    """Of those that are there."""
    return estimate([max(value for value in values if value is not None)])
''',
    )


def add_a_format(copy: Copy) -> None:
    copy.insert(
        FORMAT,
        "vectorlab/domain/vectors/formats.py",
        """\
        VectorFormat(name="numpy", endings=("npz",), holds="the same for numpy"),
""",
        before='        VectorFormat(\n            name="safetensors",\n',
    )
    copy.write(
        FORMAT,
        "vectorlab/services/vectors/files/numpy_format.py",
        '''\
"""One array per layer and the header, as numpy keeps several arrays in one file."""

from pathlib import Path

import numpy as np

from vectorlab.services.vectors.files.base import FileFormat, VectorFile, header_text, read_header


def write(path: Path, vector: VectorFile) -> None:
    """Write a vector."""
    arrays = {str(layer): values for layer, values in vector.values.items()}
    np.savez(path, header=np.array(header_text(vector.header)), **arrays)


def read(path: Path) -> VectorFile:
    """Read a vector."""
    with np.load(path) as file:
        header = read_header(path, str(file["header"]))
        values = {int(name): file[name] for name in file.files if name != "header"}
    return VectorFile(header=header, values=values)


FORMAT = FileFormat(write=write, read=read)
''',
    )


def add_an_architecture(copy: Copy) -> None:
    copy.insert(
        ARCHITECTURE,
        "vectorlab/steering/model/architectures.py",
        '    "arcee": _LLAMA,\n',
        before="    # BLOOM's MLP and attention, and MPT's MLP",
    )


def an_arcee_model(folder: Path) -> Path:
    config = AutoConfig.for_model("arcee", **CONFIGURATIONS["llama"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    byte_tokenizer(bos=True).save_pretrained(folder)
    return folder


def add_a_job_kind(copy: Copy) -> None:
    copy.insert(
        JOB_KIND,
        "vectorlab/domain/jobs/requests.py",
        '''

@dataclass(frozen=True, kw_only=True)
class FlipRequest(NamedRequest, kind="flip"):
    """A vector that points the other way."""

    NAMES: ClassVar[str] = "vector"

    vector_id: int
    model_id: int
    name: str

    @property
    def dedupe_key(self) -> str:
        """Of the vector."""
        return f"flip:{self.vector_id}"

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        return f"{_named(self.vector_id, vectors)} the other way"
''',
        before="\n\n@dataclass(frozen=True, kw_only=True)\nclass RegisterRequest",
    )
    copy.write(
        JOB_KIND,
        "vectorlab/worker/handlers/flip.py",
        '''\
"""The job that turns a vector around."""

from dataclasses import replace

from vectorlab.domain.jobs.requests import FlipRequest
from vectorlab.domain.vectors.vectors import NewVector, Origin, ParentWeight
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles


@handles(FlipRequest)
def run_flip(context: JobContext, request: FlipRequest) -> None:
    """Store the vector with its sign changed."""
    with context.db.read() as tx:
        vector = vectors.vector_by_id(tx, request.vector_id)
        parts = vectors.layer_vectors(tx, vector.id)

    def write(tx, result_ids):
        new = NewVector(
            name=context.name(tx),
            model_id=request.model_id,
            set_version_id=None,
            method="flipped",
            operator=vector.operator,
            parameters={},
            read_site=vector.read_site,
            write_site=vector.write_site,
            token_rule=vector.token_rule,
            spec=None,
            origin=Origin.DERIVED,
            layers=[replace(part, values=-part.values) for part in parts],
            parents=[ParentWeight(vector_id=vector.id, weight=-1.0)],
        )
        result_ids["vector_id"] = vectors.add_vector(tx, new, context.job.created_by).id

    context.commit(write)
''',
    )
    copy.write(
        JOB_KIND,
        "vectorlab/services/flips.py",
        '''\
"""Vectors that point the other way."""

from vectorlab.domain.jobs.requests import FlipRequest
from vectorlab.services.asking import ask, job_reader
from vectorlab.store.vectors import vectors


def request_flip(db, reference, *, name, actor, priority):
    """Enqueue the turning around of a vector."""
    with db.write() as tx:
        vector = vectors.get_vector(tx, reference)
        request = FlipRequest(vector_id=vector.id, model_id=vector.model_id, name=name)
        read = job_reader(db, "vector_id", vectors.vector_by_id)
        return ask(tx, request, read=read, actor=actor, priority=priority)
''',
    )
    copy.insert(
        JOB_KIND,
        "vectorlab/cli/vectors/algebra.py",
        '''\
@app.command()
def flip(
    context: typer.Context,
    reference: VectorReference,
    name: Annotated[str, name_for("new vector")],
    detach: DetachOption = False,
    json: JsonOption = False,
) -> None:
    """Store a vector that points the other way."""
    from vectorlab.services import flips

    lab = open_lab(context)
    priority, actor = priority_of(detach=detach), lab.settings.user
    finish(
        lab,
        flips.request_flip(lab.db, reference, name=name, actor=actor, priority=priority),
        lambda vector: _show([vector], as_json=json),
        describe=lambda vector: f"vector {vector.name}",
        detach=detach,
        as_json=json,
    )


''',
        before="@app.command()\ndef equalise(",
    )


def add_a_column_on_runs(copy: Copy) -> None:
    copy.insert(
        RUN_COLUMN,
        "vectorlab/domain/runs/runs.py",
        '    host: Annotated[str | None, About(name="made on")] = None\n',
        before="\n\ndef recorded() ->",
    )
    schema = "vectorlab/store/schema.py"
    copy.change(RUN_COLUMN, schema, 'REVISION = "0003"', 'REVISION = "0004"')
    copy.insert(
        RUN_COLUMN,
        schema,
        '    text("host", nullable=True),\n',
        before='    UniqueConstraint("name"),\n    CheckConstraint("samples > 0"',
    )
    copy.write(
        RUN_COLUMN,
        "alembic/versions/0004_host_of_runs.py",
        '''\
"""Say of every run which machine made it."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generation_runs", sa.Column("host", sa.Text))


def downgrade() -> None:
    op.drop_column("generation_runs", "host")
''',
    )
    handler = "vectorlab/worker/handlers/generation.py"
    copy.insert(RUN_COLUMN, handler, "import platform\n", before="import time\n")
    copy.insert(
        RUN_COLUMN,
        handler,
        "            host=platform.node(),\n",
        before="            replay_of=self.request.replay_of,\n",
    )
    copy.insert(
        RUN_COLUMN,
        "vectorlab/store/views/v_runs.sql",
        "       r.host,\n",
        before="       r.created_at,\n",
    )


def add_a_system(copy: Copy) -> None:
    """Its folder is ``tests/packaging/echo``; its revision comes after that of the column."""
    folder = Path(__file__).parent / "echo"
    for path in sorted(file for file in folder.rglob("*") if file.suffix in (".py", ".sql")):
        place = copy.root / "vectorlab" / "echo" / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        copy.write(SYSTEM, place.relative_to(copy.root).as_posix(), path.read_text("utf-8"))
    copy.change(
        SYSTEM,
        "vectorlab/systems.py",
        'NAMES = ("ravel", "icl")',
        'NAMES = ("ravel", "icl", "echo")',
    )
    copy.write(
        SYSTEM,
        "ui/app_pages/echoes.py",
        '''\
"""Echoes, as they came back."""

import streamlit as st

from ui import cached
from ui.frame import notes
from vectorlab.echo.services import echoes

notes.header("Echoes", "What was called, and what came back.")
st.dataframe(echoes.frame(cached.store()))
''',
    )
    copy.write(
        SYSTEM,
        "alembic/versions/0005_echoes.py",
        '''\
"""Keep echoes."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "echoes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("heard", sa.Text, nullable=False),
        sa.Column("record_sha256", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("echoes")
''',
    )
    copy.change(SYSTEM, "vectorlab/store/schema.py", 'REVISION = "0004"', 'REVISION = "0005"')


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The copy, with everything added to it."""
    root = tmp_path_factory.mktemp("copy")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    copy = Copy(root)
    add_a_method(copy)
    add_an_operator(copy)
    add_a_scorer(copy)
    add_a_metric(copy)
    add_a_format(copy)
    add_an_architecture(copy)
    add_a_job_kind(copy)
    add_a_column_on_runs(copy)
    add_a_system(copy)
    return copy


@pytest.fixture(scope="module")
def results(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of using it all, in one process of the copy."""
    folder = tmp_path_factory.mktemp("used")
    pairs = folder / "pairs.csv"
    pairs.write_text(
        "source,target\nThe film was fine.,Wow the film was great!\n"
        "We liked it.,Yay we loved it!\nIt was okay.,OMG it was superb!\n",
        "utf-8",
    )
    file, model = folder / "m.npz", an_arcee_model(folder / "arcee")
    text = "--prompt 'The film was' --max-new-tokens 3"
    lines = {
        "import": f"sets import {pairs} --set pairs",
        "extract": "vectors extract --set pairs --method median_difference --name m --json",
        "export": f"vectors export m --out {file}",
        "reimport": f"vectors import {file} --name again --json",
        "run": f"runs generate --vector m --strength 0 --strength 1 --name run {text}",
        "score": "runs score run --scorer vowels:kind=o --metric largest --json",
        SLIDER: "m pull",  # before it starts from the calibrated strength
        "calibrate": "vectors calibrate m --operator pull --effect length --damage kl<=1000 "
        f"--json {text}",
        "steer": "runs generate --vector m --operator pull --strength 0 --strength 1 "
        f"--name pulled {text}",
        "steered": "runs show pulled --json",
        "add model": f"models add {model} --name arcee",
        "extract there": "vectors extract --set pairs --model arcee --name there --json",
        "steer there": f"runs generate --model arcee --vector there --strength 0.1 {text}",
        "flip": "vectors flip m --name flipped --json",
        "flip later": "vectors flip flipped --name again --detach --json",
        "flip once more": "vectors flip flipped --name other --detach --json",
        "queue": "jobs list --kind flip --json",
        "hosts": "sql \"SELECT host FROM v_runs WHERE run_name = 'pulled'\" --json",
        RUNS_PAGE: "",
        "help": "--help",
        "call": "echo call hello --json",
        "call later": "echo call later --detach --json",
        "calls": "jobs list --kind echo --json",
        "heard": "sql 'SELECT heard FROM v_echoes' --json",
        VERBS: "well",
        ECHOES_PAGE: "",
        "verify": "db verify",
        "purge": "echo purge 1 --yes --json",
        ALTERED: "\"UPDATE echoes SET heard = 'nothing'\" 'DROP TRIGGER freeze_echoes' "
        "\"UPDATE echoes SET heard = 'nothing'\"",
        "verify what was altered": "db verify",
    }
    commands = {name: shlex.split(line) for name, line in lines.items()}
    asked, told = folder / "asked.json", folder / "told.json"
    asked.write_text(json.dumps(commands), "utf-8")
    subprocess.run(
        [sys.executable, str(ROOT / "tests" / "packaging" / "in_a_copy.py"), str(asked), str(told)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(copy.root), "VECTORLAB_HOME": str(folder / "home")},
        check=True,
    )
    found: dict[str, Any] = json.loads(told.read_text("utf-8"))
    assert Path(found["package"]).is_relative_to(copy.root)
    return found


def out_of(results: dict[str, Any], *names: str) -> str:
    """What the last of some commands printed; all have to have worked."""
    for name in names:
        assert results[name]["code"] == 0, (name, results[name]["err"])
    return str(results[names[-1]]["out"])


@pytest.mark.parametrize(
    ("recipe", "files"),
    [
        (METHOD, 2),
        (OPERATOR, 2),
        (SCORER, 2),
        (METRIC, 2),
        (FORMAT, 2),
        (ARCHITECTURE, 1),
        (JOB_KIND, 4),
        (RUN_COLUMN, 5),
    ],
)
def test_a_recipe_names_every_file_that_it_takes(copy: Copy, recipe: str, files: int) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    [paragraph] = re.findall(rf"^\*\*{recipe}\.\*\*.*?(?=\n\n)", text, re.M | re.S)
    named = set(re.findall(r"`((?:vectorlab|alembic)/[^`]+)`", paragraph))
    touched = copy.touched[recipe]
    assert len(touched) == files
    for path in touched:
        assert {path, path.rpartition("/")[0] + "/"} & named, (path, named)


def test_a_system_is_a_folder_and_a_line_beside_its_page_and_its_revision(copy: Copy) -> None:
    beside = {path for path in copy.touched[SYSTEM] if not path.startswith("vectorlab/echo/")}
    assert beside == {
        "vectorlab/systems.py",
        "ui/app_pages/echoes.py",
        "alembic/versions/0005_echoes.py",
        "vectorlab/store/schema.py",
    }
    old, new = (
        (root / "vectorlab/systems.py").read_text("utf-8").splitlines()
        for root in (ROOT, copy.root)
    )
    assert [line for line in new if line not in old] == ['NAMES = ("ravel", "icl", "echo")']
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    [paragraph] = re.findall(r"^\*\*A system\.\*\*.*?(?=\n\n)", text, re.M | re.S)
    named = {"`vectorlab/<name>/`", "`vectorlab/systems.py`", "`ui/app_pages/`", "a migration"}
    assert {words for words in named if words in paragraph} == named


def test_nothing_but_what_the_recipes_name_was_changed(copy: Copy, results: dict[str, Any]) -> None:
    assert results
    assert copy.changed() == set().union(*copy.touched.values())


def test_the_new_method_makes_a_vector(results: dict[str, Any]) -> None:
    vector = json.loads(out_of(results, "import", "extract"))
    assert vector["method"] == "median_difference"


def test_the_new_format_holds_what_was_exported(results: dict[str, Any]) -> None:
    original = json.loads(out_of(results, "extract"))
    again = json.loads(out_of(results, "export", "reimport"))
    assert again["content_sha256"] == original["content_sha256"]


def test_the_new_scorer_scores_a_run_and_the_new_metric_sums_it_up(results: dict[str, Any]) -> None:
    assert "vowels:o" in out_of(results, "run", "score")
    assert "largest" in out_of(results, "score")


def test_the_new_operator_is_calibrated_from_its_first_guess(results: dict[str, Any]) -> None:
    found = json.loads(out_of(results, "calibrate"))
    assert found["operator"] == "pull"
    assert {0.1, 0.4} < {round(point["strength"], 6) for point in found["curve"]}
    assert max(point["strength"] for point in found["curve"]) == 1.0  # the most that makes sense


def test_the_new_operator_has_its_slider_in_the_playground(results: dict[str, Any]) -> None:
    assert results[SLIDER] == [0.0, 2.0, 0.25, 0.75]


def test_the_new_operator_steers_a_run(results: dict[str, Any]) -> None:
    run = json.loads(out_of(results, "steer", "steered"))
    plain, pulled = run["generations"]
    assert plain["text"] != pulled["text"]


def test_the_new_architecture_is_registered_read_and_steered(results: dict[str, Any]) -> None:
    vector = json.loads(out_of(results, "add model", "extract there"))
    assert len(vector["layers"]) == CONFIGURATIONS["llama"]["num_hidden_layers"]
    assert out_of(results, "steer there")


def test_the_new_kind_of_job_is_worked_off_queued_and_listed(results: dict[str, Any]) -> None:
    original = json.loads(out_of(results, "extract"))
    [flipped] = json.loads(out_of(results, "flip"))
    assert (flipped["name"], flipped["method"]) == ("flipped", "flipped")
    assert flipped["model_id"] == original["model_id"]
    queued = json.loads(out_of(results, "flip later"))["job_id"]
    jobs = json.loads(out_of(results, "queue"))
    assert [(job["id"] == queued, job["state"]) for job in jobs] == [
        (True, "queued"),
        (False, "succeeded"),
    ]


def test_the_new_kind_of_job_keeps_names_like_all_others(results: dict[str, Any]) -> None:
    refused = results["flip once more"]
    assert (refused["code"], refused["out"]) == (1, "")
    assert "does the same and gives it the name 'again'" in refused["err"].replace("\n", " ")


def test_the_new_column_of_runs_is_in_lists_frames_queries_and_the_dashboard(
    results: dict[str, Any],
) -> None:
    host = platform.node()
    assert json.loads(out_of(results, "steered"))["host"] == host
    assert json.loads(out_of(results, "hosts"))["rows"] == [{"host": host}]
    assert [row["made on"] for row in results[RUNS_PAGE] if row["run"] == "pulled"] == [host]


def test_the_command_of_the_new_system_works_and_its_view_shows_what_came_of_it(
    results: dict[str, Any],
) -> None:
    assert "Echoes: what is called comes back." in out_of(results, "help")
    assert json.loads(out_of(results, "call")) == {"id": 1, "called": "hello", "heard": "HELLO"}
    queued = json.loads(out_of(results, "call later"))["job_id"]
    jobs = json.loads(out_of(results, "calls"))
    assert [(job["id"] == queued, job["state"]) for job in jobs] == [
        (True, "queued"),
        (False, "succeeded"),
    ]
    assert json.loads(out_of(results, "heard"))["rows"] == [{"heard": "HELLO"}]


def test_the_new_system_has_verbs_and_a_page(results: dict[str, Any]) -> None:
    assert results[VERBS] == "WELL"
    titles, rows = results[ECHOES_PAGE]
    assert titles[-3:] == ["Attributes", "In-context learning", "Echoes"]
    assert [row["heard"] for row in rows] == ["HELLO", "WELL"]


def test_rows_of_the_new_system_are_frozen_verified_and_purged(results: dict[str, Any]) -> None:
    assert out_of(results, "verify")
    assert json.loads(out_of(results, "purge")) == {"purged": ["echo 1"]}
    refused, *forced = results[ALTERED]
    assert "echoes" in refused
    assert forced == ["", ""]
    found = results["verify what was altered"]
    assert found["code"] == 1
    said = " ".join((found["out"] + found["err"]).split())
    assert "Echo 2 is none of its call." in said  # its own check
    assert "Echoes 2 does not have the digest on record" in said
