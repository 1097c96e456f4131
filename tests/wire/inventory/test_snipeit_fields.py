"""What the Snipe-IT sink writes into fields, attaches, and adds to the history."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from cloned.inventory.sinks.base import SinkRefused, Surroundings
from tests.wire.inventory.conftest import ERASED
from tests.wire.inventory.snipeit_assets import WORN, label, lone, put, writes

pytestmark = pytest.mark.wire

PDF = b"%PDF-1.4\n%%EOF\n"


async def test_a_field_outside_the_fieldset_is_said_and_the_rest_written(snipeit, snipeit_sink, deliver):
    receipt = await snipeit_sink(fields={"Stray": "x", "Nowhere": "y", "Clone verdict": "{verdict}"}).send(deliver())
    assert receipt.said == ("the model ThinkPad T480 has no field Stray, Nowhere there: put it into its fieldset",)
    assert lone(snipeit, serial="PF0AAAA1")["_snipeit_clone_verdict_2"] == "verified"


@pytest.mark.parametrize("token", ["TOKEN-ADMIN", "TOKEN-LIMITED"])
async def test_an_encrypted_field_is_never_written(snipeit, snipeit_sink, deliver, token):
    receipt = await snipeit_sink(token=token, fields={"Disk password": "{verdict}"}).send(deliver())
    assert receipt.said == ("the field Disk password is encrypted there and never written",)
    assert not [body for _, _, body in writes(snipeit) if "_snipeit_disk_password_6" in body]


async def test_markup_comes_back_as_it_was_written(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink(fields={"Clone verdict": '<i>it\'s & "fine"</i> {image}', "name": "<b>{tag}</b>"})
    await sink.send(deliver())
    snipeit.requests.clear()
    await sink.send(deliver())
    assert writes(snipeit) == []
    assert lone(snipeit, serial="PF0AAAA1")["name"] == "<b>DM-0412</b>"


async def test_what_the_server_does_not_keep_is_told(snipeit, snipeit_sink, deliver):
    async def cut(request: web.Request) -> None:
        for asset in snipeit.state.assets.values():
            asset["name"] = (asset["name"] or "")[:3] or None

    snipeit.trouble = cut
    with pytest.raises(SinkRefused, match="Snipe-IT did not keep what it took: name reads 'x"):
        await snipeit_sink(fields={"name": "xxxxxxxx"}).send(deliver())


async def test_a_wrong_format_is_told_with_the_words_of_the_server(snipeit, snipeit_sink, deliver):
    with pytest.raises(SinkRefused, match=r"except: _snipeit_battery_health_3: .*must be a number"):
        await snipeit_sink(fields={"Battery health %": "{battery.wear} %"}).send(deliver(hardware=WORN))


async def test_a_required_field_that_is_empty_blocks_but_the_sheet_is_attached(snipeit, snipeit_sink, deliver):
    put(snipeit)
    snipeit.state.fieldsets[2].fields[8] = True
    with pytest.raises(SinkRefused, match=r"_snipeit_stray_8: .*required.*Fill it by \[sink.fields\]"):
        await snipeit_sink(sheet_of(PDF), sheet=True).send(deliver())
    assert len(snipeit.state.uploads) == 1


async def test_a_required_field_of_ours_is_filled(snipeit, snipeit_sink, deliver):
    put(snipeit)
    snipeit.state.fieldsets[2].fields[2] = True
    await snipeit_sink().send(deliver())
    assert lone(snipeit, id=1)["_snipeit_clone_verdict_2"] == "verified"


async def test_two_that_share_a_serial_under_the_unique_rule_are_named(snipeit, snipeit_sink, deliver):
    put(snipeit, serial="PF0AAAA1")
    other = put(snipeit, serial="PF0AAAA2", asset_tag="X")
    other["serial"] = "pf0aaaa1 "  # the database takes them for the same
    snipeit.state.unique_serial = True
    with pytest.raises(SinkRefused, match=r"The serial must be unique.*PR 18155"):
        await snipeit_sink().send(deliver())


async def test_an_image_brings_values_of_its_own_and_of_its_master(snipeit, snipeit_sink, deliver):
    master = put(snipeit, serial="MASTER1", asset_tag="M-1")
    master |= {"_snipeit_operating_system_7": "Mint <22> & more", "_snipeit_bios_password_5": "hunter22"}
    image = {
        "school-2026": {"set": {"Clone verdict": "fixed"}, "master": "MASTER1", "copy_fields": ["Operating system"]}
    }
    await snipeit_sink(image=image, fields={}).send(deliver())
    asset = lone(snipeit, serial="PF0AAAA1")
    assert asset["_snipeit_operating_system_7"] == "Mint <22> & more"
    assert asset["_snipeit_clone_verdict_2"] == "fixed"
    assert asset.get("_snipeit_bios_password_5") is None


def sheet_of(content: bytes | None) -> Surroundings:
    async def make(delivery: Any) -> bytes | None:
        return content

    return Surroundings(sheet=make)


async def test_the_sheet_is_attached_once(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink(sheet_of(PDF), sheet=True)
    for revision in (1, 2):
        await sink.send(deliver(revision))
    [kept] = snipeit.state.uploads
    assert kept.content == PDF
    assert kept.filename.endswith("-cloned-sheet-a1b2c3d4-1.pdf")
    await sink.send(deliver(attempt=11))
    assert len(snipeit.state.uploads) == 2


ERASED_FIELD = {
    "Clone verdict": "{verdict}",
    "Erased": "{erasure.result} {erasure.level}: {erasure.methods}, {erasure.date}",
}


def certificate_of(content: bytes | None) -> Surroundings:
    async def make(delivery: Any) -> bytes | None:
        return content

    return Surroundings(certificate=make)


async def test_an_erasure_fills_its_field_and_its_certificate_is_attached_once(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink(certificate_of(PDF), certificate=True, fields=ERASED_FIELD)
    await sink.send(deliver())
    for revision in (1, 2):
        assert sink.takes(deliver(revision, **ERASED).row)
        await sink.send(deliver(revision, **ERASED))
    asset = lone(snipeit, serial="PF0AAAA1")
    told = next(value for name, value in asset.items() if name.startswith("_snipeit_erased"))
    assert told == "erased purge: nvme-sanitize-block, overwrite, 2026-11-28"
    assert asset["_snipeit_clone_verdict_2"] == "verified"  # of the clone before, which an erasure does not speak of
    assert label(snipeit, asset) == "Erased"
    [kept] = snipeit.state.uploads
    assert kept.content == PDF
    assert kept.filename.endswith("-cloned-certificate-a1b2c3d4-1000001.pdf")


async def test_an_erasure_before_a_clone_leaves_the_status_to_the_clone(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink(fields=ERASED_FIELD)
    await sink.send(deliver())
    await sink.send(deliver(**ERASED | {"erasure": ERASED["erasure"] | {"then": "clone"}}))
    assert label(snipeit, lone(snipeit, serial="PF0AAAA1")) == "Ready to give out"


async def test_a_laptop_that_is_not_erased_gets_no_certificate(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink(certificate_of(None), certificate=True, fields=ERASED_FIELD)
    await sink.send(deliver(**ERASED | {"state": "aside", "erasure": ERASED["erasure"] | {"result": "not-erased"}}))
    asset = lone(snipeit, serial="PF0AAAA1")
    assert label(snipeit, asset) == "Broken"
    assert any(str(value).startswith("not-erased") for value in asset.values())
    assert snipeit.state.uploads == []


async def test_where_nothing_of_erasures_is_asked_for_they_are_not_sent(snipeit_sink, deliver):
    assert not snipeit_sink(erased=None).takes(deliver(**ERASED).row)
    assert snipeit_sink(erased=None, fields=ERASED_FIELD).takes(deliver(**ERASED).row)


@pytest.mark.parametrize(("size", "said"), [(3 << 20, "failed to upload"), (9 << 20, "too large")])
async def test_a_sheet_that_is_too_large_is_told(snipeit, snipeit_sink, deliver, size, said):
    with pytest.raises(SinkRefused, match=f"up to date, except: .*{said}.*upload_max_filesize"):
        await snipeit_sink(sheet_of(b"%PDF" + bytes(size)), sheet=True).send(deliver())


async def test_a_line_in_the_history_once(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink(audit=True)
    for amended in ("", "2026-11-29T10:00:00.000Z"):  # a result that is told again is none that was made again
        await sink.send(deliver(2 if amended else 1, amended=amended))
    lines = [each["note"] for each in snipeit.state.history if each["action_type"] == "audit"]
    assert lines == ["cloned: school-2026, verified (a1b2c3d4-1)"]
    await sink.send(deliver(attempt=11))
    await sink.send(deliver(attempt=12))
    assert len([each for each in snipeit.state.history if each["action_type"] == "audit"]) == 3
    with pytest.raises(SinkRefused, match="the token has no right to do this"):
        await snipeit_sink(audit=True, token="TOKEN-LIMITED").send(deliver())
