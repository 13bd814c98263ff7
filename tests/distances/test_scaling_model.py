"""The model of many workers in benchmarks/scaling.py: a bound from above on what handing out tiles takes."""

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scaling import Model, clouds, larger, report, shipped, tasks

import otgen
from otgen.distances.pairs.collection import collected

SECONDS = st.floats(0.01, 10.0)


def run(tiles, feed, workers):
    """One process hands out tiles in their order, ``feed`` seconds each; whoever is free takes the next one. When the last is done."""
    free = [0.0] * workers
    for k, seconds in enumerate(tiles, 1):
        heapq.heappush(free, max(heapq.heappop(free), k * feed) + seconds)
    return max(free)


@given(st.lists(SECONDS, min_size=1, max_size=30), st.floats(0, 1), st.integers(2, 12))
def test_no_run_takes_longer(tiles, feed, workers):
    model = Model(sum(tiles), len(tiles), feed / 2, 1e6 * feed / 2, 1e6, max(tiles))
    assert run(tiles, feed, workers) <= model.seconds(workers) * (1 + 1e-9)


@given(SECONDS, st.integers(2, 12))
def test_even_tiles_without_shipping_reach_it(seconds, workers):
    """One tile more than a whole number of rounds: the bound is met."""
    tiles = [seconds] * (2 * workers + 1)
    model = Model(sum(tiles), len(tiles), 0.0, 0.0, 1.0, seconds)
    assert run(tiles, 0.0, workers) == pytest.approx(model.seconds(workers))


def test_one_process_ships_nothing():
    assert Model(5.0, 3, 1.0, 1.0, 1.0, 2.0).seconds(1) == 5.0


@pytest.mark.nightly
def test_tiles_are_those_that_pairwise_measures():
    sets = clouds(9, 900)
    some = tasks(collected(sets))
    assert len(some) > 1
    out = np.full((9, 9), np.nan)
    for tile, numbers in (task() for task in some):
        rows, columns = slice(*tile.rows), slice(*tile.columns)
        out[rows, columns], out[columns, rows] = numbers[0], numbers[0].T
    assert (out == otgen.pairwise(sets)).all()
    sent = [len(task.rows.read()) + (0 if task.tile.diagonal else len(task.columns.read())) for task in some]
    assert 16 * 900 * np.mean(sent) < shipped(some) < 16 * 900 * np.mean(sent) + 10_000


def test_a_report():
    model = Model(10.0, 4, 1e-3, 2e5, 1e9, 3.0)
    text = report(model, {1: [10.0, 10.2, 9.9], 2: [6.0]}, 66, 500, 2000, 16)
    assert "10 [9.9, 10.2]" in text
    far, pairs = larger(model, 2000, 500, 10.0 / 66)
    assert pairs == 2000 * 1999 // 2
    assert far.work == pytest.approx(pairs * 10.0 / 66)
    assert far.bandwidth == 1e9
    for hosts in (1, 64):
        assert f"{hosts:<5} {16 * hosts:<7}" in text
        assert f"{far.seconds(16 * hosts):.4g}" in text
