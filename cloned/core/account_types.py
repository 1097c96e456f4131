"""The shapes of a delivery's account, for its paper, its page and the yearly report."""

from __future__ import annotations

from typing import TypedDict


class DonatedLaptop(TypedDict):
    """A laptop of a delivery, and what became of it. Times ISO 8601, empty where it never came to that."""

    tag: str
    name: str
    serial: str
    came: str
    fate: str
    fate_at: str
    erased: str
    hours: float
    used_hours: int


class AccountFigures(TypedDict):
    """What came with a delivery and what became of it; weights in kg, None where no factor is configured.

    `hours` that its laptops were erased, cloned and finished, `used_hours` that their disks had been on before.
    """

    name: str
    organisation: str
    opened: str
    closed: str
    came: int
    given: int
    parts: int
    scrapped: int
    here: int
    erased: int
    not_erased: int
    hours: float
    used_hours: int
    weight_kg: float | None
    co2_kg: float | None


class Account(AccountFigures):
    """What came with a delivery and what became of it, with its laptops; `booking`: whether others are booked on it."""

    booking: bool
    laptops: list[DonatedLaptop]


class FactorSources(TypedDict):
    """The factors, with where each comes from."""

    weight_kg: float
    weight_source: str
    co2_kg: float
    co2_source: str
