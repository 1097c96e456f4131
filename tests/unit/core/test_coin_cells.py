from cloned.core import coin_cells
from cloned.core.hello import facts
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Contact, Facts, Laptop, State

NOW = 1795950000


def laptop(clock: int, state: State = State.ASKING) -> Laptop:
    told = Facts(Identity(), clock=clock)
    return Laptop(LaptopId("l1"), 7, told, state, 0, 0, contact=Contact(last_hello=float(NOW)))


def test_a_clock_that_stands_years_back_is_told() -> None:
    [warning] = coin_cells.warnings([laptop(NOW - 9 * 365 * 86400)])
    assert (warning.code, str(warning.text)) == ("coin-cell", "laptop 7: its clock stands 3285 days back")
    assert "coin cell" in warning.hint


def test_other_clocks_and_laptops_that_are_gone_are_not() -> None:
    clocks = (0, NOW, NOW + 10**9, NOW - 3600, NOW - 100 * 86400)
    gone = laptop(1, State.GONE)
    assert coin_cells.warnings([gone, *map(laptop, clocks)]) == []


def test_an_agent_tells_its_clock() -> None:
    assert facts({"clock": NOW}).clock == NOW
    assert facts({"clock": "yesterday"}).clock == facts({"clock": -5}).clock == 0
