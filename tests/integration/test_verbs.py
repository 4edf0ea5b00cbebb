"""The notebook's verbs that store, find, show and delete, on a store with a vector and a run."""

import pandas as pd
import pytest

from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.runs.runs import Decoding
from vectorlab.errors import ConflictError, NotFoundError

SHORT = Decoding(max_new_tokens=4)


@pytest.fixture
def view(lab):
    return lab.runs.generate(
        prompts="The soup:", vectors="upbeat", strengths=[0.1], decoding=SHORT, name="first"
    )


def test_jobs_are_listed_waited_for_cancelled_tried_again_and_pruned(lab):
    asked = lab.runs.request(prompts="The soup:", decoding=SHORT)
    assert [job.id for job in lab.jobs.list(states=[JobState.QUEUED])] == [asked.job.id]
    assert lab.jobs.cancel(asked.job.id).state is JobState.CANCELLED
    assert lab.jobs.retry(asked.job.id).state is JobState.QUEUED
    assert lab.jobs.wait(asked.job.id).state is JobState.SUCCEEDED
    assert lab.jobs.get(asked.job.id).kind == "generate"
    assert lab.jobs.attempts(asked.job.id)[-1].job_id == asked.job.id
    assert list(lab.jobs.log(asked.job.id, last=0)) == []
    dropped = lab.jobs.cancel(lab.runs.request(prompts="The park:", decoding=SHORT).job.id)
    went = lab.jobs.prune(older_than="0s", states=[JobState.CANCELLED])
    assert [job.id for job in went] == [dropped.id]
    with pytest.raises(NotFoundError):
        lab.jobs.get(dropped.id)


def test_a_run_is_compared_reported_exported_renamed_and_purged(lab, view, tmp_path):
    view.score("length")
    assert view.export(tmp_path / "run.csv").exists()
    assert len(pd.read_csv(tmp_path / "run.csv")) == 2
    [page] = lab.runs.report("first", path=tmp_path / "report.html")
    assert "first" in page.read_text(encoding="utf-8")
    assert len(lab.runs.compare("first")) == 1
    assert "length" in set(lab.runs.scorers()["scorer"])
    assert lab.runs.rename("first", "second").run.name == "second"
    assert any("run" in line for line in lab.runs.purge("second", cascade=True))
    with pytest.raises(NotFoundError):
        lab.runs.get("second")


def test_a_vector_goes_to_a_file_and_comes_back_and_is_found_near(lab, tmp_path):
    lab.vectors.export("upbeat", tmp_path / "upbeat.safetensors")
    lab.vectors.combine("2*upbeat", name="twice")
    back = lab.vectors.import_file(tmp_path / "upbeat.safetensors", name="back")
    assert back.content_sha256 == lab.vectors.get("upbeat").content_sha256
    near = {vector.name: cosine for vector, cosine in lab.vectors.similar("upbeat")}
    assert near["twice"] == pytest.approx(1)
    assert lab.vectors.details("twice").parents[0].weight == 2
    with pytest.raises(ConflictError):
        lab.vectors.purge("upbeat")
    assert lab.vectors.purge("upbeat", cascade=True)
    assert lab.vectors.calibrations() == lab.vectors.thresholds() == []


def test_a_set_is_created_described_tagged_and_purged(lab):
    lab.sets.create("calm", task="tone")
    assert lab.sets.describe("calm", labels=["quiet"]).task == "tone"
    assert lab.sets.describe("calm", description="Slow.").labels == ("quiet",)
    lab.sets.tag("upbeat@1", "shown")
    assert lab.sets.get("upbeat@shown").label == "upbeat@1"
    assert list(lab.sets.untag("upbeat", "shown", "other")) == ["shown"]
    assert lab.sets.purge("calm")
    assert [model.name for model in lab.models.list()] == ["tiny"]
