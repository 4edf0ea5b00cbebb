"""A vector belongs to its model: every entrance spoiled with a vector of another one."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.store import builders
from tests.ui.test_pages import press, shown
from vectorlab.cli.main import app
from vectorlab.domain.runs.comparison import settings_of
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.text.documents import Table
from vectorlab.errors import InputError, VectorLabError
from vectorlab.lab import Lab
from vectorlab.services import jobs, models
from vectorlab.services.database import Database
from vectorlab.services.runs import recipes
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.runs.report import run_report
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.vectors import calibrations, vectors
from vectorlab.store.vectors import calibrations as stored_calibrations

TINY = Path(__file__).parents[3] / "vectorlab" / "models" / "tiny"
SHORT = Decoding(max_new_tokens=4)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``tiny``, a ``twin`` of its shape, one that is ``deep``er, and a vector of each."""
    folder = tmp_path_factory.mktemp("belonging")
    twin = shutil.copytree(TINY, folder / "twin")
    config = json.loads((twin / "config.json").read_text())
    (twin / "config.json").write_text(json.dumps(config | {"initializer_range": 0.5}))
    lab = Lab(f"sqlite:///{folder / 'store.db'}", device="cpu")
    tiny = lab.models.get("tiny")
    deeper = replace(
        tiny.description, n_layers=tiny.description.n_layers + 1, config_sha256="0" * 64
    )
    deep = models.register(lab.db, name="deep", description=deeper, actor="ada")
    owners = (tiny, lab.models.add(str(twin), name="twin"), deep)
    for name, texts in (("glad", ("So good!", "I love it.")), ("sad", ("So bad.", "Awful."))):
        lab.sets.commit(name, [Demonstration(source=text, target=None) for text in texts])
    with lab.db.write() as tx:
        for number, model in enumerate(owners):
            depth, width = tiny.shape
            layers = builders.layers(number, count=depth, width=width)
            builders.add_vector(tx, model, name=f"of-{model.name}", layers=layers, alignments=())
    lab.db.dispose()
    return folder / "store.db"


@pytest.fixture
def template(seeded: Path) -> Path:
    return seeded


@pytest.fixture
def lab(db: Database) -> Iterator[Lab]:
    made = Lab(db.url, device="cpu")
    yield made
    made.db.dispose()


class Queued(Exception):
    """Where a notebook would wait for its job."""


@dataclass(frozen=True)
class Asking:
    """One request at one entrance."""

    lab: Lab
    visit: Callable[..., Any]
    vector: str
    model: str | None = None
    other_model: bool = False

    def refusal(self, entrance: str) -> str:
        """What is said instead of an answer; nothing where a job is queued."""
        return ENTRANCES[entrance](self)

    @property
    def given(self) -> dict[str, Any]:
        named = {} if self.model is None else {"model": self.model}
        return named | ({"other_model": True} if self.other_model else {})


def command(words: str) -> Callable[[Asking], str]:
    def ask(asking: Asking) -> str:
        given = [] if asking.model is None else ["--model", asking.model]
        given += ["--other-model"] * asking.other_model
        line = ["--db", asking.lab.db.url, *words.replace("V", asking.vector).split("|"), *given]
        done = CliRunner().invoke(app, [*line, "--detach"])
        assert done.exit_code == 0 or isinstance(done.exception, VectorLabError), done.output
        return "" if done.exit_code == 0 else str(done.exception)

    return ask


def notebook(verb: Callable[..., Any]) -> Callable[[Asking], str]:
    def ask(asking: Asking) -> str:
        try:
            verb(asking.lab, asking.vector, asking.given)
        except Queued:
            return ""
        except VectorLabError as error:
            return str(error)
        raise AssertionError("neither queued nor refused")

    return ask


def page(name: str, **more: str) -> Callable[[Asking], str]:
    def ask(asking: Asking) -> str:
        given = asking.given | ({"other_model": "true"} if asking.other_model else {})
        opened = asking.visit(name, vector=asking.vector, **more, **given)
        if asking.vector not in opened.multiselect(key="vector").value:
            return shown(opened)
        before = len(jobs.list_jobs(asking.lab.db))
        said = shown(press(opened, "Generate"))
        return "" if len(jobs.list_jobs(asking.lab.db)) > before else said

    return ask


