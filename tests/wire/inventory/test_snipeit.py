"""The Snipe-IT sink against a Snipe-IT that behaves as the real one was recorded to."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from aiohttp import web

from cloned.inventory.sinks.base import SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.told import KnownThere
from tests.wire.inventory.conftest import ERASED

pytestmark = pytest.mark.wire
PDF = b"%PDF-1.4\n%%EOF\n"
WORN = {"batteries": [{"design_wh": 50, "full_wh": 44}]}


def lone(server: Any, **wanted: Any) -> dict[str, Any]:
    [asset] = [
        each for each in server.state.assets.values() if all(each[key] == value for key, value in wanted.items())
    ]
    return asset


def put(server: Any, **values: Any) -> dict[str, Any]:
    """An asset that somebody made by hand."""
    given = {"model_id": 1, "status_id": 1, "serial": "PF0AAAA1", "asset_tag": "DM-0412"} | values
    return server.state.create(given, server.state.users["TOKEN-ADMIN"], server.state.next_tag())


def writes(server: Any) -> list[tuple[str, str, Any]]:
    return [each for each in server.requests if each[0] != "GET"]


def label(server: Any, asset: dict[str, Any]) -> str:
    return server.state.labels[asset["status_id"]].name


async def test_a_laptop_that_is_not_there_is_made_with_all_its_fields(snipeit, snipeit_sink, deliver):
    receipt = await snipeit_sink().send(deliver(hardware=WORN))
    asset = lone(snipeit, serial="PF0AAAA1")
    assert (asset["asset_tag"], label(snipeit, asset), receipt.tag) == ("DM-0412", "Ready to give out", "DM-0412")
    assert [asset[column] for column in ("_snipeit_clone_verdict_2", "_snipeit_battery_health_3", "_snipeit_cloned_on_4")] == [
        "verified", "12", "2026-11-28",
    ]  # fmt: skip


async def test_sending_it_again_writes_nothing(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink()
    for _ in range(2):
        await sink.send(deliver())
        snipeit.requests.clear()
    await sink.send(deliver())
    assert writes(snipeit) == []


async def test_only_what_differs_is_sent(snipeit, snipeit_sink, deliver):
    snipeit.state.unique_serial = True
    put(snipeit)
    await snipeit_sink(fields={}).send(deliver(state="aside", verdict="differs"))
    assert writes(snipeit) == [("PATCH", "/api/v1/hardware/1", {"status_id": 5})]


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([{"asset_tag": "DM-0421"}], "the inventory calls PF0AAAA1 DM-0421, the sticker says DM-0412"),
        ([{}, {"asset_tag": "DM-0413"}], r"2 entries have the serial PF0AAAA1 \(DM-0412, DM-0413\)"),
        ([{"serial": "OTHER1"}], "DM-0412 is another laptop there, with the serial OTHER1, not PF0AAAA1"),
        ([{"serial": "pf0aaaa1"}], "differs from PF0AAAA1 in case or spaces only"),
    ],
)
async def test_what_disagrees_is_told_and_nothing_is_touched(snipeit, snipeit_sink, deliver, there, said):
    for each in there:
        put(snipeit, **each)
    with pytest.raises(SinkRefused, match=f"nothing was changed in Snipe-IT: .*{said}"):
        await snipeit_sink().send(deliver())
    assert writes(snipeit) == []


async def test_a_number_without_a_serial_gets_it(snipeit, snipeit_sink, deliver):
    put(snipeit, serial="")
    await snipeit_sink().send(deliver())
    assert lone(snipeit, asset_tag="DM-0412")["serial"] == "PF0AAAA1"


@pytest.mark.parametrize("serial", ["", "To be filled by O.E.M.", "0000000", "Default string"])
async def test_a_forgotten_serial_is_never_looked_up_nor_sent(snipeit, snipeit_sink, deliver, serial):
    put(snipeit, serial="Default string", asset_tag="DM-0001")
    await snipeit_sink().send(deliver(serial=serial))
    assert lone(snipeit, asset_tag="DM-0412")["serial"] is None
    assert not [path for _, path, _ in snipeit.requests if "byserial" in path]
    with pytest.raises(SinkRefused, match="neither a usable serial nor a number"):
        await snipeit_sink().send(deliver(serial=serial, tag=""))


async def test_a_deleted_asset_is_left_deleted(snipeit, snipeit_sink, deliver):
    put(snipeit)["deleted_at"] = "2026-11-01 10:00:00"
    await snipeit_sink().send(deliver())
    assert len(snipeit.state.alive()) == 1


async def test_an_archived_one_is_found_and_comes_back(snipeit, snipeit_sink, deliver):
    put(snipeit, status_id=3)
    await snipeit_sink().send(deliver())
    assert label(snipeit, lone(snipeit, id=1)) == "Ready to give out"


async def test_slashes_in_a_serial(snipeit, snipeit_sink, deliver):
    for _ in range(2):
        await snipeit_sink().send(deliver(serial="/7XK/CN/0A/"))
    assert lone(snipeit, serial="/7XK/CN/0A/")


# Lent out.


async def test_a_lent_laptop_keeps_status_and_holder(snipeit, snipeit_sink, deliver):
    asset = put(snipeit, status_id=2)
    snipeit.state.checkout(asset, "user", 3, None, snipeit.state.users["TOKEN-ADMIN"])
    receipt = await snipeit_sink(company="Refurbishers").send(deliver())
    assert (asset["assigned_to"], asset["status_id"], asset["company_id"]) == (3, 2, None)
    assert asset["_snipeit_clone_verdict_2"] == "verified"
    assert receipt.said[0] == "DM-0412 is lent out: its status and holder were left alone"


async def test_one_on_the_shelf_is_not_lent(snipeit, snipeit_sink, deliver):
    asset = put(snipeit, status_id=2)
    snipeit.state.checkout(asset, "location", 1, None, snipeit.state.users["TOKEN-ADMIN"])
    await snipeit_sink().send(deliver())
    assert label(snipeit, asset) == "Ready to give out"
    assert await snipeit_sink().known("PF0AAAA1") == KnownThere(
        1, "DM-0412", "ThinkPad T480", "Ready to give out", False
    )


async def test_what_it_knows_never_says_to_whom(snipeit, snipeit_sink):
    sink = snipeit_sink()
    assert await sink.known("PF0AAAA1") == KnownThere(0)
    snipeit.state.checkout(put(snipeit, status_id=2), "user", 3, None, snipeit.state.users["TOKEN-ADMIN"])
    assert await sink.known("PF0AAAA1") == KnownThere(1, "DM-0412", "ThinkPad T480", "Ready to Deploy", True)
    assert (await sink.known("", "DM-0412")).lent
    put(snipeit, asset_tag="DM-2")
    assert (await sink.known("PF0AAAA1")).said == ("2 assets have this serial: DM-0412, DM-2",)


# Numbers.


async def test_the_number_is_given_by_the_server_and_read_back(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink(numbers="server")
    assert await sink.number(deliver(tag="", state="finishing")) == "INV-00001"
    assert label(snipeit, lone(snipeit, id=1)) == "Pending"
    assert (await sink.send(deliver(tag=""))).tag == "INV-00001"
    assert label(snipeit, lone(snipeit, id=1)) == "Ready to give out"


async def test_without_a_number_of_ours_none_is_made(snipeit, snipeit_sink, deliver):
    with pytest.raises(SinkRefused, match="no number yet"):
        await snipeit_sink().send(deliver(tag=""))
    snipeit.state.auto_tag = False
    with pytest.raises(SinkRefused, match="asset_tag: The asset tag field must be at least 1 characters"):
        await snipeit_sink(numbers="server").send(deliver(tag=""))


async def test_eight_at_once_through_two_sinks_get_eight_numbers(snipeit, snipeit_sink, deliver):
    snipeit.create_seconds = 0.02
    sinks = [snipeit_sink(numbers="server"), snipeit_sink(numbers="server")]
    await asyncio.gather(*(sinks[n % 2].send(deliver(tag="", serial=f"PF0RACE{n}", laptop=f"l{n}")) for n in range(8)))
    assert len({each["asset_tag"] for each in snipeit.state.alive()}) == 8


async def test_a_number_taken_by_somebody_else_meanwhile_is_tried_again(snipeit, snipeit_sink, deliver):
    snipeit.create_seconds = 0.2

    async def meanwhile() -> None:
        while not [each for each in snipeit.requests if each[0] == "POST"]:
            await asyncio.sleep(0.01)
        put(snipeit, serial="BYHAND1", asset_tag="")

    _, receipt = await asyncio.gather(meanwhile(), snipeit_sink(numbers="server").send(deliver(tag="")))
    assert receipt.tag == "INV-00002"


# Models, labels, places.


async def test_a_model_is_made_where_that_is_allowed(snipeit, snipeit_sink, deliver):
    product = 'Élan <b>14" & more</b>'
    with pytest.raises(SinkRefused, match="there is no model"):
        await snipeit_sink().send(deliver(product=product))
    sink = snipeit_sink(category="Laptops", fieldset="Refurbished laptop")
    for n in range(2):
        await sink.send(deliver(product=product, vendor="HP", serial=f"PF0M{n}", tag=f"T{n}"))
        sink.catalogue.forget()
    [made] = [each for each in snipeit.state.models.values() if each.name == product]
    assert (made.category, made.fieldset, snipeit.state.manufacturers[made.manufacturer].name) == (2, 2, "HP")


async def test_two_models_of_one_name_are_told_apart_by_maker_or_told(snipeit, snipeit_sink, deliver):
    snipeit.state.add("models", {"name": "ThinkPad T480", "model_number": "OTHER", "category_id": 2}, 1)
    sink = snipeit_sink(model="ThinkPad T480")
    await sink.send(deliver())
    assert lone(snipeit, serial="PF0AAAA1")["model_id"] == 1
    with pytest.raises(SinkRefused, match="several models in Snipe-IT"):
        await sink.send(deliver(vendor="Other", serial="PF0AAAA2", tag="DM-2"))


async def test_a_label_of_another_type_or_name_is_told(snipeit, snipeit_sink, deliver):
    with pytest.raises(SinkRefused, match='label "Broken" is of type undeployable in Snipe-IT, not deployable'):
        await snipeit_sink(done={"name": "Broken", "type": "deployable"}).send(deliver())
    with pytest.raises(SinkRefused, match='no status label "Given away" in Snipe-IT'):
        await snipeit_sink(done={"name": "Given away", "type": "deployable"}).send(deliver())


async def test_a_label_that_is_gone_since_is_looked_up_again(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink()
    await sink.send(deliver())
    gone = snipeit.state.labels.pop(4)
    with pytest.raises(SinkRefused, match='no status label "Ready to give out"'):
        await sink.send(deliver(serial="PF0AAAA2", tag="DM-2"))
    snipeit.state.labels[9] = gone
    gone.id = 9
    lone(snipeit, id=1)["status_id"] = 1
    await sink.send(deliver(serial="PF0AAAA2", tag="DM-2"))
    assert lone(snipeit, serial="PF0AAAA2")["status_id"] == 9


async def test_company_and_location(snipeit, snipeit_sink, deliver):
    await snipeit_sink(company="Refurbishers", location="Workshop").send(deliver())
    asset = lone(snipeit, serial="PF0AAAA1")
    assert (asset["company_id"], asset["rtd_location_id"]) == (1, 1)
    with pytest.raises(SinkRefused, match='up to date, except: there is no company "School X" in Snipe-IT'):
        await snipeit_sink(company="School X").send(deliver())


async def test_a_limited_token_finds_its_way_by_select_lists(snipeit, snipeit_sink, deliver):
    await snipeit_sink(token="TOKEN-LIMITED").send(deliver())
    assert label(snipeit, lone(snipeit, serial="PF0AAAA1")) == "Ready to give out"
    await snipeit_sink(token="TOKEN-LIMITED", model="ThinkPad T480").send(deliver(serial="PF0AAAA2", tag="DM-2"))
    assert lone(snipeit, serial="PF0AAAA2")["model_id"] == 1


# Fields.


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


# Sheet and history.


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
    for _ in range(2):
        await sink.send(deliver())
    [line] = [each["note"] for each in snipeit.state.history if each["action_type"] == "audit"]
    assert line.startswith("cloned: school-2026, verified (cl_")
    with pytest.raises(SinkRefused, match="the token has no right to do this"):
        await snipeit_sink(audit=True, token="TOKEN-LIMITED").send(deliver())


# Bad nights.


async def test_throttled_without_a_word_waits_the_minute(snipeit, snipeit_sink, deliver):
    snipeit.per_minute = 0
    with pytest.raises(Unavailable, match="no more calls in this minute") as caught:
        await snipeit_sink().send(deliver())
    assert caught.value.after == 60


async def test_it_slows_down_before_the_throttle(snipeit, snipeit_sink, deliver):
    snipeit.per_minute = 12
    sink = snipeit_sink()
    begin = asyncio.get_running_loop().time()
    await sink.send(deliver())
    assert asyncio.get_running_loop().time() - begin > 1


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"maintenance": True}, "maintenance mode"),
        ({"broken": True}, "302, a redirect to http://127.0.0.1:8801/setup, which is not followed"),
    ],
)
async def test_a_bad_night_is_named_and_passes(snipeit, snipeit_sink, deliver, turn, said):
    sink = snipeit_sink()
    for name, value in turn.items():
        setattr(snipeit, name, value)
    with pytest.raises(Unavailable, match=said):
        await sink.send(deliver())
    with pytest.raises(Unavailable, match=said):
        await sink.known("PF0AAAA1")
    for name in turn:
        setattr(snipeit, name, False)
    await sink.send(deliver())


@pytest.mark.parametrize("token", ["wrong-token", "TOKEN-REVOKED"])
async def test_a_token_that_is_not_accepted_is_never_shown(snipeit, snipeit_sink, deliver, token):
    with pytest.raises(Unavailable, match="does not accept the token") as caught:
        await snipeit_sink(token=token).send(deliver())
    assert token not in str(caught.value)


async def answer_html(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>hunter22</html>", content_type="text/html")


async def answer_500(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>DB_PASSWORD=hunter22</html>", content_type="text/html", status=500)


async def answer_elsewhere(request: web.Request) -> web.StreamResponse:
    return web.Response(status=301, headers={"Location": "https://evil.example/api?token=hunter22"})


async def answer_error_in_200(request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "error", "messages": {"serial": ["no good"]}, "payload": None})


async def answer_half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"total": 1, ')
    assert request.transport is not None
    request.transport.close()
    return response


async def answer_10_mb(request: web.Request) -> web.StreamResponse:
    return web.json_response({"total": 1, "rows": ["x" * (10 << 20)]})


async def answer_deep(request: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * 100_000, content_type="application/json")


async def answer_list(request: web.Request) -> web.StreamResponse:
    return web.json_response([1, 2, 3])


async def answer_odd_rows(request: web.Request) -> web.StreamResponse:
    return web.json_response({"total": 1, "rows": [{"id": "x"}]})


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        (answer_html, Unavailable, "200 with a page instead of JSON"),
        (answer_500, Unavailable, "500 with a page instead of JSON"),
        (answer_elsewhere, Unavailable, "a redirect to https://evil.example/api, which is not followed"),
        (answer_error_in_200, SinkRefused, "Snipe-IT did not take it: serial: no good"),
        (answer_half, Unavailable, "cut the connection before its answer was whole"),
        (answer_10_mb, Unavailable, "longer than 8 MB"),
        (answer_deep, Unavailable, "JSON that is broken"),
        (answer_list, Unavailable, "something else than Snipe-IT does"),
        (answer_odd_rows, Unavailable, "another form than expected"),
    ],
)
async def test_odd_answers_have_one_clear_line(snipeit, snipeit_sink, deliver, trouble, kind, said):
    snipeit.trouble = trouble
    with pytest.raises(kind, match=said) as caught:
        await snipeit_sink().send(deliver())
    assert "hunter22" not in str(caught.value)


async def test_one_that_hangs_ends_by_itself(snipeit, snipeit_sink, deliver, monkeypatch):
    hold = asyncio.Event()

    async def hang(request: web.Request) -> None:
        await hold.wait()

    snipeit.trouble = hang
    sink = snipeit_sink()
    monkeypatch.setattr(sink.peer, "_timeout", sink.peer._timeout.__class__(total=0.2))
    with pytest.raises(Unavailable, match="did not answer in time"):
        await sink.send(deliver())
    hold.set()


async def test_nobody_there(snipeit_sink, deliver):
    with pytest.raises(Unavailable, match="cannot be reached"):
        await snipeit_sink(url="http://127.0.0.1:1").send(deliver())


async def test_a_planted_password_and_the_borrowers_name_are_never_told(snipeit, snipeit_sink, deliver, caplog):
    """The server answers with the whole asset in its error message; nothing of it gets out."""
    caplog.set_level(logging.DEBUG)
    asset = put(snipeit, status_id=2)
    asset |= {"_snipeit_bios_password_5": "hunter22", "notes": "pin is 'tr0ub4dor'"}
    snipeit.state.checkout(asset, "user", 3, None, snipeit.state.users["TOKEN-ADMIN"])

    async def echo(request: web.Request) -> web.StreamResponse | None:
        if request.method != "PATCH":
            return None
        said = "hunter22 Bea Borrower bea@x pin is 'tr0ub4dor' TOKEN-ADMIN"
        return web.json_response({"status": "error", "messages": {"serial": [said]}, "payload": {"x": said}})

    snipeit.trouble = echo
    sink = snipeit_sink()
    with pytest.raises(SinkRefused) as caught:
        await sink.send(deliver())
    told = [str(caught.value), caplog.text, repr(sink), repr(sink.settings), repr(await sink.known("PF0AAAA1"))]
    told += [line.line() for line in await sink.rehearse(deliver())]
    for secret in ("hunter22", "Borrower", "tr0ub4dor", "TOKEN-ADMIN"):
        assert not [text for text in told if secret in text]


# Rehearsal.


async def test_a_rehearsal_says_what_would_happen_and_writes_nothing(snipeit, snipeit_sink, deliver):
    put(snipeit)
    sink = snipeit_sink(
        sheet_of(PDF), sheet=True, company="Nobody", fields={"Clone verdict": "{verdict}", "Nowhere": "x"}
    )
    lines = [line.line() for line in await sink.rehearse(deliver())]
    assert writes(snipeit) == []
    assert lines == [
        "ok: server: Snipe-IT v8.1.4, and it accepts the token",
        "ok: label done: Ready to give out",
        "ok: label failed: Broken",
        "ok: label erased: Erased",
        "ok: label waiting: Pending",
        'missing: company: there is no company "Nobody" in Snipe-IT: see to it there',
        "ok: field Clone verdict: it is there",
        "missing: field Nowhere: Snipe-IT has no such field (make it, or correct its name)",
        "ok: asset: DM-0412, ThinkPad T480, Pending",
        "would change: status: Pending (1) → 4",
        "would change: Clone verdict: empty → verified",
        "ok: asset: the model ThinkPad T480 has no field Nowhere there: put it into its fieldset",
        'missing: asset: there is no company "Nobody" in Snipe-IT: see to it there',
        "would create: sheet: as a file",
    ]


async def test_a_rehearsal_for_one_that_is_not_there(snipeit, snipeit_sink, deliver):
    lines = [line.line() for line in await snipeit_sink(category="Laptops").rehearse(deliver(product="New One"))]
    assert lines[-2:] == [
        "would create: asset: DM-0412 for the serial PF0AAAA1, done",
        "would create: model: New One in Laptops",
    ]
    snipeit.broken = True
    assert [line.possible for line in await snipeit_sink().rehearse(None)] == [False]
