"""The Snipe-IT sink against a Snipe-IT that behaves as the real one was recorded to: assets, numbers, models, labels, rehearsal."""

from __future__ import annotations

import asyncio

import pytest

from cloned.inventory.sinks.base import SinkRefused
from cloned.inventory.sinks.told import KnownThere
from tests.waiting import until
from tests.wire.inventory.conftest import BACK, LENT
from tests.wire.inventory.snipeit_assets import WORN, label, lone, put, writes
from tests.wire.inventory.test_snipeit_fields import PDF, sheet_of

pytestmark = pytest.mark.wire


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


async def test_a_lent_laptop_keeps_status_and_holder(snipeit, snipeit_sink, deliver):
    asset = put(snipeit, status_id=2)
    snipeit.state.checkout(asset, "user", 3, None, snipeit.state.users["TOKEN-ADMIN"])
    receipt = await snipeit_sink(company="Refurbishers").send(deliver())
    assert (asset["assigned_to"], asset["status_id"], asset["company_id"]) == (3, 2, None)
    assert asset["_snipeit_clone_verdict_2"] == "verified"
    assert receipt.said[0] == "DM-0412 is lent out: its status and holder were left alone"


@pytest.mark.parametrize(("row", "status"), [(LENT, "Ready to give out"), (BACK, "Erased")])
async def test_what_goes_out_and_comes_back_gets_its_status_and_nothing_else(
    snipeit, snipeit_sink, deliver, row, status
):
    sink = snipeit_sink(
        lent={"name": "Ready to give out", "type": "deployable"}, back={"name": "Erased", "type": "pending"}
    )
    await sink.send(deliver(state="aside", verdict="differs"))
    assert sink.takes(LENT)
    snipeit.requests.clear()
    await sink.send(deliver(**row))
    asset = lone(snipeit, serial="PF0AAAA1")
    assert (label(snipeit, asset), asset["_snipeit_clone_verdict_2"]) == (status, "differs")
    assert [set(body) for _, _, body in writes(snipeit)] == [{"status_id"}]


@pytest.mark.parametrize(("row", "status"), [(LENT, "Ready to give out"), (BACK, "Erased")])
async def test_a_clone_that_is_told_again_does_not_call_it_in(snipeit, snipeit_sink, deliver, row, status):
    """Somebody notes a scratch on one that is out, or gives it a number: it gets the fields, its status stays."""
    sink = snipeit_sink(
        lent={"name": "Ready to give out", "type": "deployable"}, back={"name": "Erased", "type": "pending"}
    )
    await sink.send(deliver(state="aside", verdict="differs"))
    await sink.send(deliver(**row))
    await sink.send(deliver(2, verdict="verified", lending=row["state"]))
    asset = lone(snipeit, serial="PF0AAAA1")
    assert (label(snipeit, asset), asset["_snipeit_clone_verdict_2"]) == (status, "verified")


async def test_one_without_a_number_is_taken_once_it_has_one(snipeit, snipeit_sink, deliver):
    sink = snipeit_sink()
    with pytest.raises(SinkRefused, match="it has no number yet: give it one"):
        await sink.send(deliver(tag=""))
    await sink.send(deliver(2))
    assert lone(snipeit, serial="PF0AAAA1")["asset_tag"] == "DM-0412"


async def test_one_that_a_person_has_there_comes_back_with_a_word_and_unchanged(snipeit, snipeit_sink, deliver):
    asset = put(snipeit, status_id=2)
    snipeit.state.checkout(asset, "user", 3, None, snipeit.state.users["TOKEN-ADMIN"])
    receipt = await snipeit_sink(back={"name": "Erased", "type": "pending"}).send(deliver(**BACK))
    assert writes(snipeit) == []
    assert receipt.said[0] == "DM-0412 is lent out: its status and holder were left alone"


async def test_without_a_status_for_them_lendings_are_not_sent(snipeit_sink):
    assert not snipeit_sink().takes(LENT)
    assert not snipeit_sink().takes(BACK)


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
        await until(lambda: any(each[0] == "POST" for each in snipeit.requests))
        put(snipeit, serial="BYHAND1", asset_tag="")

    _, receipt = await asyncio.gather(meanwhile(), snipeit_sink(numbers="server").send(deliver(tag="")))
    assert receipt.tag == "INV-00002"


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
        "would change: status: Pending (1) → Ready to give out (4)",
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
