import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cloned.core.laptop import State
from cloned.core.shown import ShownLaptop
from cloned.status import wall as view
from tests.unit.status import laptops, workshops


def test_each_laptop_is_on_the_wall_exactly_once():
    for snapshot in (workshops.busy(), workshops.no_switch(), workshops.crowded(), workshops.empty()):
        tiles = [tile.id for tile in view.wall(snapshot).tiles()]
        assert sorted(tiles) == sorted(laptop["id"] for laptop in snapshot["laptops"])


def test_a_laptop_sits_in_the_port_where_its_mac_was_seen():
    [panel] = view.wall(workshops.busy()).panels
    ports = {port.number: port for block in panel.blocks for port in block}
    assert (ports[9].tile.label, ports[9].tile.state) == ("0409", "aside")
    assert (ports[16].tile, ports[16].up) == (None, True)
    assert (ports[24].kind, ports[23].kind) == ("uplink", "server")
    assert ports[12].slow == "100 Mb/s"


def test_a_mac_behind_the_uplink_seats_nobody():
    snapshot = workshops.busy()
    snapshot["switches"][0]["ports"][23]["macs"] = [laptops.mac(30)]
    assert "0000001e" in [tile.id for tile in view.wall(snapshot).others]


def test_without_macs_the_located_port_counts():
    snapshot = workshops.busy()
    for port in snapshot["switches"][0]["ports"]:
        port["macs"] = []
    [panel] = view.wall(snapshot).panels
    assert next(port for port in panel.blocks[0] if port.number == 9).tile.label == "0409"


def test_a_front_of_48_ports_is_two_blocks_of_two_rows_and_of_8_one_row():
    [panel] = view.wall(workshops.crowded()).panels
    assert ([len(block) for block in panel.blocks], panel.rows) == ([24, 24], 2)
    snapshot = workshops.crowded()
    snapshot["switches"][0]["ports"] = snapshot["switches"][0]["ports"][:8]
    [panel] = view.wall(snapshot).panels
    assert ([len(block) for block in panel.blocks], panel.rows) == ([8], 1)


def test_a_switch_that_does_not_answer_keeps_its_picture_and_says_how_old_it_is():
    snapshot = workshops.busy()
    snapshot["switches"][0] |= {"error": "no answer", "age": 200.0}
    [panel] = view.wall(snapshot).panels
    assert (panel.silent, len(panel.blocks[0])) == (200.0, 24)


def test_what_needs_a_person_comes_in_order_and_grouped():
    records = [{"sink": "hook", "state": "idle", "refused": 2, "waiting": 0, "dead": [{"reason": "it answered 422"}]}]
    found = view.wall(workshops.busy(), records).notices
    assert [notice.kind for notice in found] == ["warning", "aside", "sink", "ask", "ask"]
    assert [len(notice.laptops) for notice in found] == [0, 1, 0, 2, 1]
    assert found[2].text == "hook refused 2 results: it answered 422"


def test_a_sink_that_works_is_not_mentioned():
    assert not [
        n
        for n in view.wall(workshops.busy(), [{"sink": "a", "state": "sending", "waiting": 3}]).notices
        if n.kind == "sink"
    ]


def test_the_stream_lasts_as_long_as_its_slowest_laptop():
    [stream] = view.wall(workshops.busy()).streams
    assert (stream.image, stream.working, stream.left) == ("school-2026", 11, 155.8)


def test_a_stream_of_which_somebody_knows_no_time_says_none():
    snapshot = workshops.busy()
    snapshot["laptops"][2]["left_seconds"] = snapshot["laptops"][2]["progress"]["left_seconds"] = None
    assert view.wall(snapshot).streams[0].left is None


@given(st.integers(0, 10**13), st.integers(0, 10**13))
def test_percent_is_always_one(done, total):
    laptop = laptops.laptop(1, "receiving") | {"progress": {"bytes": done, "total": total}}
    percent = view.tile(laptop).percent
    assert percent is None if total == 0 else 0 <= percent <= 100


@pytest.mark.parametrize("change", [{"oper": "up"}, {"role": "uplink"}])
def test_the_shape_changes_with_the_links(change):
    snapshot = workshops.busy()
    port = next(each for each in snapshot["switches"][0]["ports"] if each.get("oper") == "down")
    before = view.wall(snapshot).shape
    port |= change
    assert view.wall(snapshot).shape != before


