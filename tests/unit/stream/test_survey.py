from __future__ import annotations

from itertools import pairwise

import pytest

from cloned.stream.survey import SAMPLES, samples, worth_reading


@pytest.mark.parametrize("count", [100, 257, 12345])
def test_samples_are_few_and_reach_both_ends(count: int) -> None:
    found = samples(count)
    assert (found[0], found[-1], len(found)) == (0, count - 1, SAMPLES)
    assert max(b - a for a, b in pairwise(found)) <= count / (SAMPLES - 1) + 1


def test_a_small_image_is_read_without_sampling() -> None:
    assert samples(50) == samples(2 * SAMPLES) == []
    assert len(samples(2 * SAMPLES + 1)) == SAMPLES
    assert worth_reading(50, [], set()) == list(range(50))


def test_after_a_power_cut_what_was_never_written_is_not_read() -> None:
    written = 600
    sampled = samples(1000)
    found = worth_reading(1000, sampled, {piece for piece in range(1000) if piece >= written})
    assert set(found) >= set(range(written)) - set(sampled)
    assert len(found) < written + 1000 / SAMPLES + 2


def test_an_unchanged_disk_is_read_whole_and_a_foreign_one_not_at_all() -> None:
    sampled = samples(1000)
    assert worth_reading(1000, sampled, set()) == list(range(1000))
    assert worth_reading(1000, sampled, set(range(1000))) == []


def test_one_flipped_bit_at_a_sample_costs_that_piece_alone() -> None:
    sampled = samples(1000)
    assert set(range(1000)) - set(worth_reading(1000, sampled, {sampled[3]})) == {sampled[3]}