ENTRANCES: dict[str, Callable[[Asking], str]] = {
    "runs generate": command("runs|generate|--vector|V|--strength|0.1|--prompt|Hi"),
    "runs generate --arm": command("runs|generate|--arm|V:0.1|--prompt|Hi"),
    "runs generate --when": command(
        "runs|generate|--vector|V|--strength|0.1|--prompt|Hi|--when|V@1 cosine > 0.1"
    ),
    "runs sweep": command("runs|sweep|--vector|V|--strength|0.1|--random|1|--prompt|Hi"),
    "vectors calibrate": command("vectors|calibrate|V|--effect|length|--prompt|Hi"),
    "vectors threshold": command("vectors|threshold|V|--positive|glad@1|--negative|sad@1"),
    "lab.runs.generate": notebook(
        lambda lab, v, given: lab.runs.generate(vectors=v, strengths=[0.1], prompts="Hi", **given)
    ),
    "lab.runs.sweep": notebook(
        lambda lab, v, given: lab.runs.sweep(
            vectors=v, strengths=[0.1], prompts="Hi", random=1, **given
        )
    ),
    "lab.vectors.calibrate": notebook(
        lambda lab, v, given: lab.vectors.calibrate(v, effect="length", prompts="Hi", **given)
    ),
    "lab.vectors.threshold": notebook(
        lambda lab, v, given: lab.vectors.threshold(v, positive="glad@1", negative="sad@1", **given)
    ),
    "playground": page("playground", prompt="Hi"),
    "new run": page("new_run", prompts="glad@1"),
}


@pytest.fixture
def asking(
    lab: Lab, visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Asking]:
    def wait(*_: Any, **__: Any) -> None:
        raise Queued

    monkeypatch.setattr(Lab, "wait", wait)
    return lambda vector, **given: Asking(lab, visit, vector, **given)


def contents(lab: Lab) -> tuple[int, ...]:
    return len(jobs.list_jobs(lab.db)), len(vectors.list_vectors(lab.db)), len(lab.sets.list())


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_no_entrance_takes_a_vector_to_another_model_unasked(lab, asking, entrance):
    before = contents(lab)
    said = asking("of-twin", model="tiny").refusal(entrance)
    assert re.search("of-twin'? belongs to model '?twin", said)
    assert re.search("--model tiny --other-model|show vectors of other models", said)
    for given in ({"model": "tiny"}, {"model": "tiny", "other_model": True}):
        said = asking("of-deep", **given).refusal(entrance)
        assert re.search("of-deep'? belongs to model '?deep", said)
        assert re.search("vectors extract --model tiny|extract it on tiny", said)
        assert not re.search("--model tiny --other-model|show vectors of other models", said)
    assert contents(lab) == before

    assert asking("of-twin").refusal(entrance) == ""
    job = jobs.list_jobs(lab.db)[0]
    assert job.model_id == lab.models.get("twin").id
    assert "vector_model" not in json.dumps(job.spec)

    assert asking("of-twin", model="tiny", other_model=True).refusal(entrance) == ""
    job = jobs.list_jobs(lab.db)[0]
    assert job.model_id == lab.models.get("tiny").id
    said = re.findall(r'"vector_model": "(\w+)"', json.dumps(job.spec))
    assert set(said) == {lab.models.get("twin").fingerprint}
    labels = [arm["label"] for arm in job.spec.get("spec", {}).get("arms", ())]
    assert all("vector of twin" in label for label in labels[1:])