def test_the_shape_changes_only_where_tiles_move():
    snapshot = workshops.busy()
    before = view.wall(snapshot).shape
    snapshot["laptops"][2]["progress"]["bytes"] += 10**9
    assert view.wall(snapshot).shape == before
    snapshot["laptops"][2] |= {"macs": ["d8:9e:f3:99:99:99"], "boot_mac": "d8:9e:f3:99:99:99", "port": "gi22"}
    snapshot["switches"][0]["ports"][2]["macs"] = []
    assert view.wall(snapshot).shape != before


def test_no_figure_of_a_laptop_keeps_the_wall_from_being_laid_out() -> None:
    for bad in (float("inf"), float("nan")):
        laptop = {"id": "1", "state": "receiving", "progress": {"total": 5, "bytes": bad}, "left_seconds": bad}
        [seen] = view.wall({"laptops": [laptop]}).others
        assert (seen.percent, seen.left) == (None, None)


@pytest.mark.parametrize(
    ("phases", "said"),
    [(["started", "planned"], (1, 2)), (["verified", "started"], (2, 2)), (["failed", "verified"], (2, 2)), ([], None)],
)
def test_a_laptop_that_is_erased_says_which_disk_one_waits_for(phases, said):
    laptop = workshops.busy()["laptops"][0] | {"state": "erasing"}
    laptop["erasure"] = {"disks": [{"phase": phase} for phase in phases]}
    assert view.tile(laptop).disks == said
    assert view.tile(laptop | {"state": "done"}).disks is None


def test_who_rests_and_was_last_seen_over_a_day_ago_leaves_the_wall_and_nobody_else():
    now = laptops.iso(0)
    made = [laptops.laptop(number, state) for number, state in enumerate(map(str, State), 1)]
    old = [each | {"since": laptops.iso(24 * 60 + 5)} for each in made]
    shown = TypeAdapter(list[ShownLaptop]).validate_python(
        [*made, *[each | {"id": f"old{each['id']}"} for each in old]]
    )
    left = {each.state for each in shown} - {each.state for each in view.present(shown, now) if each.id[:3] == "old"}
    assert left == {"done", "gone", "erased", "aside"}
    assert all(each in view.present(shown, now) for each in shown[: len(made)])


def test_what_has_to_be_fetched_is_one_list_with_the_laptops_that_lack_it():
    snapshot = workshops.busy()
    here = [each for each in snapshot["laptops"] if each["state"] not in ("gone", "erased") and not each.get("lent")]
    for each in here[:3]:
        each["triage"] = {"needs": ["battery", "charger"] if each is here[0] else ["battery"]}
        each["grade"] = "C"
    gone = next(each for each in snapshot["laptops"] if each["state"] == "gone")
    gone["triage"] = {"needs": ["battery"], "grade": "D"}
    found = [n for n in view.wall(snapshot).notices if n.kind == "need"]
    assert [(n.text, len(n.laptops)) for n in found] == [("battery", 3), ("charger", 1)]
    assert view.tile(here[0]).grade == "C"


def test_laptops_that_ask_for_different_reasons_are_not_confirmed_together():
    snapshot = workshops.busy()
    asking = [each for each in snapshot["laptops"] if each["state"] == "asking" and not each.get("wants")]
    before = len([n for n in view.wall(snapshot).notices if n.kind == "ask"])
    asking[0]["why"] = "Somebody should look before it is cloned: its firmware has a password"
    assert len([n for n in view.wall(snapshot).notices if n.kind == "ask"]) == before + 1


@pytest.mark.parametrize(
    ("label", "head", "tail"),
    [("DM-2026-0512", "DM-2026-", "0512"), ("0512", "", "0512"), ("#7", "", "#7"), ("1234567", "12", "34567"),
     ("AB-12-CDEFG", "AB-", "12-CDEFG")],
)  # fmt: skip
def test_the_end_of_a_long_number_is_what_tells_it_from_others(label: str, head: str, tail: str) -> None:
    tile = view.tile({"id": "1", "state": "done", "tag": label})
    assert (tile.head, tile.tail) == (head, tail)
