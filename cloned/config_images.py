"""The configuration's section on images: which of them is for which laptop."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cloned.core.catalogue import ImageRule
from cloned.saying import Phrase
from cloned.sections import Section

Gigabytes = Annotated[float, Field(ge=0, le=1_000_000)]
GIGABYTE = 10**9


class Rule(Section):
    """`[[images.rule]]`: which image a laptop gets; the first that matches counts."""

    image: str
    vendor: str = "*"
    product: str = "*"
    firmware: Literal["*", "bios", "uefi", "secureboot"] = "*"
    label: str = "*"
    min_disk_gb: Gigabytes = 0
    max_disk_gb: Gigabytes | None = None
    min_memory_gb: Gigabytes = 0

    @model_validator(mode="after")
    def _possible(self) -> Rule:
        if self.max_disk_gb is not None and self.max_disk_gb < self.min_disk_gb:
            values = {"most": self.max_disk_gb, "least": self.min_disk_gb}
            raise ValueError(Phrase("max_disk_gb ({most}) is below min_disk_gb ({least})", **values))
        return self

    def core(self) -> ImageRule:
        """The same as the core has it."""
        return ImageRule(
            image=self.image,
            vendor=self.vendor,
            product=self.product,
            firmware=self.firmware,
            label=self.label,
            min_disk=_bytes(self.min_disk_gb),
            max_disk=None if self.max_disk_gb is None else _bytes(self.max_disk_gb),
            min_memory=_bytes(self.min_memory_gb),
        )


def _bytes(gigabytes: float) -> int:
    return int(gigabytes * GIGABYTE)


class Images(Section):
    """`[images]`: which image for which laptop."""

    verify_hours: Annotated[float, Field(gt=0, le=8760)] = 24.0
    """How often every stored image is read and proven while no laptop is at work."""
    rule: tuple[Rule, ...] = ()
