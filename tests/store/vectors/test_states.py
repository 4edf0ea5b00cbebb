"""Kept states: found again to the bit, bounded, evicted by last use, never trusted when damaged."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa

from tests.databases import execute_raw
from tests.store.builders import add_model, state_block, state_spec
from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.vectors.passages import Passage
from vectorlab.domain.vectors.states import place_sha256
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.upkeep import maintenance
from vectorlab.store.vectors import states

TEXTS = ["one", "two 😀", "three", "four"]


def found(tx: Transaction, texts: list[str], **more: object) -> dict[str, np.ndarray]:
    """State by text."""
    names = {Passage(text=text).sha256: text for text in texts}
    result = {}
    for blob in states.find_states(tx, more.pop("spec", state_spec()), list(names), **more):
        for name, values in zip(blob.block.text_sha256s, blob.block.values, strict=True):
            result[names[name]] = values
    return result


def count(tx: Transaction, table: sa.Table) -> int:
    return tx.scalar(sa.select(sa.func.count()).select_from(table))


def blob_ids(tx: Transaction) -> list[int]:
    return list(tx.scalars(sa.select(schema.state_blobs.c.id).order_by(schema.state_blobs.c.id)))


def test_states_come_back_to_the_bit_and_only_those_asked_for(database: Database):
    block = state_block(TEXTS)
    with database.write() as tx:
        states.add_states(tx, state_spec(), block, job_id=7)
    with database.read() as tx:
        got = found(tx, ["four", "two 😀", "never seen"])
        assert set(got) == {"four", "two 😀"}
        assert np.array_equal(got["four"], block.values[3])
        assert np.array_equal(got["two 😀"], block.values[1])
        [blob] = states.find_states(tx, state_spec(), [Passage(text="three").sha256])
        assert blob.block.token_sha256s == (block.token_sha256s[2],)
        assert count(tx, schema.state_blobs) == 1


def test_another_specification_finds_nothing(database: Database):
    with database.write() as tx:
        states.add_states(tx, state_spec(), state_block(TEXTS))
    with database.read() as tx:
        for change in ({"dtype": "bfloat16"}, {"layers": (0, 1)}, {"engine": {"torch": "9"}}):
            assert found(tx, TEXTS, spec=state_spec(**change)) == {}
        assert states.get_spec(tx, state_spec().sha256) == state_spec()
        assert states.get_spec(tx, "0" * 64) is None


def test_states_of_one_job_can_be_asked_for_alone(database: Database):
    with database.write() as tx:
        states.add_states(tx, state_spec(), state_block(TEXTS[:2]), job_id=1)
        states.add_states(tx, state_spec(), state_block(TEXTS[2:]), job_id=2)
    with database.read() as tx:
        assert set(found(tx, TEXTS, job_id=2)) == set(TEXTS[2:])
        assert found(tx, TEXTS, job_id=3) == {}


def test_a_newer_state_takes_the_place_of_an_older_one(database: Database):
    with database.write() as tx:
        states.add_states(tx, state_spec(), state_block(TEXTS, seed=1))
        states.add_states(tx, state_spec(), state_block(["two 😀"], seed=2))
    with database.read() as tx:
        got = found(tx, TEXTS)
    assert np.array_equal(got["two 😀"], state_block(["two 😀"], seed=2).values[0])
    assert np.array_equal(got["one"], state_block(TEXTS, seed=1).values[0])


def test_many_texts_share_a_row_and_no_row_is_larger_than_allowed(database: Database, monkeypatch):
    monkeypatch.setattr(states, "CHUNK_BYTES", 1000)  # a state of this model takes 128 bytes
    texts = [f"text {n}" for n in range(20)]
    block = state_block(texts)
    with database.write() as tx:
        states.add_states(tx, state_spec(), block)
        assert [count(tx, table) for table in (schema.state_blobs, schema.state_blob_chunks)] == [
            3,
            3,
        ]
        got = found(tx, texts)
    assert all(np.array_equal(got[text], block.values[n]) for n, text in enumerate(texts))


def test_a_state_larger_than_a_row_is_cut_into_several(database: Database, monkeypatch):
    monkeypatch.setattr(states, "CHUNK_BYTES", 50)
    block = state_block(TEXTS)
    with database.write() as tx:
        states.add_states(tx, state_spec(), block)
        sizes = tx.scalars(sa.select(sa.func.length(schema.state_blob_chunks.c.data))).all()
        assert (max(sizes), len(sizes)) == (50, 12)
        assert np.array_equal(found(tx, TEXTS)["three"], block.values[2])


def test_what_was_used_last_stays_longest(database: Database):
    with database.write() as tx:
        for text in TEXTS:
            states.add_states(tx, state_spec(), state_block([text]))
        first, second, *_ = blob_ids(tx)
        # The clocks of three transactions, without waiting for them.
        for age, blob in enumerate((second, first), start=1):
            tx.execute(
                schema.state_blobs.update()
                .where(schema.state_blobs.c.id == blob)
                .values(used_at=sa.text("'2020-01-0" + str(age) + " 00:00:00.000000'"))
            )
    with database.write() as tx:
        assert states.evict(tx, keep_bytes=4 * 128).n_texts == 0
        gone = states.evict(tx, keep_bytes=3 * 128 + 127)
        assert (gone.n_texts, gone.n_bytes, gone.bytes_left) == (1, 128, 384)
        assert set(found(tx, TEXTS)) == {"one", "three", "four"}
        states.touch(tx, [first])
        states.evict(tx, keep_bytes=128)
        assert set(found(tx, TEXTS)) == {"one"}
        assert states.evict(tx, keep_bytes=0).bytes_left == 0
        for table in (schema.cached_states, schema.state_blobs, schema.state_blob_chunks):
            assert count(tx, table) == 0
        assert states.list_caches(tx) == []


def test_one_models_states_can_go_alone(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        ours = state_spec(model_fingerprint=model.fingerprint)
        states.add_states(tx, ours, state_block(TEXTS))
        states.add_states(tx, state_spec(), state_block(TEXTS[:1]))
        listed = states.list_caches(tx)
        assert [(item.model_name, item.n_texts, item.n_bytes) for item in listed] == [
            ("tiny", 4, 512),
            (None, 1, 128),
        ]
        assert (listed[0].site, listed[0].dtype, listed[0].device) == (
            "block_output",
            "float32",
            "cpu",
        )
        states.evict(tx, keep_bytes=0, model_fingerprint=model.fingerprint)
        assert [item.n_texts for item in states.list_caches(tx)] == [1]


@pytest.mark.parametrize("change", ["data = substr(data, 1, 127)", "data = {zeros}"])
def test_a_damaged_blob_is_as_good_as_absent_and_verify_names_it(
    database: Database, database_url: str, change: str
):
    with database.write() as tx:
        states.add_states(tx, state_spec(), state_block(["one"]))
        states.add_states(tx, state_spec(), state_block(["three"]))
        damaged = blob_ids(tx)[0]
    zeros = "00" * 128
    literal = f"X'{zeros}'" if database.dialect == "sqlite" else rf"'\x{zeros}'::bytea"
    execute_raw(
        database_url,
        f"UPDATE state_blob_chunks SET {change.format(zeros=literal)} "
        f"WHERE state_blob_id = {damaged}",
    )
    with database.write() as tx:
        blobs = list(states.find_states(tx, state_spec(), [Passage(text="one").sha256]))
        assert [(item.blob_id, item.block) for item in blobs] == [(damaged, None)]
        assert set(found(tx, ["three"])) == {"three"}
        [problem] = maintenance.verify(tx)
        assert f"Blob {damaged}" in problem
        assert states.drop_blobs(tx, [damaged]) == 1
        assert maintenance.verify(tx) == []


def test_an_eviction_leaves_alone_what_another_writer_has_not_committed(
    postgres_database: Database,
):
    with postgres_database.write() as tx:  # the specification is there already
        states.add_states(tx, state_spec(), state_block(["first"]))
    with postgres_database.write() as one:
        states.add_states(one, state_spec(), state_block(["a"]))
        with postgres_database.write() as two:
            states.add_states(two, state_spec(), state_block(["b"]))
            assert states.evict(two, keep_bytes=0).n_texts == 2
    with postgres_database.read() as tx:
        assert set(found(tx, ["first", "a", "b"])) == {"a"}


def test_writers_of_the_same_texts_do_not_wait_for_each_other_forever(
    postgres_database: Database, monkeypatch
):
    monkeypatch.setattr(states, "CHUNK_BYTES", 128)  # a blob per text, so many statements
    texts = [f"text {n}" for n in range(20)]

    def write(order: list[str]) -> None:
        for _ in range(3):
            with postgres_database.write() as tx:
                states.add_states(tx, state_spec(), state_block(order))

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(write, order) for order in (texts, texts[::-1])]:
            done.result()
    with postgres_database.read() as tx:
        assert set(found(tx, texts)) == set(texts)


def test_bytes_that_are_no_whole_states_are_as_good_as_absent_whatever_their_hashes(
    database: Database, database_url: str
):
    block = state_block(["one"])
    with database.write() as tx:
        states.add_states(tx, state_spec(), block)
    short = block.values.tobytes()[:-8]
    place = place_sha256(
        state_spec(), block.text_sha256s[0], block.token_sha256s[0], bytes_sha256(short), 0
    )
    literal = f"X'{short.hex()}'" if database.dialect == "sqlite" else rf"'\x{short.hex()}'::bytea"
    execute_raw(
        database_url,
        f"UPDATE state_blob_chunks SET data = {literal}",
        f"UPDATE state_blobs SET n_bytes = {len(short)}, sha256 = '{bytes_sha256(short)}'",
        f"UPDATE cached_states SET sha256 = '{place}'",
    )
    with database.read() as tx:
        [blob] = states.find_states(tx, state_spec(), block.text_sha256s)
        assert blob.block is None
