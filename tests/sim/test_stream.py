"""Seeded streams with losing, stalling, late, slow, resetting and vanishing laptops, and a sender that dies."""

from __future__ import annotations

from random import Random

import pytest
from tests.sim.stream_world import Nature, World


def some_nature(random: Random) -> Nature:
    """A laptop of any kind; most are healthy."""
    nature = Nature(delay=random.choice((0.0002, 0.002, 0.03)), slots=random.choice((2, 4, 8, 24)))
    kind = random.randrange(10)
    if kind == 0:
        nature.starts = random.random() * 3
    elif kind == 1:
        nature.loss = random.choice((0.01, 0.1, 0.4))
    elif kind == 2:
        nature.write = random.choice((0.05, 0.3))
    elif kind == 3:
        nature.stalls = [(random.random(), random.random() * 3)]
    elif kind == 4:
        nature.resets = [random.random() for _ in range(random.randrange(1, 3))]
    elif kind == 5:
        nature.vanishes = random.random()
    elif kind == 6:
        nature.deaf = [(random.random(), random.random() * 6)]
    elif kind == 7:
        nature.asks_lost = random.choice((0.1, 0.5))
    elif kind == 8:
        nature.damage = 0.05
    return nature


def some_world(seed: int) -> World:
    random = Random(seed)
    natures = [some_nature(random) for _ in range(random.randrange(1, 6))]
    deaths = [(random.random() * 2, random.random() * 2)] if random.random() < 0.3 else []
    return World(seed, random.randrange(1, 16), natures, deaths=deaths)


@pytest.mark.parametrize("block", range(10))
def test_everybody_ends_with_every_piece(block: int) -> None:
    for seed in range(block * 30, block * 30 + 30):
        world = some_world(seed)
        try:
            world.run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        for laptop in world.laptops:
            assert laptop.gone or laptop.disk == set(range(world.pieces)), f"seed {seed}"
