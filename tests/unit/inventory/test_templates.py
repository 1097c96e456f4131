import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.inventory import rows
from cloned.inventory.sinks.base import Delivery
from cloned.inventory.sinks.record import record_of, role, usable
from cloned.inventory.sinks.templates import TemplateError, as_text, parse

RECORD = {
    "tag": "DM-0412", "why": "", "battery": {"wear": 12}, "disk": {"size_gb": 256}, "discarded": True, "macs": ["a", "b"],
    "steps": [{"name": "grow"}], "seconds": {"boot": 31.04},
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{tag}", "DM-0412"),
        ("{battery.wear} %", "12 %"),
        ("{disk.size_gb} GB, trimmed: {discarded}", "256 GB, trimmed: yes"),
        ("{macs}", "a, b"),
        ("{steps.0.name}", "grow"),
        ("{seconds.boot}", "31.04"),
        ("{{{tag}}}", "{DM-0412}"),
        ("it broke: {why}", ""),
        ("{battery.cycles} cycles", ""),
        ("{battery}", ""),
        ("", ""),
    ],
)
def test_a_template_is_filled_whole_or_not_at_all(source, text):
    assert parse(source).fill(RECORD) == text


@pytest.mark.parametrize("source", ["{", "}", "{tag", "a } b", "{}", "{Tag}", "{tag.}", "{borrower.name}", "{name}"])
def test_what_can_never_be_filled_is_said_at_the_start(source):
    with pytest.raises(TemplateError):
        parse(source)


def test_what_a_record_does_not_know_is_named():
    assert parse("{tag} {why} {battery.cycles}").missing(RECORD) == ["why", "battery.cycles"]


@given(st.text())
def test_any_text_is_understood_or_refused(source):
    with contextlib.suppress(TemplateError):
        assert isinstance(parse(source).fill(RECORD), str)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda each: st.lists(each)))
def test_any_value_is_text(value):
    assert isinstance(as_text(value), str)


@pytest.mark.parametrize(
    "serial", ["", " ", None, "0", "00000000", "To be filled by O.E.M.", "DEFAULT STRING", "xxxxxxx", "None"]
)
def test_forgotten_serials_are_no_serials(serial):
    assert usable(serial) == ""


def test_a_real_serial_stays_itself():
    assert usable(" PF0AAAA1 ") == "PF0AAAA1"


def test_a_record_has_what_people_ask_for(make_row):
    told = {
        "batteries": [{"design_wh": 50, "full_wh": 44, "cycles": 210}],
        "panel": {"width": 1920, "height": 1080},
        "tpm": "2.0",
    }
    row = rows.clean(make_row(hardware=told, memory=8 << 30, cpu="Intel Core i5-8350U"))
    delivery = Delivery("cl_1", "a1b2c3d4", 1, 2, row.data)
    record = record_of(delivery, report="http://s/laptops/1")
    wanted = "{date} {time} {mac} {disk.size_gb} {battery.wear} {revision} {report}"
    assert parse(wanted).fill(record) == "2026-11-18 19:04 d8:9e:f3:00:00:01 256 12 2 http://s/laptops/1"
    parts = "{cpu}, {memory}, {screen.width}x{screen.height}, TPM {tpm}, {battery.cycles} cycles, {battery.left} %"
    assert parse(parts).fill(record) == "Intel Core i5-8350U, 8 GB, 1920x1080, TPM 2.0, 210 cycles, 88 %"
    assert parse("{wifi}").fill(record) == parse("{screen.inches}").fill(record) == ""


def test_what_a_laptop_did_not_tell_is_not_made_up(make_row):
    record = record_of(Delivery("cl_1", "a1b2c3d4", 1, 1, rows.clean(make_row()).data))
    assert [parse(each).fill(record) for each in ("{battery.wear}", "{memory}", "{screen.width}", "{smart}")] == [
        ""
    ] * 4


@pytest.mark.parametrize(
    ("state", "expected"), [("done", "done"), ("aside", "failed"), ("erased", "erased"), ("x", "waiting")]
)
def test_what_a_state_means_elsewhere(state, expected):
    assert role({"state": state}) == expected
