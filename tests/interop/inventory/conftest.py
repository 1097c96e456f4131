"""What is shared with the unit tests of the inventory: the same tests run here against a real database."""

from tests.unit.inventory.conftest import clock, make_row

__all__ = ["clock", "make_row"]
