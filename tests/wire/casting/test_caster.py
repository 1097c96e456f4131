"""Every session's sender, held together: what the links carry reaches the pace, and the link is shared."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from cloned.casting.caster import USABLE, Caster
from cloned.casting.pieces import StreamStats
from cloned.core.effect_types import OpenStream, Rates
from cloned.core.ids import SessionId
from tests.waiting import until

pytestmark = pytest.mark.wire
ONE, TWO = SessionId("one"), SessionId("two")


class Store:
    """Two images of a few pieces."""

    def manifest(self, name: str) -> Any:
        return SimpleNamespace(plan=SimpleNamespace(map=SimpleNamespace(count=3)))

    def piece_frame(self, name: str, piece: int) -> bytes:
        return bytes(9000)

    def saved_parts(self, name: str) -> list[tuple[str, list[Path]]]:
        return []


@pytest.fixture
async def caster() -> AsyncIterator[Caster]:
    caster = Caster(Store(), lambda: "127.0.0.1", 1000)
    yield caster
    await caster.close()


async def opened(caster: Caster, *sessions: SessionId) -> None:
    for number, session in enumerate(sessions, Random().randrange(1900)):
        await caster.open(OpenStream(session, number, session, Random().randbytes(16).hex()))


async def rate(caster: Caster, session: SessionId, so: Callable[[float], bool]) -> float:
    """The rate that a session's sender may send at, once it is `so`."""

    def ceiling() -> float:
        stats = caster.stats()[session]
        assert isinstance(stats, StreamStats)
        return stats.ceiling

    await until(lambda: so(ceiling()))
    return ceiling()


async def test_what_the_switch_says_reaches_the_pace(caster: Caster) -> None:
    await opened(caster, ONE, TWO)
    await caster.limit(Rates(1000, ((ONE, 1000), (TWO, 100))))
    assert await rate(caster, TWO, lambda found: found < 5e8) == pytest.approx(100e6 * USABLE)
    assert await rate(caster, ONE, lambda found: True) == pytest.approx(1000e6 * USABLE)
    await caster.limit(Rates(10_000, ((ONE, 2500), (TWO, 1000))))
    assert await rate(caster, ONE, lambda found: found > 1e9) == pytest.approx(2500e6 * USABLE)
    assert caster.link.rate == pytest.approx(10_000e6 * USABLE)


async def test_a_session_that_is_opened_later_starts_at_its_limit(caster: Caster) -> None:
    await caster.limit(Rates(1000, ((ONE, 100),)))
    await opened(caster, ONE)
    assert await rate(caster, ONE, lambda found: found < 5e8) == pytest.approx(100e6 * USABLE)


async def test_what_the_operator_set_is_never_exceeded() -> None:
    caster = Caster(Store(), lambda: "127.0.0.1", 1000, most_mbps=200)
    await opened(caster, ONE)
    await caster.limit(Rates(1000, ((ONE, 1000),)))
    assert caster.link.rate == 200e6
    assert await rate(caster, ONE, lambda found: found <= 2e8) == 200e6
    await caster.close()


async def test_a_classic_stream_keeps_to_its_slowest_link_and_leaves_the_others_their_part(caster: Caster) -> None:
    await caster.limit(Rates(1000, ((ONE, 100), (TWO, 1000))))
    assert caster._classic_share(ONE, 0.0) == pytest.approx(100e6 * USABLE)
    caster.link.leave(ONE)
    assert caster._classic_share(TWO, 0.0) == pytest.approx(1000e6 * USABLE)
    assert caster._classic_share(TWO, 300e6) == pytest.approx(300e6)
    now = time.monotonic()
    assert caster.link.share("pieces", 1000e6, now) == pytest.approx(1000e6 * USABLE - 300e6)
