"""States that outlive a job: reused by the next version, resumed after a death, fenced, bounded."""

import numpy as np
import pytest
import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError, JobFailed, LeaseLost
from vectorlab.lab import Lab
from vectorlab.services import jobs
from vectorlab.services.vectors import explanations, states, vectors
from vectorlab.steering.recording import activations
from vectorlab.steering.recording.recorder import Recorder
from vectorlab.store import schema
from vectorlab.store.jobs import queue
from vectorlab.store.vectors import states as store_states
from vectorlab.worker import state_cache
from vectorlab.worker.loop import Worker

TEN = [
    Demonstration(source=f"Plate {n} was fine.", target=f"Wow, plate {n} was great!!!")
    for n in range(10)
]


@pytest.fixture
def reuse_lab(database_url: str) -> Lab:
    """A lab on an empty store of either kind."""
    lab = Lab(database_url, device="cpu")
    yield lab
    lab.db.dispose()


def count(lab: Lab, table: sa.Table) -> int:
    with lab.db.read() as tx:
        return tx.scalar(sa.select(sa.func.count()).select_from(table))


def states_of(lab: Lab, vector: str) -> tuple[int, int]:
    environment = vectors.details(lab.db, vector).environment
    return environment["states_reused"], environment["states_computed"]


def numbers(lab: Lab, vector: str) -> np.ndarray:
    return np.stack([item.values for item in lab.vectors.layers(vector)])


@pytest.fixture
def counted(monkeypatch) -> list[int]:
    """Texts of every forward pass that records states."""
    rows: list[int] = []
    original = Recorder.try_run

    def try_run(self, make):
        batch, states = original(self, make)
        rows.append(len(batch.order))
        return batch, states

    monkeypatch.setattr(Recorder, "try_run", try_run)
    return rows


def test_a_new_version_computes_what_is_new_and_says_so(reuse_lab, pairs, counted):
    lab = reuse_lab
    lab.sets.commit("upbeat", pairs)
    lab.vectors.extract(set="upbeat@1", name="first")
    assert states_of(lab, "first") == (0, 10)
    lab.sets.commit("upbeat", [*pairs, *TEN[:2]])
    counted.clear()
    lab.vectors.extract(set="upbeat@2", name="second")
    assert sum(counted) == 4
    assert states_of(lab, "second") == (10, 4)
    counted.clear()
    lab.vectors.extract(set="upbeat@2", method="mean_difference", name="third")
    assert counted == []
    assert states_of(lab, "third") == (14, 0)
    lab.sets.commit("other", TEN[:2])  # another set with texts that were read already
    lab.vectors.extract(set="other", name="fourth")
    assert states_of(lab, "fourth") == (4, 0)


def test_warm_equals_cold(reuse_lab, pairs):
    lab = reuse_lab
    lab.sets.commit("upbeat", pairs)
    lab.sets.commit("upbeat", [*pairs, *TEN])
    lab.vectors.extract(set="upbeat@1", name="before")
    lab.vectors.extract(set="upbeat@2", name="grown")
    cold = lab.vectors.extract(set="upbeat@2", name="cold", force=True)
    assert states_of(lab, "grown") == (10, 20)
    assert states_of(lab, "cold") == (0, 30)  # --force computes every state anew
    np.testing.assert_allclose(numbers(lab, "grown"), numbers(lab, "cold"), rtol=1e-4, atol=1e-4)
    # What is kept now are the states of the cold pass: from them come its very bits. The rank is
    # the default one, but makes this another request.
    lab.vectors.extract(set="upbeat@2", parameters={"rank": 1}, name="warm")
    assert states_of(lab, "warm") == (30, 0)
    assert lab.vectors.get("warm").content_sha256 == cold.content_sha256


def test_a_worker_that_dies_repeats_nothing_that_was_committed(reuse_lab, counted, monkeypatch):
    lab = reuse_lab
    lab.sets.commit("plates", TEN)
    monkeypatch.setattr(state_cache, "WRITE_BYTES", 1)  # every batch is a chunk
    _small_batches(monkeypatch)
    asked = lab.vectors.request(set="plates", name="plates")
    original, done = state_cache.JobStates.keep, []

    def keep(self, block):
        original(self, block)
        done.append(len(block.text_sha256s))
        if len(done) == 3:
            raise MemoryError  # as good as a death: nothing after this is recorded

    monkeypatch.setattr(state_cache.JobStates, "keep", keep)
    with pytest.raises(JobFailed):
        lab.wait(asked.job.id)
    assert count(lab, schema.steering_vectors) == 0
    assert count(lab, schema.cached_states) == sum(done)
    jobs.retry(lab.db, asked.job.id, actor="me")
    monkeypatch.setattr(state_cache.JobStates, "keep", original)
    counted.clear()
    lab.wait(asked.job.id)
    assert sum(counted) == 20 - sum(done)
    assert states_of(lab, "plates") == (sum(done), 20 - sum(done))


