"""Every bad input is one error that names the cure, and nothing is written."""

import json
import math
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from safetensors import safe_open
from safetensors.numpy import save_file

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding, Prompt
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import LayerVector, NewVector, Origin, Site, TokenRule
from vectorlab.errors import (
    ConflictError,
    InputError,
    IntegrityError,
    JobFailed,
    ModelError,
    NotFoundError,
    ShapeError,
)
from vectorlab.services.vectors import files
from vectorlab.steering.model.loading import bundled_model_path
from vectorlab.store.vectors import vectors as vector_store

RECORD = ("steering_vectors", "layer_vectors", "generation_runs", "generations", "models")


@pytest.fixture
def unchanged(lab):
    """Fail the test if it leaves another row of record than it found."""

    def counts():
        with lab.db.read() as tx:
            return {
                name: tx.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar()
                for name in RECORD
            }

    before = counts()
    yield
    assert counts() == before


def pair(source: str, target: str | None) -> Demonstration:
    return Demonstration(source=source, target=target)


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"set": "none"}, NotFoundError, "vectorlab sets"),
        ({"set": "upbeat@7"}, NotFoundError, "upbeat"),
        ({"set": "upbeat", "model": "none"}, NotFoundError, "vectorlab models add"),
        ({"set": "upbeat", "method": "magic"}, InputError, "Known methods"),
        ({"set": "upbeat", "method": "mean_difference", "name": "upbeat"}, ConflictError, "taken"),
        ({"set": "upbeat", "name": "a b"}, InputError, "cannot be used"),
        (
            {"set": "upbeat", "method": "mean_difference", "name": "a b"},
            InputError,
            "cannot be used",
        ),
    ],
)
def test_unknown_things_are_refused_before_a_job_is_made(lab, unchanged, request_, error, message):
    with pytest.raises(error, match=message):
        lab.vectors.request(**request_)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([pair("a", "b"), pair("c", None)], "Demonstration 2 of bad@1 has no target"),
        ([pair("a", "  ")], "Demonstration 1 of bad@1 has no target"),
        ([pair("a", "b"), pair("same", "same")], "same source and target"),
    ],
)
def test_a_set_that_holds_no_proper_pairs_cannot_be_extracted(lab, unchanged, items, message):
    lab.sets.commit("bad", items)
    with pytest.raises(InputError, match=message):
        lab.vectors.request(set="bad")


def test_pairs_that_differ_in_deleted_punctuation_only_are_refused(lab, unchanged):
    lab.sets.commit("marks", [pair("fine", "good"), pair("It was fine.", "It was fine!!!")])
    with pytest.raises(JobFailed, match="number 2"):
        lab.vectors.extract(set="marks", strip_punctuation=True)


def test_a_set_without_demonstrations_cannot_be_committed(lab):
    with pytest.raises(InputError, match="no demonstrations"):
        lab.sets.commit("empty", [])


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"vectors": ["none"], "strengths": [0.1]}, NotFoundError, "vectorlab vectors list"),
        ({"vectors": ["upbeat"], "strengths": [math.nan]}, InputError, "not finite"),
        ({"vectors": ["upbeat"], "strengths": [math.inf]}, InputError, "not finite"),
        ({"vectors": ["upbeat"], "strengths": ["much"]}, InputError, "no number"),
        ({"strengths": [0.1]}, InputError, "belongs to a vector"),
        ({"prompts": []}, InputError, "at least one prompt"),
        ({"prompts": [" "]}, InputError, "Prompt 1 is empty"),
        ({"prompts": ["a\x00b"]}, InputError, "Prompt 1"),
        ({"prompts": ["ok", "a\ud800"]}, InputError, "Prompt 2"),
        ({"samples": 0}, InputError, "samples is 0"),
        ({"seed": 2**63}, InputError, "64 bits"),
        ({"name": "17"}, InputError, "not a number"),
        ({"samples": 2}, InputError, "greedy"),
        ({"prompt_set": "none@1"}, NotFoundError, "none"),
        ({"dtype": "float7"}, InputError, "float7"),
        ({"vectors": ["upbeat", "1"], "strengths": [0.1]}, InputError, "called 'upbeat"),
        ({"vectors": ["upbeat"], "strengths": [0.1, 0.1000000001]}, InputError, "called 'upbeat"),
    ],
)
def test_bad_run_requests_are_refused(lab, unchanged, request_, error, message):
    with pytest.raises(error, match=message):
        lab.runs.generate(**({"prompts": ["Once"]} | request_))


def test_a_prompt_beyond_the_models_context_is_refused_before_computing(lab, unchanged):
    limit = lab.models.get("tiny").description.context_length
    with pytest.raises(JobFailed, match=str(limit)) as error:
        lab.runs.generate(prompts=["Once", "word " * limit], decoding=Decoding(max_new_tokens=4))
    assert "rompt 2" in str(error.value)


def test_unknown_runs_are_refused(lab):
    with pytest.raises(NotFoundError, match="vectorlab runs list"):
        lab.runs.replay("99")


def add_vector(lab, *, width: int, depth: int) -> str:
    name = f"w{width}d{depth}"
    with lab.db.write() as tx:
        vector_store.add_vector(
            tx,
            NewVector(
                name=name,
                model_id=lab.models.get("tiny").id,
                set_version_id=None,
                method="elsewhere",
                operator=Operator.ADD,
                parameters={},
                read_site=Site.BLOCK_OUTPUT,
                write_site=Site.MLP_OUTPUT,
                token_rule=TokenRule.LAST,
                spec=None,
                origin=Origin.IMPORTED,
                layers=[
                    LayerVector(layer=layer, values=np.ones(width, dtype=np.float32))
                    for layer in range(depth)
                ],
            ),
            created_by="test",
        )
    return name


