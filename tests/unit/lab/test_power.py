"""Who is powered on when."""

from __future__ import annotations

from cloned.lab.fault_texts import Late
from cloned.lab.laptops import LaptopKind
from cloned.lab.power import AT_ONCE, PowerPlan
from cloned.lab.watching import LaptopSeen, sights
from tests.unit.lab.snapshots import laptop, snapshot, who


def off(count: int) -> list[LaptopSeen]:
    return [LaptopSeen(number, None) for number in range(1, count + 1)]


def test_thin_laptops_go_on_all_at_once() -> None:
    plan = PowerPlan(who(12), LaptopKind.THIN, {})
    assert plan.now(off(12), 0.0) == list(range(1, 13))
    assert plan.done


def test_virtual_ones_boot_two_at_a_time_and_the_slow_firmware_first() -> None:
    laptops = who(4)
    macs = [each.mac for each in laptops]
    plan = PowerPlan(laptops, LaptopKind.VM, {})
    assert plan.now(off(4), 0.0) == [2, 4]
    assert plan.now(off(4), 30.0) == []
    spoken = sights(snapshot(laptop(laptops[1]), laptop(laptops[3])), macs)
    assert plan.now(spoken, 60.0) == [1, 3]
    assert AT_ONCE == 2
    assert plan.done


def test_bios_waits_so_that_both_arrive_together() -> None:
    plan = PowerPlan(who(2), LaptopKind.VM, {})
    assert plan.now(off(2), 0.0) == [2]
    assert plan.now(off(2), 5.0) == []
    assert plan.now(off(2), 15.0) == [1]
    assert plan.is_on(1)


def test_a_latecomer_waits_for_the_others_session() -> None:
    laptops = who(3)
    macs = [each.mac for each in laptops]
    plan = PowerPlan(laptops, LaptopKind.THIN, {3: Late(3, 5.0)})
    assert plan.now(off(3), 0.0) == [1, 2]
    assert plan.now(off(3), 100.0) == []
    receiving = sights(snapshot(laptop(laptops[0], "receiving")), macs)
    assert plan.now(receiving, 101.0) == []
    assert plan.now(receiving, 105.5) == []
    assert plan.now(receiving, 106.0) == [3]
