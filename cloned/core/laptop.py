"""A laptop as the workshop sees it: what it is, where it stands, and how it got there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from cloned.core.contact import Attachment as Attachment  # a laptop is made of both: they are asked for here too
from cloned.core.contact import Contact as Contact
from cloned.core.disks import Disk
from cloned.core.erasure import Erasure, FirstWord
from cloned.core.hardware import Hardware
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.known import KnownElsewhere, KnownToLedger
from cloned.core.reasons import Reason
from cloned.core.secure_boot import FirmwareKeys
from cloned.core.triage import Triage
from cloned.core.trial_result import Trial
from cloned.core.words import Clock, Values, utc
from cloned.disk.media import Medium
from cloned.saying import Phrase, Sentence

HISTORY = 60
"""Entries kept of a laptop's history; the first and the newest ones."""

GIVEN_UP_SECONDS = 900.0
"""Seconds after which the attempt of a laptop that is gone counts as ended: a restart or another port takes less."""

MAX_ROUNDS = 5
"""Rounds of reading back before a disk that still differs is given up."""


class State(StrEnum):
    """Where a laptop stands."""

    ASKING = "asking"
    WAITING = "waiting"
    READY = "ready"
    RECEIVING = "receiving"
    VERIFYING = "verifying"
    FINISHING = "finishing"
    DONE = "done"
    ASIDE = "aside"
    GONE = "gone"
    ERASING = "erasing"
    ERASED = "erased"


class Unweighed(StrEnum):
    """Why a laptop's id is not known to be its own in the ledger."""

    NO = ""
    AWAY = "away"
    """The ledger did not answer when it was given."""
    REFUSED = "refused"
    """The ledger has another machine's results under it."""


ACTIVE = frozenset({State.READY, State.RECEIVING, State.VERIFYING, State.FINISHING})
"""States that hold a place on the switch."""

STAGE = {
    State.ASKING: "wait",
    State.WAITING: "wait",
    State.READY: "receive",
    State.RECEIVING: "receive",
    State.VERIFYING: "verify",
    State.FINISHING: "finish",
}
"""Which of the reported seconds a state counts towards."""


class VerdictKind(StrEnum):
    """What reading back a laptop's disk gave."""

    VERIFIED = "verified"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Somebody's word that this disk may be overwritten with this image."""

    disk: str
    """`Disk.key`."""
    image: str
    image_hash: str
    by: str
    until: float
    given: float = 0.0
    """When it was given; 0 in what versions before 0.2 wrote down."""
    mac: str = ""
    """The card that the laptop had booted through when it was given; empty: any."""
    onto: Disk | None = None
    """The disk as it was then; None: known by its key only."""
    knowing: str = ""
    """What triage said by then (`Course`): where it says worse later, the word no longer holds."""
    anyway: bool = False
    """Whether that was said although this laptop's firmware would not start the image."""
    unasked: bool = False
    """Whether nobody said it of this very laptop: a batch or the configuration did."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A byte range of a partition in which pieces differ (last byte inclusive)."""

    partition: str
    first: int
    last: int
    pieces: int


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of history."""

    at: float
    state: State
    why: Sentence


@dataclass(frozen=True)
class Facts:
    """What an agent says in its hello, already cleaned."""

    identity: Identity
    boot_mac: str = ""
    firmware: str = ""
    cpu: str = ""
    memory: int = 0
    speed_mbps: int | None = None
    disks: tuple[Disk, ...] = field(default=())
    wants: str = ""
    """`capture` or `erase` where that was chosen in the boot menu."""
    half_duplex: bool = False
    dongles: tuple[str, ...] = ()
    hardware: Hardware = field(default_factory=Hardware)
    keys: FirmwareKeys = field(default_factory=FirmwareKeys)
    clock: int = 0
    """Seconds since 1970 by its own clock; 0 where it does not tell."""

    @cached_property
    def traces(self) -> frozenset[str]:
        """All it has in common with another sight of this laptop, at least one of them."""
        return self.identity.traces(self.disks)


@dataclass(frozen=True, slots=True)
class Goal:
    """Which image a laptop is to get, or got, on which disk, and who said so."""

    image: str = ""
    chosen: Sentence = ""
    """Why this image: a rule, the default, or a person."""
    disk: str = ""
    """Key of the disk."""
    onto: Disk | None = None
    """That disk as it was when it was confirmed; None in what versions before 0.2 wrote down."""
    cloned_by: str = ""
    """`Contact.came_by` when it was confirmed."""
    confirmation: Confirmation | None = None
    written: bool = False
    """The image's layout stands on the disk, which is worth reading before fetching."""