def test_vectors_of_several_models_need_a_model_by_name(lab):
    def ask(*names: str, **given: Any) -> Any:
        return lab.runs.request(vectors=names, strengths=[0.1], prompts="Hi", **given)

    with pytest.raises(
        InputError, match=r"'twin', 'of-tiny' to 'tiny'.*--model twin --other-model"
    ):
        ask("of-twin", "of-tiny")
    with pytest.raises(InputError, match=r"'twin', 'of-deep' to 'deep'.*extract --model twin"):
        ask("of-twin", "of-deep")
    condition = SweepOptions(when="of-tiny@1 cosine > 0.1")
    with pytest.raises(InputError, match="'of-tiny' to 'tiny'"):
        ask("of-twin", sweep=condition)
    with pytest.raises(InputError, match="none is named"):
        ask("of-twin", other_model=True)
    assert jobs.list_jobs(lab.db) == []
    job = ask("of-twin", "of-tiny", model="tiny", other_model=True).job
    assert [arm["label"] for arm in job.spec["spec"]["arms"]] == [
        "baseline",
        "of-twin +0.1 (vector of twin)",
        "of-tiny +0.1",
    ]
    assert lab.runs.request(prompts="Hi").job.model_id == lab.models.get("tiny").id


def calibrate(lab: Lab, model: str, strength: float) -> None:
    vector = lab.vectors.get("of-twin")
    plain = builders.calibration(vector, strength=strength)
    spec = replace(plain.spec, model_fingerprint=lab.models.get(model).fingerprint, layers=None)
    with lab.db.write() as tx:
        stored_calibrations.add_calibration(tx, replace(plain, spec=spec), "ada")


def strengths_of(job: Any) -> list[float]:
    arms = job.spec["spec"]["arms"]
    return [item["strength"] for arm in arms for item in arm["interventions"]]


@pytest.mark.parametrize("verb", ["request", "request_sweep"])
def test_calibrated_never_takes_another_models_strength(lab, verb):
    def ask(**given: Any) -> Any:
        named = {"vectors": ["of-twin"], "strengths": [2.0], "prompts": "Hi"}
        use = SweepOptions(calibrated=True)
        asked = getattr(lab.runs, verb)(**named, sweep=use, **given)
        return getattr(asked, "request", asked).job

    other = {"model": "tiny", "other_model": True}
    calibrate(lab, "twin", 0.25)
    assert strengths_of(ask()) == [0.5]
    with pytest.raises(InputError, match=r"not calibrated .* on model 'tiny'.*--other-model"):
        ask(**other)
    calibrate(lab, "tiny", 0.75)
    assert strengths_of(ask(seed=1)) == [0.5]
    assert strengths_of(ask(**other)) == [1.5]


def test_calibrations_say_their_model_and_are_found_by_it(lab):
    calibrate(lab, "twin", 0.25)
    calibrate(lab, "tiny", 0.75)
    found = calibrations.of_vector(lab.db, "of-twin", model_id=lab.models.get("tiny").id)
    assert [item.strength for item in found] == [0.75]
    assert list(calibrations.frame(calibrations.of_vector(lab.db))["model"]) == ["tiny", "twin"]
    rows = lab.sql("SELECT model_name, vector_model_name FROM v_calibrations ORDER BY strength")
    assert rows.to_numpy().tolist() == [["twin", "twin"], ["tiny", "twin"]]


@pytest.fixture
def view(lab: Lab) -> Any:
    """A short run of a vector of ``twin`` on ``tiny``, beside one of ``tiny``."""
    return lab.runs.generate(
        vectors=["of-twin", "of-tiny"],
        strengths=[0.3],
        prompts="The soup was",
        sweep=SweepOptions(when="of-twin@1 cosine > -1"),
        decoding=SHORT,
        model="tiny",
        other_model=True,
    )


