"""Seeded streams with losing, stalling, late, slow, resetting and vanishing laptops, and a sender that dies.

A seed that fails is replayed by `some_world(SEED).run()`.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest

from tests.sim.stream_world import Nature, World


def some_nature(random: Random) -> Nature:
    """A laptop of any kind; few are healthy."""
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


def some_tampering(random: Random, world: World) -> None:
    """Somebody on the wire who repeats, damages and forges."""
    before: list[bytes] = []

    def tamper(packet: bytes) -> Iterable[bytes]:
        before.append(packet)
        yield packet
        if random.random() < 0.02:
            yield random.choice(before[-200:])
        if random.random() < 0.01:
            yield world.damaged(packet)
        if random.random() < 0.01:
            yield random.randbytes(len(packet))

    world.tamper = tamper


def some_world(seed: int) -> World:
    random = Random(seed)
    natures = [some_nature(random) for _ in range(random.randrange(1, 6))]
    deaths = [(random.random() * 2, random.random() * 2)] if random.random() < 0.3 else []
    world = World(seed, random.randrange(1, 16), natures, deaths=deaths)
    if random.random() < 0.2:
        some_tampering(random, world)
    return world


def check(seed: int) -> None:
    """Everybody who is still there ends with every piece, whole."""
    world = some_world(seed)
    try:
        world.run()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    for laptop in world.laptops:
        assert laptop.gone or laptop.disk == set(range(world.pieces)), f"seed {seed}"


@pytest.mark.parametrize("block", range(10))
def test_everybody_ends_with_every_piece(block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(30))
def test_everybody_ends_with_every_piece_in_thousands_of_runs(block: int) -> None:
    for seed in range(1000 + block * 100, 1100 + block * 100):
        check(seed)


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = some_world(11), some_world(11)
    first.run()
    second.run()
    assert (first.now, first.sent, first.dropped) == (second.now, second.sent, second.dropped)


# -- what it costs: one image of 30 pieces, 120 packets each; seconds of the virtual network ---------


def session(*natures: Nature, deaths: Iterable[tuple[float, float]] = ()) -> World:
    world = World(1, 30, natures, deaths=deaths, packets=120)
    world.run()
    return world


@pytest.fixture(scope="module")
def alone() -> float:
    """How long one healthy laptop takes."""
    world = session(Nature(slots=24))
    assert world.sent == world.packets
    return world.now


def seven_and(odd: Nature) -> tuple[float, float, World]:
    """The slowest of seven healthy ones, the odd one, and the world."""
    world = session(*[Nature(slots=24) for _ in range(7)], odd)
    *others, last = world.laptops
    return max(laptop.finished for laptop in others), last.finished - odd.starts, world


def test_twenty_four_take_as_long_as_one(alone: float) -> None:
    world = session(*[Nature(slots=24) for _ in range(24)])
    assert world.now <= 1.01 * alone
    assert world.sent == world.packets


def test_one_percent_of_independent_loss_at_eight_costs_what_was_lost(alone: float) -> None:
    world = World(1, 120, [Nature(slots=24, loss=0.01) for _ in range(8)], packets=120)
    world.run()
    assert world.sent <= 1.09 * world.packets  # 1 - 0.99 ** 8 = 0.077 are lost by somebody
    assert world.now <= 1.15 * 4 * alone


def test_a_late_one_costs_nobody_anything_and_needs_no_longer(alone: float) -> None:
    others, late, world = seven_and(Nature(slots=24, starts=0.6 * alone))
    assert others <= 1.01 * alone
    assert late <= 1.1 * alone
    assert world.sent <= 1.65 * world.packets


@pytest.mark.parametrize(
    "odd",
    [
        Nature(slots=24, write=0.4),
        Nature(slots=24, stalls=[(0.2, 2.0)]),
        Nature(slots=24, vanishes=0.2),
        Nature(slots=24, resets=[0.3]),
        Nature(slots=24, deaf=[(0.0, 3.0)]),
        Nature(slots=24, loss=0.3),
    ],
    ids=["slow disk", "frozen", "gone", "reset", "deaf", "bad cable"],
)
def test_one_that_is_in_trouble_costs_the_others_next_to_nothing(alone: float, odd: Nature) -> None:
    others, _, _ = seven_and(odd)
    assert others <= 1.02 * alone


def test_after_a_power_cut_only_what_is_missing_is_fetched(alone: float) -> None:
    _, reset, world = seven_and(Nature(slots=24, resets=[0.6 * alone]))
    assert reset <= alone + 1.0 + 0.5 * alone  # a second to boot
    assert world.sent <= 1.5 * world.packets


def test_a_sender_that_dies_costs_its_own_absence(alone: float) -> None:
    world = session(*[Nature(slots=24) for _ in range(4)], deaths=[(0.4 * alone, 2.0)])
    assert world.now <= alone + 2.0 + 0.4