@dataclass(frozen=True, slots=True)
class CloneJob:
    """One cloning of a laptop; the next one is `CloneJob(number + 1)`, into which nothing of this one leaks."""

    number: int = 0
    """How many times it was cloned, this time included: the ledger's `attempt`."""
    open: bool = False
    """Whether this job has not come to its end."""
    given_up: bool = False
    """Whether its laptop was gone for so long that the ledger has a row of it; one that comes back goes on with it."""
    rounds: int = 0
    """Of reading back."""
    verdict: VerdictKind = VerdictKind.NONE
    image_hash: str = ""
    """From its own read-back."""
    differs: tuple[Difference, ...] = ()
    first_differs: tuple[Difference, ...] = ()
    cleared: tuple[str, ...] = ()
    """Old signatures that were cleared before the layout was written."""
    discarded: bool = False
    steps: tuple[tuple[str, str, Sentence], ...] = ()
    """Finishing steps: name, result, detail."""
    bytes: int = 0
    reallocated: int = 0
    """Sectors its disk replaced while it was cloned: a disk on its way out."""


@dataclass(frozen=True, slots=True)
class CaptureWish:
    """As what a master is to be captured."""

    image: str = ""
    """Name of the image that it is being captured as."""
    disk: str = ""
    """Key of the disk that is read for that."""


