"""SIGKILL of the daemon, in the middle of a classic session."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab.classic.shop import Shop

pytestmark = pytest.mark.lab


def within(seconds: float, true: Callable[[], object]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


def test_no_sender_outlives_the_daemon_and_the_port_is_not_given_out_again(shop: Shop) -> None:
    opened = shop.command(do="start", image=shop.manifest.name, guests=2)
    assert within(10, shop.senders)
    shop.daemon.kill()
    assert within(2, lambda: not shop.senders())
    shop.start()
    assert within(5, lambda: shop.session(opened["session"])["state"] == "ended")
    assert shop.senders() == []
    again = shop.command(do="start", image=shop.manifest.name, guests=2)
    assert again["port"] != opened["port"]
    assert within(10, shop.senders)
    shop.command(do="cancel", target=again["session"])
    assert within(5, lambda: not shop.senders())
