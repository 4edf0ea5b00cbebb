"""Batches of unequal lengths: everything once, within the budget, with little padding."""

import random

import pytest

from vectorlab.steering.model.batching import length_buckets


@pytest.mark.parametrize("budget", [1, 50, 400, 100_000])
@pytest.mark.parametrize("seed", range(5))
def test_batches_hold_every_sequence_within_the_budget(seed, budget):
    draws = random.Random(seed)
    lengths = sorted(draws.choice([3, 9, 10, 40, 41, 90]) for _ in range(draws.randint(1, 80)))
    sizes = length_buckets(lengths, budget)
    assert sum(sizes) == len(lengths)
    done = 0
    for size in sizes:
        assert size > 0
        done += size
        assert size == 1 or size * lengths[done - 1] <= budget


def test_equal_lengths_share_a_batch_without_padding():
    lengths = [10] * 30 + [50] * 30 + [90] * 20
    assert length_buckets(lengths, 2000) == [30, 30, 20]


def test_a_few_sequences_of_like_lengths_share_one_batch():
    assert length_buckets([10, 11, 12, 13], 2000) == [4]


def test_a_bucket_beyond_the_budget_is_cut_evenly():
    assert length_buckets([10] * 21, 100) == [7, 7, 7]


def test_nothing_is_no_batch():
    assert length_buckets([], 100) == []


def test_padding_is_little():
    draws = random.Random(0)
    lengths = sorted(draws.randint(5, 120) for _ in range(512))
    sizes, padded, done = length_buckets(lengths, 2048), 0, 0
    for size in sizes:
        done += size
        padded += size * lengths[done - 1]
    assert padded <= 1.03 * sum(lengths)
    assert len(sizes) < 50


def test_a_batch_may_be_as_large_as_the_budget():
    assert length_buckets([9] * 5 + [10] * 5, 100) == [10]
    assert length_buckets([9] * 5 + [10] * 5, 99) == [5, 5]
    assert length_buckets([10] * 10, 100) == [10]
