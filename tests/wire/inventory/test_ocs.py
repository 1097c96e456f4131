"""The OCS sink against an OCS Inventory that behaves as the real one was recorded to."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from cloned.config_file import parse
from cloned.destinations import OcsSettings
from cloned.errors import UsageError
from cloned.inventory.sinks.base import SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.memory import FolderMemory
from cloned.inventory.sinks.ocs import Ocs as OcsSink
from cloned.inventory.sinks.ocs import device_id, reply_of
from tests.servers.ocs import Ocs

pytestmark = pytest.mark.wire


@pytest.fixture
async def ocs() -> AsyncIterator[Ocs]:
    async with Ocs().serving() as server:
        yield server


@pytest.fixture
async def ocs_sink(ocs, tmp_path) -> AsyncIterator[Callable[..., OcsSink]]:
    made: list[OcsSink] = []

    def make(**more: Any) -> OcsSink:
        settings = {"name": "ocs", "type": "ocs", "url": f"{ocs.url}/ocsinventory", "api": f"{ocs.url}/ocsapi"}
        made.append(OcsSink(OcsSettings.model_validate(settings | more), Surroundings(memory=FolderMemory(tmp_path))))
        return made[-1]

    yield make
    for sink in made:
        await sink.close()


async def test_a_result_is_a_computer(ocs, ocs_sink, deliver):
    receipt = await ocs_sink().send(deliver())
    [(device, computer)] = ocs.computers.items()
    assert device == "PF0AAAA1-2026-11-28-19-04-05"
    assert computer["account"] == {"TAG": "DM-0412"}
    assert computer["told"]["HARDWARE", "DESCRIPTION"] == "cloned: school-2026, verified, 2026-11-28"
    assert computer["told"]["BIOS", "SSN"] == "PF0AAAA1"
    assert receipt.said == ()


async def test_it_is_the_same_computer_for_ever(ocs, ocs_sink, deliver):
    """Also with another serial, date and mainboard, and by another daemon: what was kept counts."""
    await ocs_sink().send(deliver())
    await ocs_sink().send(deliver(attempt=2, at="2027-05-05T10:00:00.000Z", serial="PF0NEW99", verdict="differs"))
    [computer] = ocs.computers.values()
    assert computer["told"]["HARDWARE", "DESCRIPTION"] == "cloned: school-2026, differs, 2027-05-05"


async def test_what_it_does_not_take_is_told(ocs, ocs_sink, deliver):
    sink = ocs_sink(fields={"fields_3": "{verdict}"})
    assert (await sink.send(deliver())).said == ()
    receipt = await sink.send(deliver(attempt=2, tag="DM-9999", verdict="differs"))
    assert receipt.said == (
        "OCS keeps another TAG than ours: it takes it at the first inventory only",
        "OCS keeps another fields_3 than ours: it takes it at the first inventory only",
    )
    ocs.accepts_tags = True
    assert (await sink.send(deliver(attempt=3, tag="DM-9999"))).said == ()


async def test_a_locked_computer_is_tried_again(ocs, ocs_sink, deliver):
    ocs.locked.add("PF0AAAA1-2026-11-28-19-04-05")
    with pytest.raises(Unavailable, match="busy with this computer") as caught:
        await ocs_sink().send(deliver())
    assert caught.value.after == 60


async def test_a_password_in_front(ocs, ocs_sink, deliver):
    ocs.password = ("cloned", "s3cret99")
    with pytest.raises(Unavailable, match="another name or password") as caught:
        await ocs_sink(user="cloned", password="s3cret00").send(deliver())
    assert "s3cret00" not in str(caught.value)
    await ocs_sink(user="cloned", password="s3cret99").send(deliver())


async def test_markup_and_odd_characters_arrive(ocs, ocs_sink, deliver):
    await ocs_sink(tag="T<1> & {tag}").send(deliver(product='Élan <14"> & co'))
    [computer] = ocs.computers.values()
    assert computer["account"]["TAG"] == "T<1> & DM-0412"
    assert computer["told"]["BIOS", "SMODEL"] == 'Élan <14"> & co'


async def test_a_success_that_made_nothing_is_told(ocs, ocs_sink, deliver):
    async def nothing(request: web.Request) -> web.StreamResponse | None:
        reply = b"<REPLY><RESPONSE>NO_ACCOUNT_UPDATE</RESPONSE></REPLY>"
        return web.Response(body=zlib.compress(reply)) if request.method == "POST" else None

    ocs.trouble = nothing
    with pytest.raises(SinkRefused, match="took the inventory, but has 0 computers"):
        await ocs_sink().send(deliver())
    assert (await ocs_sink(api="").send(deliver())).said == ()


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><REPLY>&b;</REPLY>'


@pytest.mark.parametrize(
    "raw", [b"", b"<html><b>", b"<x/>", b"\x00\xff", BOMB, zlib.compress(BOMB), zlib.compress(b"<")]
)
def test_answers_that_are_none(raw):
    with pytest.raises(Unavailable, match="is `url` the address of its server"):
        reply_of(raw)


def test_a_packed_answer_does_not_grow_without_end():
    with pytest.raises(Unavailable):
        reply_of(zlib.compress(b"<REPLY>" + b" " * (64 << 20) + b"</REPLY>"))


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({}, "PF0AAAA1-2026-11-28-19-04-05"),
        ({"serial": "To be filled by O.E.M."}, "4c4c4544-0042-3510-8054-b7c04f303233-2026-11-28-19-04-05"),
        ({"serial": "/7XK/CN 0A/"}, "7XK-CN-0A-2026-11-28-19-04-05"),
        ({"at": ""}, "PF0AAAA1-1970-01-01-00-00-00"),
    ],
)
def test_names_are_of_the_form_that_it_takes(deliver, more, name):
    assert device_id({"laptop": "a1", **deliver(**more).row}) == name


async def test_a_rehearsal_sends_nothing(ocs, ocs_sink, deliver):
    lines = [line.line() for line in await ocs_sink().rehearse(deliver())]
    assert lines[1:] == [
        f"ok: api: {ocs.url}/ocsapi",
        "would create: computer: PF0AAAA1-2026-11-28-19-04-05",
        "would change: description: → cloned: school-2026, verified, 2026-11-28",
        "would create: TAG: DM-0412, taken at the first inventory only",
    ]
    assert ocs.computers == {}
    assert await ocs_sink().known("PF0AAAA1") is None


@pytest.mark.parametrize("name", ["serial", "tag", "fields_", "fields_x", "Owner"])
def test_an_account_has_a_tag_and_numbered_fields_alone(name):
    with pytest.raises(UsageError, match=f"not {name}"):
        parse(f'[[sink]]\nname = "o"\ntype = "ocs"\nurl = "http://x/"\nfields = {{ "{name}" = "x" }}\n')