def test_a_run_on_another_model_says_so_wherever_it_is_shown(lab, view):
    assert view.run.model_name == "tiny"
    label = "of-twin +0.3 (vector of twin, when of-twin@1 cosine > -1.0)"
    assert label in view.compare().columns
    said = f"vector of another model twin ({lab.models.get('twin').fingerprint[:12]})"
    facts = dict(view.settings()[["name", "value"]].to_numpy())
    assert facts[f"arm {label}"].count(said) == 2  # the vector that acts, and the one that is read
    [of_tiny] = [name for name in facts if "of-tiny +0.3" in name]
    assert facts[of_tiny].count(said) == 1
    tables = [item for item in run_report(lab.db, [str(view.id)]) if isinstance(item, Table)]
    told = [str(cell) for table in tables for row in table.rows for cell in row]
    assert sum(said in cell for cell in told) == 2
    done = CliRunner().invoke(app, ["--db", lab.db.url, "runs", "show", str(view.id)])
    assert "vector of another model twin" in " ".join(done.output.split())
    rows = lab.sql(
        "SELECT vector_name, vector_model_name, model_name, is_other_model, "
        "condition_vector_model_name FROM v_interventions ORDER BY arm_index"
    )
    assert rows.to_numpy().tolist() == [
        ["of-twin", "twin", "tiny", 1, "twin"],
        ["of-tiny", "tiny", "tiny", 0, "twin"],
    ]


def test_a_run_on_another_model_replays_and_is_found_again(lab, view):
    assert view.replay().identical
    again = lab.runs.get(view.run.spec_sha256[:16]).run
    assert again.spec == view.run.spec
    own = lab.runs.generate(
        vectors="of-twin", strengths=[0.3], prompts="The soup was", decoding=SHORT
    )
    assert own.run.model_name == "twin"
    [model] = [item for item in settings_of([view.run, own.run]) if item.name == "model"]
    assert model.values == ("tiny", "twin")


def test_a_scorer_reads_no_vector_of_a_model_that_the_run_does_not_know(lab, view):
    view.score("projection:of-twin")
    own = lab.runs.generate(prompts="The soup was", decoding=SHORT)
    with pytest.raises(InputError, match="'of-twin' of model 'twin', but texts of 'tiny'"):
        own.score("projection:of-twin")


def test_a_threshold_counts_on_the_model_that_it_was_found_on(lab):
    search = lab.vectors.threshold(
        "of-twin", positive="glad@1", negative="sad@1", model="tiny", other_model=True
    )
    assert (search.model_name, search.vector_name) == ("tiny", "of-twin")
    assert search.condition.vector_model == lab.models.get("twin").fingerprint
    asked = {
        "vectors": "of-twin",
        "strengths": [0.1],
        "prompts": "Hi",
        "sweep": SweepOptions(when=f"search:{search.id}"),
    }
    with pytest.raises(InputError, match=r"made on model 'tiny', not on 'twin'.*--model twin$"):
        lab.runs.request(**asked)
    job = lab.runs.request(**asked, model="tiny", other_model=True).job
    [_, arm] = job.spec["spec"]["arms"]
    [item] = arm["interventions"]
    assert item["condition"]["threshold"] == search.condition.threshold
    rows = lab.sql("SELECT model_name, vector_model_name FROM v_threshold_searches")
    assert rows.to_numpy().tolist() == [["tiny", "twin"]]


def test_a_shuffled_control_is_made_on_the_vectors_own_model(lab, monkeypatch):
    pairs = [Demonstration(source=f"Bad {n}.", target=f"Good {n}!") for n in range(3)]
    lab.sets.commit("pairs", pairs)
    lab.vectors.extract(set="pairs", model="twin", name="pairs")
    asked = lab.runs.request_sweep(
        vectors="pairs", strengths=[0.1], shuffled=1, prompts="Hi", model="tiny", other_model=True
    )
    assert lab.vectors.get("pairs-shuffled-0").model_name == "twin"
    labels = [arm["label"] for arm in asked.request.job.spec["spec"]["arms"]]
    assert labels[1:] == [
        "pairs +0.1 (vector of twin)",
        "pairs-shuffled-0 +0.1 (vector of twin)",
    ]


def test_a_request_as_command_and_code_says_that_another_model_is_meant():
    request = GenerationRequest(
        model="tiny", other_model=True, prompts=(), vectors=("of-twin",), strengths=(0.1,)
    )
    assert "--model tiny \\\n    --other-model" in recipes.command(request)
    assert "    model='tiny',\n    other_model=True,\n" in recipes.code(request)
    plain = replace(request, model=None, other_model=False)
    assert "model" not in recipes.command(plain) + recipes.code(plain)