@dataclass(frozen=True, slots=True)
class Laptop:
    """Everything known of one laptop."""

    id: LaptopId
    number: int
    facts: Facts
    """What its agent said last; its identity grows with everything that was ever said."""
    state: State
    since: float
    first_seen: float
    reason: Reason | None = None
    detail: Sentence = ""
    tag: str = ""
    recalled: bool = False
    """Whether id and number are the ledger's word alone, for one of its cards: until its disks are seen."""
    namesake: str = ""  # KnownToLedger.namesake, until a person confirmed this one
    unweighed: Unweighed = Unweighed.NO
    """Whether its id may yet be another's in the ledger: until that was asked nothing is recorded under it."""
    perhaps: KnownToLedger | None = None
    """Which one it may be, with another disk, until a person said so or confirmed it as itself."""
    mark: str = ""
    """A word that image rules look at (`label` in them)."""
    contact: Contact = field(default_factory=Contact)
    link: Attachment = field(default_factory=Attachment)
    goal: Goal = field(default_factory=Goal)
    triage: Triage = field(default_factory=Triage)
    """What the rules make of it, as of its last hello."""
    trials: tuple[Trial, ...] = ()
    """Tests of its parts, the newest of each."""
    trials_wanted: tuple[str, ...] = ()
    """Tests that somebody asked for and that its agent did not get to yet."""
    accepted: tuple[str, ...] = ()
    """Parts that are bad, of which somebody said that the laptop goes on all the same."""
    given_grade: str = ""
    """A to D, by a person; the rules' own counts where it is empty."""
    given_why: str = ""
    session: SessionId | None = None
    job: CloneJob = field(default_factory=CloneJob)
    wants: str = ""
    """`capture`: it is a master, which nothing may clone by itself. `erase`: that was chosen in its boot menu."""
    notes: tuple[str, ...] = ()
    """What people saw on it, in their words."""
    capture: CaptureWish = field(default_factory=CaptureWish)
    paused: bool = False
    left_out: bool = False
    lent: bool = False
    lendings: int = 0
    """How often inventories were told that it went out, or came back."""
    came_back: bool = False
    """It was lent out and has not been cloned since: what is on it is somebody's."""
    keep: bool = False
    """A person said that its disks must never be erased."""
    known: tuple[KnownElsewhere, ...] = ()
    """What inventories elsewhere know of it."""
    asked_at: float = 0.0
    """When they were asked last, and had answered or were away."""
    away: tuple[str, ...] = ()
    """Those that did not answer then."""
    organisation: str = ""
    """Who will lend it out: never a person."""
    donation: str = ""
    """The delivery it came with: an organisation or a number, never a private person."""
    fate: str = ""
    """What became of it: given, parts or scrapped; empty while it is here."""
    media: tuple[Medium, ...] = ()
    """Its disks as erasing sees them, sticks among them; empty until its agent looked."""
    erasure: Erasure | None = None
    """The last one, or the one under way."""
    erasures: int = 0
    first_word: FirstWord | None = None
    """What a second person has yet to say."""
    erase_first: str = ""
    """The level at which a batch wants it erased before it is cloned; empty where none does."""
    history: tuple[HistoryEntry, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()

    @property
    def identity(self) -> Identity:
        """By which it is known again."""
        return self.facts.identity

    @property
    def grade(self) -> str:
        """A to D: a person's, else the rules'; empty where nobody judged it."""
        return self.given_grade or self.triage.grade

    @property
    def active(self) -> bool:
        """Whether it holds a place on the switch."""
        return self.state in ACTIVE

    @property
    def unfinished(self) -> bool:
        """Whether its disk is verified, but the finishing steps were cut short."""
        return self.job.verdict is VerdictKind.VERIFIED and self.job.open and self.state is not State.ASIDE

    @property
    def unrecorded(self) -> bool:
        """Whether it is gone in the middle of an attempt that the ledger knows nothing of."""
        return self.state is State.GONE and self.job.open and not self.job.given_up

    @property
    def silent(self) -> bool:
        """Whether nothing is lost with it: nobody named, marked or confirmed it, and it is not here or never spoke."""
        spoke = self.contact.hellos and (self.state is not State.GONE or self.job.number or self.capture.image)
        given = (self.tag or self.lent) and not self.recalled
        return not (spoke or given or self.mark or self.left_out or self.goal.confirmation)

    @property
    def unheard(self) -> bool:
        """Whether it only ever asked for a boot script: no agent spoke, so its disks are not known."""
        return self.silent and not self.contact.hellos

    def target(self) -> Disk | None:
        """The confirmed disk, if it is still there and the same."""
        found = self.disk_called(self.goal.disk)
        return None if found is not None and self.goal.onto is not None and not found.is_same(self.goal.onto) else found

    def disk_called(self, key: str) -> Disk | None:
        """The one disk that a key fits; None where none does, or several do. Keys of earlier versions count too."""
        fitting = [disk for disk in self.facts.disks if key in (disk.key, disk.old_key)]
        return fitting[0] if len(fitting) == 1 and key else None

    def eligible(self) -> tuple[Disk, ...]:
        """Disks that may be cloned to."""
        return tuple(disk for disk in self.facts.disks if disk.eligible)


def begin_job(laptop: Laptop) -> Laptop:
    """`laptop` with another job, into which nothing of the last one leaks."""
    return replace(laptop, job=CloneJob(laptop.job.number + 1, open=True), came_back=False)


def finish_again(laptop: Laptop) -> Laptop:
    """`laptop` with another job that only finishes: what the last one verified is on its disk."""
    return replace(laptop, job=replace(laptop.job, number=laptop.job.number + 1, open=True))


def unconfirmed(laptop: Laptop) -> Laptop:
    """`laptop` without anybody's word that its disk may be overwritten."""
    return replace(laptop, goal=replace(laptop.goal, confirmation=None))


def transition(
    laptop: Laptop, state: State, at: float, why: str = "", reason: Reason | None = None, detail: str = ""
) -> Laptop:
    """`laptop` in another state, with the time it spent in the last one counted and its history written on."""
    spent = dict(laptop.seconds)
    stage = STAGE.get(laptop.state)
    if stage is not None:
        spent[stage] = spent.get(stage, 0.0) + max(0.0, at - laptop.since)
    return replace(
        add_history(laptop, at, why or worded(reason, detail), state),
        state=state,
        since=at,
        reason=reason,
        detail=detail,
        seconds=tuple(spent.items()),
    )


def add_history(laptop: Laptop, at: float, why: str, state: State | None = None) -> Laptop:
    """`laptop` with one more line of history; the oldest but the first few give way."""
    history = (*laptop.history, HistoryEntry(at, state or laptop.state, why))
    if len(history) > HISTORY:
        history = (*history[:5], *history[6:])
    return replace(laptop, history=history)


def worded(reason: Reason | None, detail: str, values: Values | None = None, clock: Clock = utc) -> str:
    """The sentence of a reason with its detail."""
    return "" if reason is None else Phrase.of(reason, {"detail": detail, **(values or {})}, clock)


def called(laptop: Laptop) -> str:
    """Its number on the sticker, else the one on the screen."""
    return laptop.tag or str(laptop.number)


def named(laptop: Laptop) -> str:
    """What a warning calls it."""
    return Phrase("laptop {name}", name=laptop.tag or laptop.number)
