"""What a sink tells: of a result that it has, of what it would do, of what it knows. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from cloned.saying import Phrase

Judgement = Literal["ok", "missing", "create", "change", "told"]

WORDS: dict[Judgement, str] = {
    "ok": "ok",
    "missing": Phrase("missing"),
    "create": Phrase("would create"),
    "change": Phrase("would change"),
    "told": Phrase("left alone"),
}
"""How each is said in the one line that a person reads."""


@dataclass(frozen=True)
class Receipt:
    """What is to be said of a result that the other side now has, read back and compared."""

    said: tuple[str, ...] = ()
    """Remarks for the page: what was left alone, and why."""
    tag: str = ""
    """The number that the other side keeps this laptop under."""
    link: str = ""
    """Where a person finds it there."""


@dataclass(frozen=True)
class Expectation:
    """One line of a rehearsal: what a sink would find, create or change."""

    what: str
    """The thing: `token`, `label done`, `field Battery`, `asset`."""
    judgement: Judgement
    said: str
    next: str = ""
    """What to do where something is missing or left alone."""

    @property
    def possible(self) -> bool:
        """Whether a result could be brought there as far as this line goes."""
        return self.judgement not in ("missing", "told")

    def line(self) -> str:
        """As a person reads it."""
        if not self.next:
            return Phrase("{judged}: {what}: {said}", judged=WORDS[self.judgement], what=self.what, said=self.said)
        return Phrase(
            "{judged}: {what}: {said} ({next})",
            judged=WORDS[self.judgement], what=self.what, said=self.said, next=self.next,
        )  # fmt: skip

    def to_json(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self) | {"judgement": WORDS[self.judgement]}


@dataclass(frozen=True)
class KnownThere:
    """What an inventory knows of a serial: never to whom a laptop is lent, only whether."""

    found: int
    """How many entries have exactly this serial (or, without one, this tag)."""
    tag: str = ""
    model: str = ""
    status: str = ""
    lent: bool = False
    said: tuple[str, ...] = ()
    """What is odd: several entries, another spelling."""
