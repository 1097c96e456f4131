"""The state of the whole workshop, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from cloned.core.catalogue import Machine
from cloned.core.delivery import Donation
from cloned.core.events import ImageInfo, Settings
from cloned.core.evidence import Evidence, recognise
from cloned.core.ids import Identity, LaptopId, SessionId, same
from cloned.core.laptop import ACTIVE, Laptop, State
from cloned.core.refusals import Refusal, Refused
from cloned.core.session import Session
from cloned.core.used_tags import UsedTags
from cloned.saying import Phrase, Sentence

MAX_BOOTS = 4096
"""Boot tokens remembered; the oldest are revoked beyond it."""
MAX_SILENT = 1000
"""Laptops remembered of which nothing is known but that they saw the boot menu; the oldest are forgotten beyond it."""

_RESTING = (State.DONE, State.GONE, State.ASIDE)
"""The states that most are in; a tuple, for an enum's hash takes longer than looking at three."""

NOBODY_SAID = Phrase("nothing has said yet how many fit")


@dataclass(frozen=True)
class BootGiven:
    """A boot script that was handed out, by the digest of its token."""

    token: str
    mac: str
    address: str
    at: float
    laptop: LaptopId | None
    identity: Identity = field(default_factory=Identity)
    """What was told along with the request."""


@dataclass(frozen=True)
class Batch:
    """ "Today, every new laptop of this model gets this image": for laptops first seen after it was given."""

    id: str
    vendor: str
    product: str
    image: str
    image_hash: str
    by: str
    given: float
    until: float
    level: str = ""
    """Whether they are erased first, and how thoroughly: clear, purge, or empty for not at all."""
    organisation: str = ""
    """Who will lend them out."""


@dataclass(frozen=True)
class Workshop:
    """Everything decisions are made from. Mappings are never changed in place."""

    settings: Settings = field(default_factory=Settings)
    laptops: Mapping[LaptopId, Laptop] = field(default_factory=dict)
    sessions: Mapping[SessionId, Session] = field(default_factory=dict)
    boots: Mapping[str, BootGiven] = field(default_factory=dict)
    images: Mapping[str, ImageInfo] = field(default_factory=dict)
    batches: Mapping[str, Batch] = field(default_factory=dict)
    holds: Mapping[str, float] = field(default_factory=dict)
    """Image name to the time its laptops are held until."""
    paused: bool = False
    places: int = 0
    places_why: Sentence = NOBODY_SAID
    link_mbps: int = 1000
    latest: float = field(default=0.0, compare=False)
    """When the last event happened, by the server's clock."""
    unrecorded: Mapping[str, dict[str, object]] = field(default_factory=dict)
    """Ledger rows not yet known to be written, by `laptop/job`."""
    held: Mapping[str, dict[str, object]] = field(default_factory=dict)
    """Rows of laptops whose id may be another's in the ledger, by the same: written once it was asked (weighing.py)."""

    tags: UsedTags = field(default_factory=UsedTags)
    """Every number ever given, by its case-folded text: forgetting a laptop takes none away."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The highest running number that was used, by what a pattern has beside it (`DM-2026-{seq}`)."""

    deliveries: Mapping[str, Donation] = field(default_factory=dict)
    """Donors' deliveries with their accounts, by name."""
    booking: str = ""
    """The delivery that laptops are booked on when they first come; empty where none is open."""
    evening_over: float = 0.0
    """When somebody said last that the evening was over."""

    def with_laptop(self, laptop: Laptop) -> Workshop:
        """This workshop with `laptop` as given."""
        return replace(self, laptops={**self.laptops, laptop.id: laptop})

    def with_session(self, session: Session) -> Workshop:
        """This workshop with `session` as given."""
        return replace(self, sessions={**self.sessions, session.id: session})

    def changed_since(self, before: Workshop) -> tuple[Laptop, ...]:
        """Laptops that are not as they were then, new ones too."""
        was = before.laptops.get
        if before.laptops is self.laptops:
            return ()
        return tuple(each for ident, each in self.laptops.items() if was(ident) is not each)

    def find(self, identity: Identity) -> Laptop | None:
        """The laptop that `identity` is a sight of; the one seen last where a network card is all there is."""
        if self.settings.judging:
            return recognise(self.laptops, Evidence(identity), docks=self.settings.judging > 1)
        known = [
            laptop
            for laptop in self.laptops.values()
            if same(laptop.identity, identity) and not _twin(laptop, identity)
        ]
        return max(known, key=lambda laptop: (laptop.identity.usable and identity.usable, laptop.since), default=None)

    def open_session(self, image: str) -> Session | None:
        """The session that laptops of an image may join."""
        kind = "classic" if image in self.images and self.images[image].classic else "pieces"
        found = (each for each in self.sessions.values() if each.joinable and (each.image, each.kind) == (image, kind))
        return next(found, None)

    def active(self) -> list[Laptop]:
        """Laptops that hold a place."""
        return list(self._active)

    def busy(self) -> bool:
        """Whether a laptop is at work, or being captured."""
        return bool(self._active) or any(laptop.capture.image for laptop in self.laptops.values())

    def in_words(self) -> str:
        """Laptops and sessions, for `systemctl status`."""
        sessions = sum(each.open for each in self.sessions.values())
        return f"{len(self.laptops)} laptops, {len(self._active)} at work, {sessions} sessions"

    def waiting(self) -> list[Laptop]:
        """Laptops that wait for a place."""
        return [laptop for laptop in self._busy if laptop.state is State.WAITING]

    @cached_property
    def _active(self) -> tuple[Laptop, ...]:
        return tuple(laptop for laptop in self._busy if laptop.state in ACTIVE)

    @cached_property
    def _busy(self) -> tuple[Laptop, ...]:
        """Kept, since one event asks several times, of thousands of laptops that nearly all rest."""
        return tuple(laptop for laptop in self.laptops.values() if laptop.state not in _RESTING)

    def machine(self, laptop: Laptop) -> Machine:
        """What image rules look at."""
        disks = laptop.eligible()
        return Machine(
            laptop.identity.vendor,
            laptop.identity.product,
            laptop.facts.firmware,
            laptop.mark,
            max((disk.size for disk in disks), default=0),
            laptop.facts.memory,
        )


def _twin(laptop: Laptop, identity: Identity) -> bool:
    """Whether this can't be the same machine though the UUID is: a vendor's copy, while the other one is at work."""
    serials = laptop.identity.serial and identity.serial
    if serials or not laptop.active or not identity.macs:
        return False
    return not set(laptop.identity.macs) & set(identity.macs)


def not_in_the_list(workshop: Workshop, name: str) -> Refusal | None:
    """Whether an organisation is none of the configured ones; an empty name is nobody's."""
    known = workshop.settings.organisations
    if not name or name in known:
        return None
    return Refusal(Refused.NO_SUCH_ORGANISATION, {"name": name[:80], "known": ", ".join(known) or "-"})
