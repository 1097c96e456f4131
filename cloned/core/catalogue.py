"""Which image a laptop gets: rules over what is known of it, first match first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from cloned.saying import Phrase


@dataclass(frozen=True)
class Machine:
    """What rules look at; sizes in bytes."""

    vendor: str = ""
    product: str = ""
    firmware: str = ""
    label: str = ""
    disk: int = 0
    memory: int = 0


@dataclass(frozen=True)
class ImageRule:
    """Patterns are shell globs, compared without regard to case."""

    image: str
    vendor: str = "*"
    product: str = "*"
    firmware: str = "*"
    label: str = "*"
    min_disk: int = 0
    max_disk: int | None = None
    min_memory: int = 0

    def matches(self, machine: Machine) -> bool:
        """Whether this rule is meant for `machine`."""
        pairs = (
            (self.vendor, machine.vendor),
            (self.product, machine.product),
            (self.firmware, machine.firmware),
            (self.label, machine.label),
        )
        if not all(fnmatchcase(text.lower(), pattern.lower()) for pattern, text in pairs):
            return False
        largest = machine.disk if self.max_disk is None else self.max_disk
        return self.min_disk <= machine.disk <= largest and machine.memory >= self.min_memory


@dataclass(frozen=True)
class Choice:
    """An image, and in words why it was chosen."""

    image: str
    why: str


def choose(rules: tuple[ImageRule, ...], default: str, machine: Machine) -> Choice | None:
    """The image for `machine`, or None where nothing matches and there is no default."""
    for number, rule in enumerate(rules, 1):
        if rule.matches(machine):
            return Choice(rule.image, Phrase("rule {number}", number=number))
    return Choice(default, Phrase("the default image")) if default else None