def test_a_vector_of_another_models_shape_is_refused(lab):
    shape = lab.models.get("tiny").description
    wide = add_vector(lab, width=shape.d_model * 2, depth=shape.n_layers)
    deep = add_vector(lab, width=shape.d_model, depth=shape.n_layers + 1)
    with pytest.raises(ShapeError, match=f"width {shape.d_model * 2} .* {shape.d_model}"):
        lab.runs.generate(prompts=["Once"], vectors=[wide], strengths=[0.1])
    with pytest.raises(ShapeError, match=f"{shape.n_layers + 1} layers .* {shape.n_layers}"):
        lab.runs.generate(prompts=["Once"], vectors=[deep], strengths=[0.1])


def alter_one_byte(lab, path) -> None:
    lab.db.dispose()
    with sqlite3.connect(path) as raw:
        names = raw.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='layer_vectors'"
        ).fetchall()
        assert names
        for (name,) in names:
            raw.execute(f'DROP TRIGGER "{name}"')
        [(data,)] = raw.execute("SELECT data FROM layer_vectors WHERE layer = 0").fetchall()
        altered = bytes([data[0] ^ 1]) + data[1:]
        raw.execute("UPDATE layer_vectors SET data = ? WHERE layer = 0", (altered,))


def test_a_replay_with_an_altered_vector_is_refused(lab, tmp_path):
    view = lab.runs.generate(
        prompts=["Once"], vectors=["upbeat"], strengths=[0.1], decoding=Decoding(max_new_tokens=3)
    )
    alter_one_byte(lab, tmp_path / "lab.db")
    with pytest.raises(IntegrityError, match="upbeat") as error:
        view.replay()
    with lab.db.read() as tx:
        expected = tx.scalar(sa.text("SELECT sha256 FROM layer_vectors WHERE layer = 0"))
    assert expected[:12] in str(error.value)


def test_vector_files_are_checked(lab, tmp_path):
    path = tmp_path / "upbeat.safetensors"
    vector = lab.vectors.get("upbeat")
    files.export_vector(lab.db, vector, path, format="safetensors")
    again = files.import_vector(lab.db, path, model=None, name="again", actor="me")
    assert again.content_sha256 == vector.content_sha256
    assert again.set_label == "upbeat@1"
    damaged = tmp_path / "damaged.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(IntegrityError, match="content hash"):
        files.import_vector(lab.db, damaged, model=None, name="x", actor="me")
    with pytest.raises(ConflictError, match="taken"):
        files.import_vector(lab.db, path, model=None, name=None, actor="me")
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a safetensors file"):
        files.import_vector(lab.db, tmp_path / "x.safetensors", model=None, name="x", actor="me")
    with pytest.raises(InputError, match="not known"):
        files.export_vector(lab.db, vector, path, format="exe")
    with pytest.raises(InputError, match=r"'upbeat\.exe' names no format.*--format safetensors"):
        files.export_vector(lab.db, vector, tmp_path / "upbeat.exe")


def test_model_directories_without_whole_weights_are_refused(lab, unchanged, tmp_path):
    with pytest.raises(ModelError, match="none"):
        lab.models.add(str(tmp_path / "none"))
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(ModelError, match="safetensors"):
        lab.models.add(str(empty))


def flip_last_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_model_whose_files_changed_is_refused(lab, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(bundled_model_path(), copy)
    flip_last_bit(copy / "model.safetensors")
    lab.models.add(str(copy), name="copy")
    flip_last_bit(copy / "model.safetensors")
    with pytest.raises(JobFailed, match="fingerprint"):
        lab.runs.generate(model="copy", prompts=["Once"])


def test_a_replay_on_a_changed_model_says_so_when_it_is_wanted(lab, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(bundled_model_path(), copy)
    flip_last_bit(copy / "model.safetensors")
    lab.models.add(str(copy), name="copy")
    view = lab.runs.generate(
        model="copy", prompts=["Once", "It"], decoding=Decoding(max_new_tokens=12)
    )
    shift_weights(copy / "model.safetensors")
    del lab.__dict__["worker"]  # it holds the old weights and would replay on them
    with pytest.raises(JobFailed, match="fingerprint"):
        view.replay()
    verdict = lab.runs.replay(str(view.id), accept_changed_model=True)
    assert not verdict.identical
    assert verdict.departures[0].original_id != verdict.departures[0].replay_id
    [change] = verdict.changes
    assert change.name == "model_fingerprint"
    assert change.original == view.run.spec.model_fingerprint
    assert change.replay != change.original


def shift_weights(path: Path) -> None:
    """Other weights under the same names: every tensor in another order of its rows."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: np.flip(file.get_tensor(name), 0).copy() for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    save_file(tensors, path, metadata=metadata)


def test_references_and_prompts_survive_as_given(lab):
    odd = Prompt(text="Once <b>upon</b>\n[x](y) é 😀 ", reference="a\tb")
    view = lab.runs.generate(prompts=[odd], decoding=Decoding(max_new_tokens=2))
    assert lab.runs.get(str(view.id)).run.spec.prompts == (odd,)
