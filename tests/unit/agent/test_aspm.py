"""A slow Realtek card, on a made-up /sys: QEMU has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.agent.aspm import AspmCure


class Card:
    """A card of /sys/class/net with a driver, a speed and a PCIe link."""

    def __init__(self, folder: Path, driver: str = "r8169", speed: int = 1000, l1: str = "1") -> None:
        self.net = folder / "net"
        device = folder / "pci"
        (device / "link").mkdir(parents=True)
        (folder / "drivers" / driver).mkdir(parents=True)
        (device / "driver").symlink_to(folder / "drivers" / driver)
        self.switch = device / "link" / "l1_aspm"
        self.switch.write_text(f"{l1}\n")
        card = self.net / "eth0"
        (card / "statistics").mkdir(parents=True)
        (card / "device").symlink_to(device)
        (card / "speed").write_text(f"{speed}\n")
        self._received = card / "statistics" / "rx_bytes"
        self.receive(0)

    def receive(self, count: int) -> None:
        self._received.write_text(f"{count}\n")

    def cure(self) -> AspmCure:
        return AspmCure("eth0", str(self.net))


def after(card: Card, mbit: float, held_by: str = "network") -> list[dict[str, object]]:
    """What is reported in twenty seconds at so many Mbit/s."""
    cure, told = card.cure(), []
    for second in range(21):
        card.receive(int(second * mbit * 125_000))
        told.append(cure.look(float(second), held_by))
    return [each for each in told if each]


@pytest.mark.parametrize("mbit", [160, 200])
def test_a_realtek_card_at_a_sixth_of_its_link_is_cured(tmp_path: Path, mbit: float) -> None:
    card = Card(tmp_path)
    assert after(card, mbit) == [{"slow_card": {"mbit": mbit, "off": True}}]
    assert card.switch.read_text() == "0"


@pytest.mark.parametrize(
    ("more", "mbit", "held_by"),
    [
        ({}, 900, "network"),
        ({}, 20, "network"),
        ({}, 180, "disk"),
        ({"speed": 100}, 95, "network"),
        ({"driver": "e1000e"}, 180, "network"),
        ({"l1": "0"}, 180, "network"),
    ],
)
def test_others_are_left_alone(tmp_path: Path, more: dict[str, object], mbit: float, held_by: str) -> None:
    card = Card(tmp_path, **more)  # type: ignore[arg-type]
    before = card.switch.read_text()
    assert not after(card, mbit, held_by)
    assert card.switch.read_text() == before


def test_it_is_tried_once_and_what_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    card = Card(tmp_path)
    cure = card.cure()
    card.switch.unlink()
    card.switch.mkdir()
    told = []
    for second in range(30):
        card.receive(second * 22_500_000)
        told.append(cure.look(float(second), "network"))
    assert [each for each in told if each] == [{"slow_card": {"mbit": 180, "off": False}}]
    assert not AspmCure("", str(card.net)).look(0.0, "network")
    assert not AspmCure("none", str(card.net)).look(0.0, "network")