def test_a_forced_extraction_resumes_from_its_own_states_only(reuse_lab, counted, monkeypatch):
    lab = reuse_lab
    lab.sets.commit("plates", TEN)
    lab.vectors.extract(set="plates", name="first")
    monkeypatch.setattr(state_cache, "WRITE_BYTES", 1)
    _small_batches(monkeypatch)
    asked = lab.vectors.request(set="plates", name="again", force=True)
    original, done = state_cache.JobStates.keep, []

    def keep(self, block):
        original(self, block)
        done.append(len(block.text_sha256s))
        if len(done) == 2:
            raise MemoryError

    monkeypatch.setattr(state_cache.JobStates, "keep", keep)
    with pytest.raises(JobFailed):
        lab.wait(asked.job.id)
    jobs.retry(lab.db, asked.job.id, actor="me")
    counted.clear()
    done.append(0)  # raise no more
    lab.wait(asked.job.id)
    assert sum(counted) == 20 - sum(done[:2])


def test_an_attempt_that_lost_its_job_keeps_nothing(reuse_lab, monkeypatch):
    lab = reuse_lab
    lab.sets.commit("plates", TEN)
    monkeypatch.setattr(state_cache, "WRITE_BYTES", 1)
    asked = lab.vectors.request(set="plates", name="plates")
    original = state_cache.JobStates.keep

    def keep(self, block):
        # Another worker took the job over while this one hung.
        monkeypatch.setattr(state_cache.JobStates, "keep", original)
        with lab.db.write() as tx:
            tx.execute(
                schema.jobs.update()
                .where(schema.jobs.c.id == asked.job.id)
                .values(attempt=schema.jobs.c.attempt + 1)
            )
        with pytest.raises(LeaseLost):
            original(self, block)
        assert count(lab, schema.cached_states) == 0
        raise LeaseLost("gone")

    monkeypatch.setattr(state_cache.JobStates, "keep", keep)
    Worker(lab.db, device="cpu").work_one(asked.job.id)
    assert count(lab, schema.state_blobs) == 0
    assert jobs.get(lab.db, asked.job.id).state is JobState.RUNNING


def test_the_cache_stays_within_its_limit_and_zero_turns_it_off(database_url, pairs, monkeypatch):
    monkeypatch.setenv("VECTORLAB_STATE_CACHE_BYTES", "0")
    lab = Lab(database_url, device="cpu")
    lab.sets.commit("upbeat", pairs)
    off = lab.vectors.extract(set="upbeat", name="off")
    assert count(lab, schema.state_caches) == 0
    environment = vectors.details(lab.db, "off").environment
    assert (environment["states_computed"], environment["states_sha256"]) == (10, None)
    lab.db.dispose()
    size = 11 * 128 * 4
    monkeypatch.setenv("VECTORLAB_STATE_CACHE_BYTES", str(12 * size))
    lab = Lab(database_url, device="cpu")
    on = lab.vectors.extract(set="upbeat", name="on", force=True)
    assert on.content_sha256 == off.content_sha256
    [cache] = states.list_caches(lab.db)
    assert (cache.n_texts, cache.n_bytes) == (10, 10 * size)
    lab.sets.commit("other", TEN[:4])
    lab.vectors.extract(set="other", name="other")  # does not fit beside the first
    [cache] = states.list_caches(lab.db)
    assert (cache.n_texts, cache.n_bytes) == (8, 8 * size)
    lab.db.dispose()


