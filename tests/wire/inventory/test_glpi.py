"""The GLPI sink against a GLPI that behaves as the real one was recorded to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cloned.config_file import parse
from cloned.errors import UsageError
from cloned.inventory.sinks.base import SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.glpi_inventory import document
from cloned.inventory.sinks.record import record_of
from cloned.inventory.sinks.told import KnownThere
from tests.wire.inventory.conftest import ERASED, LENT

pytestmark = pytest.mark.wire
PDF = b"%PDF-1.4\n%%EOF\n"


def computers(server: Any) -> list[dict[str, Any]]:
    return [each for each in server.items["Computer"].values() if not each["is_deleted"]]


def put(server: Any, **values: Any) -> dict[str, Any]:
    """A computer that somebody made by hand."""
    return server.add("Computer", {"name": "lap", "serial": "PF0AAAA1", "otherserial": "DM-0412", **values})


def writes(server: Any) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in server.requests if method != "GET"]


def sheet_of(content: bytes | None) -> Surroundings:
    async def make(delivery: Any) -> bytes | None:
        return content

    return Surroundings(sheet=make)


async def test_a_laptop_that_is_not_there_is_made(glpi, glpi_sink, deliver):
    receipt = await glpi_sink().send(deliver())
    [made] = computers(glpi)
    assert (made["serial"], made["otherserial"], made["name"], made["states_id"]) == (
        "PF0AAAA1",
        "DM-0412",
        "DM-0412",
        1,
    )
    assert (made["computermodels_id"], made["manufacturers_id"], made["comment"]) == (
        1,
        1,
        "2026-11-28 school-2026: verified",
    )
    assert receipt.tag == "DM-0412"


async def test_sending_it_again_writes_nothing(glpi, glpi_sink, deliver):
    sink = glpi_sink(sheet_of(PDF), sheet=True)
    await sink.send(deliver())
    glpi.requests.clear()
    await sink.send(deliver())
    assert writes(glpi) == []
    await sink.send(deliver(2, amended="2026-11-29T10:00:00.000Z"))
    assert [len(glpi.items[kind]) for kind in ("Notepad", "Document", "Document_Item")] == [1, 1, 1]


async def test_a_comment_is_added_to_and_never_replaced(glpi, glpi_sink, deliver):
    put(glpi, comment="belongs to <R&D>\nline 2")
    await glpi_sink().send(deliver())
    [made] = computers(glpi)
    assert made["comment"] == "belongs to &#60;R&#38;D&#62;\nline 2\n2026-11-28 school-2026: verified"


async def test_an_erasure_changes_state_and_its_own_line_and_nothing_of_the_clone(glpi, glpi_sink, deliver):
    sink = glpi_sink(erased="Failed check", comment="{date} erased: {erasure.level}", note="")
    assert sink.takes(deliver(**ERASED).row)
    assert not glpi_sink().takes(deliver(**ERASED).row)
    await glpi_sink(note="").send(deliver())
    for _ in range(2):
        await sink.send(deliver(**ERASED))
    [computer] = computers(glpi)
    assert computer["comment"] == "2026-11-28 school-2026: verified\n2026-11-28 erased: purge"
    assert computer["states_id"] == 2


async def test_eleven_keeps_texts_raw(glpi, glpi_sink, deliver):
    glpi.version = "11.0.2"
    put(glpi, comment="a &#60; b is typed so")
    await glpi_sink(note="").send(deliver())
    assert computers(glpi)[0]["comment"].startswith("a &#60; b is typed so\n")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([{"otherserial": "DM-0421"}], "the inventory calls PF0AAAA1 DM-0421, the sticker says DM-0412"),
        ([{}, {}], "2 entries have the serial PF0AAAA1"),
        ([{"serial": "OTHER1"}], "DM-0412 is another laptop there, with the serial OTHER1"),
        ([{"serial": "pf0aaaa1"}], "differs from PF0AAAA1 in case"),
    ],
)
async def test_what_disagrees_is_told_and_nothing_is_touched(glpi, glpi_sink, deliver, there, said):
    for each in there:
        put(glpi, **each)
    with pytest.raises(SinkRefused, match=f"nothing was changed in GLPI: .*{said}"):
        await glpi_sink().send(deliver())
    assert writes(glpi) == []


async def test_one_in_the_trash_is_not_found(glpi, glpi_sink, deliver):
    put(glpi)["is_deleted"] = 1
    await glpi_sink().send(deliver())
    assert len(computers(glpi)) == 1


async def test_a_lent_laptop_keeps_state_and_user(glpi, glpi_sink, deliver):
    put(glpi, states_id=2, users_id=5, contact="Bea Borrower")
    sink = glpi_sink()
    receipt = await sink.send(deliver())
    [made] = computers(glpi)
    assert (made["states_id"], made["users_id"], made["contact"]) == (2, 5, "Bea Borrower")
    assert receipt.said == ("DM-0412 is lent out: its state and user were left alone",)
    assert await sink.known("PF0AAAA1") == KnownThere(1, "DM-0412", "", "Failed check", True)
    assert "Bea" not in repr([await sink.known("", "DM-0412"), receipt, await sink.rehearse(deliver())])


async def test_a_clone_that_is_told_again_does_not_call_it_in(glpi, glpi_sink, deliver):
    sink = glpi_sink(lent="Failed check")
    await sink.send(deliver(**LENT))
    await sink.send(deliver(2, lending="lent"))
    [made] = computers(glpi)
    assert made["states_id"] == 2


async def test_a_state_that_is_not_there_is_never_stored(glpi, glpi_sink, deliver):
    with pytest.raises(SinkRefused, match='up to date, except: there is no state "Given away" in GLPI'):
        await glpi_sink(done="Given away").send(deliver())
    assert computers(glpi)[0]["states_id"] == 0
    await glpi_sink(done="Given away", make=True).send(deliver(product="New", vendor="Maker"))
    assert [each["name"] for each in glpi.items["State"].values()] == ["Ready", "Failed check", "Given away"]


async def test_what_is_not_kept_is_told(glpi, glpi_sink, deliver):
    with pytest.raises(SinkRefused, match="GLPI has no field no_such_field for a computer"):
        await glpi_sink(fields={"no_such_field": "x", "contact_num": "{tag}"}).send(deliver())
    assert computers(glpi)[0]["contact_num"] == "DM-0412"


@pytest.mark.parametrize(("content", "said"), [(b"%PDF" + bytes(3 << 20), "upload_max_filesize")])
async def test_a_refused_file_leaves_no_empty_document(glpi, glpi_sink, deliver, content, said):
    with pytest.raises(SinkRefused, match=f"GLPI did not keep the sheet: .*{said}"):
        await glpi_sink(sheet_of(content), sheet=True).send(deliver())
    assert glpi.items["Document"] == {}


async def test_a_session_that_ended_is_renewed(glpi, glpi_sink, deliver):
    sink = glpi_sink()
    await sink.send(deliver())
    glpi.sessions.clear()
    await sink.send(deliver(state="aside"))
    assert computers(glpi)[0]["states_id"] == 2
    await sink.close()
    assert glpi.sessions == {}


@pytest.mark.parametrize(
    ("turn", "more", "said"),
    [
        ({"enabled": False}, {}, "API is switched off"),
        ({"allowed_ip": False}, {}, "does not allow our address"),
        ({}, {"token": "wrong-one"}, "does not accept the user's token"),
        ({}, {"app_token": "wrong-one"}, "does not accept the token of the API client"),
        ({}, {"app_token": ""}, "asks for the token of its API client"),
    ],
)
async def test_what_a_person_must_put_right_is_named_and_waits(glpi, glpi_sink, deliver, turn, more, said):
    for name, value in turn.items():
        setattr(glpi, name, value)
    with pytest.raises(Unavailable, match=said) as caught:
        await glpi_sink(**more).send(deliver())
    assert caught.value.after == 120
    assert "wrong-one" not in str(caught.value)
    assert [line.possible for line in await glpi_sink(**more).rehearse(None)] == [False]


async def test_a_user_without_the_right(glpi, glpi_sink, deliver):
    with pytest.raises(SinkRefused, match="GLPI did not take it: You don't have permission"):
        await glpi_sink(token="USER-TOKEN-LIMITED").send(deliver())


async def test_the_native_inventory_comes_first_and_does_not_win(glpi, glpi_sink, deliver):
    glpi.inventory_on = True
    put(glpi, uuid="4c4c4544-0042-3510-8054-b7c04f303233")
    await glpi_sink(inventory=True).send(deliver())
    [made] = computers(glpi)
    assert (made["otherserial"], made["states_id"], made["is_dynamic"]) == ("DM-0412", 1, 1)


async def test_a_native_inventory_that_is_off_is_told(glpi, glpi_sink, deliver):
    with pytest.raises(SinkRefused, match="up to date, except: GLPI takes no inventory: enable it"):
        await glpi_sink(inventory=True).send(deliver())
    assert computers(glpi)[0]["states_id"] == 1


def test_the_inventory_document_is_of_the_published_schema(deliver):
    """glpi-project/inventory_format, inventory.schema.json."""
    path = Path(os.environ.get("CLONED_CACHE", "var")) / "glpi-inventory.schema.json"
    if not path.exists():
        pytest.skip(f"the published schema is not at {path}")
    from jsonschema import Draft7Validator

    told = document(record_of(deliver()))
    assert [error.message for error in Draft7Validator(json.loads(path.read_text())).iter_errors(told)] == []
    assert "assettag" not in told["content"]["bios"]


async def test_a_rehearsal_writes_nothing(glpi, glpi_sink, deliver):
    put(glpi, comment="mine")
    lines = [line.line() for line in await glpi_sink(erased="Gone").rehearse(deliver())]
    assert writes(glpi) == []
    assert lines == [
        "ok: server: GLPI 10.0.12, and it accepts the token",
        "ok: state done: Ready",
        "ok: state failed: Failed check",
        'missing: state erased: there is no "Gone" (make it, or set make = true)',
        "ok: computer: DM-0412, PF0AAAA1",
        "would change: states_id: → 1",
        "would change: comment: a line more",
    ]


async def page(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>hunter22</html>", content_type="text/html")


async def elsewhere(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "https://evil.example/x?token=hunter22"})


async def fault(request: web.Request) -> web.StreamResponse:
    return web.json_response({"x": "hunter22"}, status=500)


async def odd(request: web.Request) -> web.StreamResponse:
    return web.json_response("hunter22")


@pytest.mark.parametrize("trouble", [page, elsewhere, fault, odd])
async def test_odd_answers_are_named_and_pass(glpi, glpi_sink, deliver, trouble):
    sink = glpi_sink()
    glpi.trouble = trouble
    with pytest.raises(Unavailable) as caught:
        await sink.send(deliver())
    assert "hunter22" not in str(caught.value)
    glpi.trouble = None
    await sink.send(deliver())


@pytest.mark.parametrize(
    "name",
    ["comment", "users_id", "users_id_tech", "states_id", "id", "contact", "is_deleted", "serial", "date_mod", "a b"],
)
def test_what_people_wrote_and_lists_are_no_fields_of_ours(name):
    with pytest.raises(UsageError, match=f"{name} is no text of a computer in GLPI"):
        parse(f'[[sink]]\nname = "g"\ntype = "glpi"\nurl = "http://x/"\ntoken = "T"\nfields = {{ "{name}" = "x" }}\n')


async def test_a_column_that_it_does_not_have_is_named_beforehand(glpi, glpi_sink, deliver):
    sink = glpi_sink(fields={"no_such_field": "x", "contact_num": "{tag}"})
    assert [line for line in await sink.rehearse(None) if not line.possible] == []  # there is no computer to look at
    await glpi_sink().send(deliver())
    [line] = [line for line in await sink.rehearse(None) if not line.possible]
    assert "no_such_field" in line.line()
