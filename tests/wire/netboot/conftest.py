"""A TFTP server on loopback, and the engine that agents call."""

import asyncio

import pytest

from cloned.netboot.tftp import TftpServer
from cloned.netboot.tftp_content import ContentCache
from cloned.netboot.tftp_transfer import Pump
from tests.wire.netboot.agent_site import site
from tests.wire.netboot.tftp_client import lookup

__all__ = ["server", "site"]


@pytest.fixture
async def server():
    told = []
    pump, cache = Pump(told.append), ContentCache()
    made = TftpServer("lo", "127.0.0.1", lookup, pump, told.append, cache=cache, port=0)
    made.start()
    made.told = told
    yield made
    await made.close()
    pump.close()
    cache.close()
    await asyncio.sleep(0)
    assert made.transfers == 0
