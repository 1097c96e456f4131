"""The switches of a configuration read once, for who asks now and not for the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cloned.config import Switch
from cloned.errors import ClonedError, SwitchError
from cloned.switch.configured import address_of, credentials_of, rules_of
from cloned.switch.ports import SwitchView, understand
from cloned.switch.snmp.reader import Reader
from cloned.switch.tables import build


async def read_all(switches: Sequence[Switch], server_macs: frozenset[str]) -> list[SwitchView | ClonedError]:
    """Each switch understood, or why it could not be read; all at once. `server_macs`: the server's own addresses.

    Raises UsageError for an address or keys that cannot be.
    """
    return list(await asyncio.gather(*(_read(each, server_macs) for each in switches)))


async def _read(switch: Switch, server_macs: frozenset[str]) -> SwitchView | ClonedError:
    reader = Reader(address_of(switch), credentials_of(switch))
    try:
        return understand(build(str(reader.address), await reader.read()), rules_of(switch, server_macs))
    except SwitchError as error:
        return error
    finally:
        await reader.close()