@pytest.mark.parametrize("size", ["-1", "1.5", "much", "²"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, size):
    monkeypatch.setenv("VECTORLAB_STATE_CACHE_BYTES", size)
    with pytest.raises(InputError, match="VECTORLAB_STATE_CACHE_BYTES"):
        Lab("sqlite:///x.db")


def test_a_damaged_blob_is_computed_anew_and_gone(reuse_lab, pairs):
    lab = reuse_lab
    lab.sets.commit("upbeat", pairs)
    first = lab.vectors.extract(set="upbeat", name="first")
    with lab.db.write() as tx:
        tx.execute(schema.state_blobs.update().values(sha256="0" * 64))
    lab.vectors.extract(set="upbeat", method="mean_difference", name="second")
    assert states_of(lab, "second") == (0, 10)
    with lab.db.read() as tx:
        assert store_states.damaged_blobs(tx) == []
    again = lab.vectors.extract(set="upbeat", name="again", force=True)
    assert again.content_sha256 == first.content_sha256


def _small_batches(monkeypatch) -> None:
    """A few of these texts at a time: packed, they are one row, because they begin alike."""
    monkeypatch.setattr(activations, "can_pack", lambda *_: False)
    monkeypatch.setattr(activations, "default_token_budget", lambda _: 40)


@pytest.mark.parametrize(
    ("method", "dialect"), [("icv", "sqlite"), ("mean_difference", "postgresql")]
)
def test_a_study_equals_extraction_without_each_demonstration(reuse_lab, method, counted):
    lab = reuse_lab
    lab.sets.commit("plates", TEN[:4])
    lab.vectors.extract(set="plates", method=method, name="all")
    counted.clear()
    frame = lab.vectors.explain("all", leave_one_out=True, layers=True)
    assert counted == []  # from states alone
    assert list(frame["position"]) == [0, 1, 2, 3]
    whole = numbers(lab, "all").astype(np.float64)
    for position in range(4):
        others = [item for place, item in enumerate(TEN[:4]) if place != position]
        lab.sets.commit(f"without-{position}", others)
        lab.vectors.extract(set=f"without-{position}", method=method, name=f"v{position}")
        without = numbers(lab, f"v{position}").astype(np.float64)
        row = frame.iloc[position]
        lengths = np.linalg.norm(without), np.linalg.norm(whole)
        assert row["norm_change"] == pytest.approx(lengths[0] / lengths[1] - 1, abs=1e-5)
        assert row["cosine"] == pytest.approx(np.vdot(without, whole) / np.prod(lengths), abs=1e-5)
        assert row["shift"] == pytest.approx(np.linalg.norm(without - whole) / lengths[1], abs=1e-4)
        at_9 = np.linalg.norm(without[9]) / np.linalg.norm(whole[9]) - 1
        assert row["norm_change@9"] == pytest.approx(at_9, abs=1e-5)
    study = explanations.explain(lab.db, "all").explanation
    assert study.environment["deviation"] == 0.0
    assert "8 texts; no forward pass" in explanations.states_note(study)


def test_a_study_is_found_and_not_made_again(reuse_lab, pairs):
    lab = reuse_lab
    lab.sets.commit("upbeat", pairs)
    lab.vectors.extract(set="upbeat", name="upbeat")
    asked = lab.vectors.request_leave_one_out("upbeat")
    assert lab.vectors.request_leave_one_out("upbeat").job.id == asked.job.id
    job = lab.wait(asked.job.id)
    vector = reuse_lab.vectors.get("upbeat")
    assert jobs.result(job) == {"vector_id": vector.id}
    found = lab.vectors.request_leave_one_out("upbeat")
    assert (found.job, found.found.vector_id) == (None, vector.id)
    assert lab.vectors.explain("upbeat").equals(lab.vectors.explain("upbeat", leave_one_out=True))


def test_evicted_states_are_computed_once_more_and_the_study_says_so(reuse_lab, pairs, counted):
    lab = reuse_lab
    lab.sets.commit("upbeat", pairs)
    lab.vectors.extract(set="upbeat", name="upbeat")
    gone = states.evict(lab.db, actor="me")
    assert (gone.n_texts, gone.bytes_left) == (10, 0)
    counted.clear()
    lab.vectors.explain("upbeat", leave_one_out=True)
    assert sum(counted) == 10  # one pass over all texts, not one per demonstration
    study = explanations.explain(lab.db, "upbeat").explanation
    assert study.environment["states_computed"] == 10
    assert study.environment["deviation"] < 1e-5
    assert "of 10 of 10 texts were not kept any more" in explanations.states_note(study)


def test_what_has_no_demonstrations_is_not_explained(reuse_lab, pairs):
    lab = reuse_lab
    lab.sets.commit("upbeat", pairs)
    lab.sets.commit("single", pairs[:1])
    lab.vectors.extract(set="upbeat", name="upbeat")
    lab.vectors.extract(set="single", name="single")
    lab.vectors.combine("2*upbeat", name="double")
    with pytest.raises(InputError, match=r"was combined, not .*vectors explain upbeat"):
        lab.vectors.explain("double")
    with pytest.raises(InputError, match="has 1 demonstrations"):
        lab.vectors.explain("single", leave_one_out=True)
    with pytest.raises(InputError, match="--limit is 0"):
        explanations.explain(lab.db, "upbeat", limit=0)
    assert len(lab.vectors.explain("single")) == 1


def test_contrary_demonstrations_are_told_apart(reuse_lab, pairs):
    lab = reuse_lab
    backwards = Demonstration(source=pairs[0].target, target=pairs[0].source)
    lab.sets.commit("mixed", [*pairs[1:], backwards])
    lab.vectors.extract(set="mixed", name="mixed")
    found = explanations.explain(lab.db, "mixed", limit=3)
    assert [item.position for item in found.contrary] == [4]
    assert found.n_contrary == 1
    strongest = [item.alignment for item in found.strongest]
    assert strongest == sorted(strongest, reverse=True)
    assert len(strongest) == 3
    assert not {item.position for item in found.weakest} & {
        item.position for item in (*found.strongest, *found.contrary)
    }


def test_a_worker_takes_studies_from_the_queue(reuse_lab, pairs):
    lab = reuse_lab
    lab.sets.commit("upbeat", pairs)
    lab.vectors.extract(set="upbeat", name="upbeat")
    asked = lab.vectors.request_leave_one_out("upbeat")
    with lab.db.read() as tx:
        assert queue.get_job(tx, asked.job.id).kind == "explain"
    assert Worker(lab.db, device="cpu").work_one(asked.job.id).state is JobState.SUCCEEDED
