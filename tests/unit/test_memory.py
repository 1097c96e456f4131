"""What the daemon must not hold while nobody asks for it: drawers of papers, spreadsheets, tables of card makers; and
what must not keep a result from going its way when it starts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import pytest
from pydantic import ValidationError

from cloned import memory
from cloned.inventory.ledger import Ledger
from cloned.journal import _EVENTS
from cloned.lab.bench.filled import row
from cloned.processes import run
from cloned.signing import SiteKey
from tests.unit.inventory.ledgers import empty

pytestmark = pytest.mark.wire  # real programs

LATE = (
    "fpdf", "fontTools", "openpyxl", "PIL", "segno", "alembic", "pysnmp", "psycopg", "scapy", "zxingcpp", "rich.table",
    "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "sqlalchemy.ext", "cryptography", "cloned.images.importing", "cloned.inventory.sinks.snipeit",
    "cloned.inventory.sinks.glpi", "cloned.inventory.sinks.ocs", "cloned.inventory.sinks.devicehub", "cloned.check",
    "cloned.lab", "cloned.papers.document", "cloned.status.openapi", "babel.messages", "pyroute2.ndb",
    "pyroute2.netlink.nl80211", "pyroute2.netlink.nfnetlink", "pyroute2.plan9",
)  # fmt: skip
"""By their beginning: each costs what a start has no time for, or what the daemon would hold in memory for nothing."""
AFTERWARDS = (
    *LATE, "cloned.app", "cloned.engine", "cloned.journal", "cloned.status", "cloned.netboot", "cloned.core.laptop",
    "cloned.core.workshop", "cloned.core.events", "cloned.core.evidence", "cloned.core.verbs", "cloned.disk", "jinja2",
    "pyroute2", "prometheus_client", "tftpy", "alembic",
)  # fmt: skip
"""What is imported once a daemon has begun to send: each of the twenty starts of an evening that goes wrong has to wait
for whatever stands before its first result."""


def among(found: Iterable[str], names: Collection[str]) -> list[str]:
    """Those modules that have one of these names, or lie within one."""
    return [each for each in found if any(each == name or each.startswith(f"{name}.") for name in names)]


def test_the_daemon_imports_late_what_most_evenings_do_not_need() -> None:
    words = "import sys, cloned.cli.main, cloned.cli.serve, cloned.app; print(*sys.modules)"
    found = run([sys.executable, "-c", words]).stdout.decode().split()
    assert "cloned.app" in found
    assert among(found, LATE) == []


async def test_what_waits_goes_its_way_before_the_rest_of_the_daemon_is_imported(
    tmp_path: Path,
) -> None:
    ledger = await Ledger.open(empty(tmp_path / "ledger.sqlite"))
    await ledger.register(["hook"])
    await ledger.record(row(1, 1, 0))
    await ledger.close()
    sink = {"name": "hook", "type": "webhook", "url": "http://127.0.0.1:9/", "secret": "x" * 32}
    config = json.dumps({"workshop": {"state": str(tmp_path)}, "sink": [sink]})
    words = """if True:
        import asyncio, json, os, sys, cloned.cli.main, cloned.cli.serve
        from cloned.config import Config
        from cloned.outset import Outset

        async def begin():
            outset = Outset(Config.model_validate(json.loads(sys.argv[1])))
            waits = await outset.begin_early()
            from cloned.inventory.sinks.webhook import Webhook
            Webhook.send = sent
            print(waits)
            await asyncio.sleep(60)

        async def sent(self, delivery):
            print(*sys.modules, flush=True)
            os._exit(0)

        asyncio.run(begin())
    """
    waits, *found = run([sys.executable, "-c", words, config]).stdout.decode().split()
    assert waits == "True"
    assert "cloned.inventory.outbox" in found
    assert among(found, AFTERWARDS) == []


def test_what_a_start_makes_is_looked_through_seldom_and_what_the_daemon_makes_as_usual() -> None:
    words = (
        "import asyncio, gc; from cloned import memory; print(gc.get_threshold()[0]); memory.collect_seldom(memory.STARTING);"
        "print(gc.get_threshold()[0]); asyncio.run(asyncio.wait_for(memory.run(), 0.5))"
    )
    words = f"try:\n  {words}\nexcept TimeoutError: print(gc.get_threshold()[0], gc.get_freeze_count() > 1000)"
    usual, starting, after, frozen = run([sys.executable, "-c", words]).stdout.decode().split()
    assert (int(starting), after, frozen) == (memory.STARTING[0], usual, "True")


def test_scapy_holds_no_table_and_no_library_that_it_is_not_asked_for(tmp_path: Path) -> None:
    words = """if True:
        import sys, cloned.netboot.raw_packets, cloned.multicast.igmp_packets
        from scapy.data import BLUETOOTH_CORE_COMPANY_IDENTIFIERS, MANUFDB
        print(len(MANUFDB.d), len(BLUETOOTH_CORE_COMPANY_IDENTIFIERS), *sys.modules)
    """
    kept = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    makers, numbers, *found = run([sys.executable, "-c", words], env=kept).stdout.decode().split()
    assert (makers, numbers) == ("0", "0")
    assert among(found, ["cryptography", "scapy.layers.inet6"]) == []
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []  # where others find its tables whole


def test_what_was_left_out_for_scapy_is_there_for_everybody_else() -> None:
    words = "import sys, cloned.netboot.raw_packets as ours, cryptography.x509; print([*map(type, sys.meta_path)])"
    assert b"bare_scapy" not in run([sys.executable, "-c", words]).stdout


def test_a_key_that_is_there_is_read_without_the_library_that_signs(tmp_path: Path) -> None:
    SiteKey.open(tmp_path)
    words = "import sys; from pathlib import Path; from cloned.signing import SiteKey; SiteKey.open(Path(sys.argv[1]))"
    found = run([sys.executable, "-c", f"{words}; print(*sys.modules)", tmp_path]).stdout.decode().split()
    assert among(found, ["cryptography"]) == []


def test_authorities_are_read_where_somebody_asks_over_tls_and_nobody_else_is_believed() -> None:
    words = """if True:
        import cloned.client, aiohttp.connector
        from cloned.inventory.sinks.http import trust
        print(aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509"], trust(None, "http://a"))
        told = trust(None, "HTTPS://a")
        print(told is trust(None, "https://b"), told.check_hostname, told.verify_mode.name)
        import ssl
        print(told.cert_store_stats() == ssl.create_default_context().cert_store_stats())
    """
    told = run([sys.executable, "-c", words]).stdout.decode().split()
    assert told == ["0", "True", "True", "True", "CERT_REQUIRED", "True"]


def test_an_event_is_read_by_its_kind_alone() -> None:
    with pytest.raises(ValidationError) as caught:
        _EVENTS.validate_python({"kind": "nothing", "tags": []})
    assert [each["type"] for each in caught.value.errors()] == ["union_tag_invalid"]  # not one for each kind there is
