"""Thirteen real switches, answered for by snmpsim: what we understand is what their expected.json says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloned.switch.ports import SwitchView, understand
from cloned.switch.snmp.credentials import Community, Credentials, Secret, User, parse_address
from cloned.switch.snmp.faults import SilentError, WrongKeysError
from cloned.switch.snmp.presence import Presence
from cloned.switch.snmp.reader import Reader
from cloned.switch.tables import build
from tests.unit.switch.recorded import FIELD, field_view

pytestmark = pytest.mark.interop

RECORDINGS = (
    "3com-4200",
    "alliedtelesis-gs950-24",
    "brocade-icx6430-24",
    "cisco-catalyst-2960x-stack",
    "cisco-sg350x-24p",
    "dlink-des-3028",
    "hp-procurve-2520-24",
    "mikrotik-crs317",
    "mikrotik-css326-24g-2s",
    "tplink-sg2008",
    "tplink-sg2218p",
    "ubiquiti-us-8",
    "zyxel-gs1900-48",
)


async def view_of(responder: Any, credentials: Credentials) -> SwitchView:
    reader = Reader(parse_address(responder.address), credentials)
    try:
        return understand(build(responder.address, await reader.read()))
    finally:
        await reader.close()


def credentials_of(responder: Any, version: str, name: str, **changes: str) -> Credentials:
    if version == "v2c":
        return Community(Secret(name))
    keys = {"auth": responder.auth_key, "privacy": responder.privacy_key, "user": responder.user, **changes}
    return User(keys["user"], "SHA256", Secret(keys["auth"]), "AES", Secret(keys["privacy"]), name)


@pytest.mark.parametrize("name", sorted(path.stem for path in FIELD.glob("*.snmprec")))
async def test_a_switch_from_the_field_is_read_as_it_was_recorded(name: str, responder: Any) -> None:
    """Over the wire comes what the file says: what is asked for only where it is needed, too."""
    seen, known = await view_of(responder, credentials_of(responder, "v2c", name)), field_view(name)
    assert seen.ports == known.ports
    assert set(seen.stations) == set(known.stations)


@pytest.mark.parametrize("version", ["v2c", "v3"])
@pytest.mark.usefixtures("switches")
@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_real_switch_is_understood(name: str, version: str, responder: Any) -> None:
    expected = json.loads((responder.recordings / f"{name}.expected.json").read_text())
    shown = (await view_of(responder, credentials_of(responder, version, name))).to_json()

    assert shown["sys_descr"] == expected["sysDescr"]
    facts = ("name", "admin", "oper", "speed_mbps")
    assert [(port["if_index"], *(port[fact] for fact in facts)) for port in shown["ports"]] == [
        (port["ifIndex"], *(port[fact] for fact in facts)) for port in expected["physical_ports"]
    ]
    stations = [(row["mac"], row["vlan"], row["if_index"]) for row in shown["fdb"]]
    assert sorted(stations, key=repr) == sorted(
        ((row["mac"], row["vlan"], row["ifIndex"]) for row in expected["fdb"] if not row["own"]), key=repr
    )
    placed = {(row["if_index"], row["neighbour"]) for row in shown["lldp"]}
    told = expected["lldp"] or []
    assert {index for index, _ in placed} == {row["ifIndex"] for row in told}
    assert {(row["ifIndex"], neighbour) for row in told for neighbour in row["neighbours"]} <= placed


@pytest.mark.usefixtures("switches")
@pytest.mark.parametrize(
    ("name", "uplinks"),
    [
        ("3com-4200", {124}),
        ("alliedtelesis-gs950-24", set()),
        ("brocade-icx6430-24", {1}),
        ("cisco-sg350x-24p", {14, 16, 49, 50}),
        ("hp-procurve-2520-24", {28}),
        ("mikrotik-css326-24g-2s", {25}),
        ("tplink-sg2218p", {49170}),
        ("ubiquiti-us-8", {1000001}),
    ],
)
async def test_uplinks_by_evidence(name: str, uplinks: set[int], responder: Any) -> None:
    view = await view_of(responder, credentials_of(responder, "v2c", name))
    assert {port.if_index for port in view.ports if port.role == "uplink"} == uplinks
    assert view.capacity == sum(1 for port in view.ports if port.admin != "down") - len(uplinks)
    assert len([warning for warning in view.warnings if warning.code == "switch-uplink"]) == len(uplinks)


async def test_a_wrong_community_is_told_from_a_switch_that_is_off(responder: Any) -> None:
    reader = Reader(parse_address(responder.address), Community(Secret("hush-hush")), timeout=0.5, retries=0)
    with pytest.raises(SilentError) as caught:
        await reader.read()
    assert caught.value.presence is Presence.SPEAKS
    assert "hush-hush" not in f"{caught.value!r} {caught.value}"


@pytest.mark.usefixtures("switches")
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"auth": "another key altogether"}, "authentication key"),
        ({"privacy": "another key altogether"}, "privacy key"),
        ({"user": "nobody"}, "does not know this SNMP v3 user"),
    ],
)
async def test_wrong_keys_are_named(changes: dict[str, str], word: str, responder: Any) -> None:
    credentials = credentials_of(responder, "v3", "tplink-sg2008", **changes)
    reader = Reader(parse_address(responder.address), credentials, timeout=0.5, retries=0)
    with pytest.raises(WrongKeysError, match=word) as caught:
        await reader.read()
    for secret in (*changes.values(), responder.privacy_key):
        assert secret == "nobody" or secret not in f"{caught.value!r} {caught.value}"


@pytest.mark.usefixtures("switches")
async def test_what_changes_is_read_again_with_less(responder: Any) -> None:
    reader = Reader(parse_address(responder.address), Community(Secret("zyxel-gs1900-48")))
    whole = await reader.read()
    again = await reader.refresh(whole)
    await reader.close()
    before, after = (understand(build("zyxel", raw)) for raw in (whole, again))
    assert [(port.name, port.oper, port.speed_mbps, port.macs) for port in before.ports] == [
        (port.name, port.oper, port.speed_mbps, port.macs) for port in after.ports
    ]
    assert again.requests < whole.requests
    assert all(port.in_errors is not None for port in after.ports)
