import pytest

from cloned.core.boot import BootRequest
from cloned.errors import ClonedError
from cloned.netboot.gate import ADDRESS_AT_ONCE, AT_ONCE, BootGate

MAC, OTHER = "52:54:00:00:00:0a", "52:54:00:00:00:0b"
HERE, THERE = "10.77.1.1", "10.77.1.2"


class Wire:
    """Who is where, and when."""

    def __init__(self):
        self.now, self.heard, self.neighbours = 0.0, {}, {}
        self.own = True
        self.gate = BootGate(
            lambda request: (self.heard.get(request.mac, ""), self.own),
            lambda at: self.neighbours.get(at, ""),
            self.clock,
        )

    def clock(self):
        return self.now

    def asks(self, mac=MAC, address=HERE):
        try:
            self.gate.admit(BootRequest(mac, address))
        except ClonedError as error:
            return str(error)
        return ""


@pytest.fixture
def wire():
    return Wire()


def test_nobody_asks_for_a_laptop_that_is_heard_elsewhere(wire):
    wire.heard[MAC] = HERE
    assert "running at 10.77.1.1" in wire.asks(address=THERE)
    assert wire.asks(address=HERE) == ""


def test_a_laptop_that_got_another_address_is_believed_where_its_card_is(wire):
    wire.heard[MAC] = HERE
    wire.neighbours[THERE] = MAC
    assert wire.asks(address=THERE) == ""


def test_whoever_names_anothers_serial_is_not_believed_for_its_own_card(wire):
    wire.heard[OTHER], wire.own = HERE, False
    wire.neighbours[THERE] = OTHER
    assert "serial number or UUID, is running at 10.77.1.1" in wire.asks(mac=OTHER, address=THERE)


def test_a_known_mac_is_not_given_hundreds_of_scripts(wire):
    answers = [wire.asks(address=f"10.77.2.{last}") for last in range(200)]
    assert answers.count("") == AT_ONCE
    assert "too often" in answers[-1]
    wire.now += 15
    assert wire.asks() == ""


def test_a_stranger_uses_up_nothing_of_the_laptops_own(wire):
    for last in range(200):
        wire.asks(address=f"10.77.2.{last}")
    wire.neighbours[HERE] = MAC
    assert [wire.asks() for _ in range(AT_ONCE)] == [""] * AT_ONCE


def test_one_address_does_not_ask_for_everybody(wire):
    answers = [wire.asks(mac=f"52:54:00:00:01:{last:02x}") for last in range(100)]
    assert answers.count("") == ADDRESS_AT_ONCE


def test_a_firmware_loop_of_a_quarter_minute_is_served_for_ever(wire):
    for _ in range(200):
        assert wire.asks() == ""
        wire.now += 15


def test_only_so_much_is_remembered(wire):
    for number in range(5_000):
        wire.asks(mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", address=f"10.9.{number >> 8}.{number & 255}")
    assert len(wire.gate._laptops) == len(wire.gate._addresses) == 4096


def test_what_is_let_through_says_whether_the_kernel_proves_it(wire):
    wire.neighbours[HERE] = MAC
    assert wire.gate.admit(BootRequest(MAC, HERE)).proven
    assert not wire.gate.admit(BootRequest(OTHER, THERE)).proven
