"""What can happen to a workshop. What must then be done is in effect_types.py.

Events are what the journal holds: everything that can change state, nothing else. Each is written down with
its time and with random hex drawn beforehand, so that the same journal always gives the same state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloned.core.erase_events import ErasingEvent
from cloned.core.hardware import Hardware
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.image_info import ImageInfo as ImageInfo  # events are made of both: they are asked for here too
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Difference, Facts, VerdictKind
from cloned.core.ledger_events import LedgerEvent
from cloned.core.settings import Settings as Settings
from cloned.core.trial_result import Trial
from cloned.saying import Sentence

FORMAT = 1
"""Of the journal that holds them: goes up when an older one can no longer be read."""


@dataclass(frozen=True)
class Configured:
    """The daemon started with these settings."""

    settings: Settings
    kind: Literal["configured"] = "configured"


@dataclass(frozen=True)
class Booted:
    """A boot script with a fresh token was rendered for somebody."""

    token: str
    """`ids.token_digest` of it."""
    identity: Identity
    boot_mac: str
    address: str
    proven: bool = True
    """Whether the kernel's own neighbour table has this MAC at this address."""
    known: KnownToLedger | None = None
    """What the ledger knows of it, where the workshop does not."""
    kind: Literal["booted"] = "booted"


@dataclass(frozen=True)
class Hello:
    """An agent introduced itself with a valid token."""

    token: str
    facts: Facts
    address: str
    known: KnownToLedger | None = None
    """What the ledger knows of it, where the workshop does not."""
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True)
class Confirmed:
    """Somebody said that this disk may be overwritten with this image: so until 0.1.0, since then a Command."""

    laptop: LaptopId
    disk: str
    image: str
    by: str
    kind: Literal["confirmed"] = "confirmed"


@dataclass(frozen=True)
class Ready:
    """The layout stands on the disk; pieces may come."""

    laptop: LaptopId
    session: SessionId
    disk: str
    cleared: tuple[str, ...]
    discarded: bool
    kind: Literal["ready"] = "ready"


@dataclass(frozen=True)
class Verifying:
    """Everything wanted was received; the rest is being read back."""

    laptop: LaptopId
    session: SessionId
    kind: Literal["verifying"] = "verifying"


@dataclass(frozen=True)
class Judged:
    """A round of reading back ended with a verdict."""

    laptop: LaptopId
    session: SessionId
    round: int
    verdict: VerdictKind
    wrong: int
    differs: tuple[Difference, ...]
    image_hash: str
    bytes: int
    verifying: float = 0.0
    """Seconds this session's reading back took on the laptop after all was received."""
    reallocated: int = 0
    """Sectors that the disk replaced by spare ones since this boot (SMART attribute 5 or its like)."""
    kind: Literal["judged"] = "judged"


@dataclass(frozen=True)
class Finished:
    """The finishing steps were gone through; each is (name, done|skipped|failed, detail)."""

    laptop: LaptopId
    steps: tuple[tuple[str, str, Sentence], ...]
    kind: Literal["finished"] = "finished"


@dataclass(frozen=True)
class Failed:
    """The agent cannot go on; `code` is a Reason."""

    laptop: LaptopId
    code: str
    detail: Sentence
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True)
class Vanished:
    """Nothing was heard from a laptop for too long."""

    laptop: LaptopId
    kind: Literal["vanished"] = "vanished"


@dataclass(frozen=True)
class Returned:
    """A laptop that was gone reports again, without having booted."""

    laptop: LaptopId
    kind: Literal["returned"] = "returned"


@dataclass(frozen=True)
class SlowCard:
    """A laptop's network card received a sixth of its link, held back by its power saving (ASPM)."""

    laptop: LaptopId
    mbit: int
    """What it received."""
    off: bool
    """Whether the power saving could be turned off, until it starts again."""
    kind: Literal["slow-card"] = "slow-card"


@dataclass(frozen=True)
class PartsTold:
    """What an agent found of its laptop after its hello: a screen whose driver came with the test pack."""

    laptop: LaptopId
    hardware: Hardware
    """What is not told in it stays as it was."""
    kind: Literal["parts"] = "parts"


@dataclass(frozen=True)
class Stalled:
    """A laptop reports, but makes no headway."""

    laptop: LaptopId
    seconds: float
    kind: Literal["stalled"] = "stalled"


@dataclass(frozen=True)
class Located:
    """The switch port of a laptop, its link's speed, and whether that is half duplex; None: the switch does not say."""

    laptop: LaptopId
    port: str
    speed_mbps: int | None
    half_duplex: bool | None = None
    kind: Literal["located"] = "located"


@dataclass(frozen=True)
class SwitchChanged:
    """How many laptops fit at once, and what says so."""

    places: int
    why: Sentence
    link_mbps: int
    kind: Literal["switch"] = "switch"


@dataclass(frozen=True)
class ImageKnown:
    """An image is in the store, or changed there."""

    image: ImageInfo
    kind: Literal["image"] = "image"


@dataclass(frozen=True)
class ImageGone:
    """An image left the store."""

    name: str
    kind: Literal["image-gone"] = "image-gone"


@dataclass(frozen=True)
class Command:
    """Somebody acted: by page, API or command line."""

    do: str
    """A verb of the table in commands.py."""
    by: str
    target: str = ""
    """Id of a laptop, session or batch, or a sink's name; empty means everything."""
    image: str = ""
    text: str = ""
    """Tag, mark, or the product a batch is for; in old journals also the disk to capture."""
    vendor: str = "*"
    until: float = 0.0
    guests: int = 0
    """With `start`: open a classic session for so many stock Clonezilla clients."""
    disk: str = ""
    """A disk's key; whoever asks may say its path."""
    checked: bool = False
    """Of a tag: it is held against pattern and all others. In 0.1.0 none was. Of a lending: inventories are told."""
    disks: tuple[str, ...] = ()
    """Serial numbers (or WWNs, keys, paths) of every disk to erase."""
    level: str = ""
    """Of an erasure: clear or purge; empty for the workshop's."""
    why: str = ""
    """Of a grade: why a person gave it."""
    anyway: str = ""
    """Of a confirmation: not empty if this laptop's firmware may refuse what it is to start."""
    organisation: str = ""
    """For whom the laptops of a batch are."""
    other: str = ""
    """Of a swap: the laptop that goes out, by its id; whoever asks may say any of its names."""
    kind: Literal["command"] = "command"


@dataclass(frozen=True)
class Captured:
    """The capture of a master ended: its image is there, or (with an error) nothing of it is."""

    laptop: LaptopId
    image: str
    error: Sentence = ""
    kind: Literal["captured"] = "captured"


@dataclass(frozen=True)
class TrialTold:
    """A test of one of a laptop's parts came to its end."""

    laptop: LaptopId
    trial: Trial
    kind: Literal["trial"] = "trial"


@dataclass(frozen=True)
class Tick:
    """A moment passed that something was due at: a hold, a confirmation, a session left open."""

    kind: Literal["tick"] = "tick"


@dataclass(frozen=True)
class Ejected:
    """A receiver of a classic session's stream held the others up, or never came, and is out."""

    session: SessionId
    address: str
    why: Sentence
    kind: Literal["ejected"] = "ejected"


@dataclass(frozen=True)
class StreamEnded:
    """All streams of a classic session were sent, or (with an error) no more will come."""

    session: SessionId
    error: Sentence = ""
    again: bool = False
    """Whether another session may well succeed."""
    kind: Literal["stream-ended"] = "stream-ended"


LaptopEvent = (
    Ready
    | Verifying
    | Judged
    | Finished
    | Failed
    | Vanished
    | Returned
    | Stalled
    | Located
    | PartsTold
    | SlowCard
    | TrialTold
    | Captured
)
"""What a laptop that is known tells or meets with."""
StreamEvent = Ejected | StreamEnded
Event = (
    Configured
    | Booted
    | Hello
    | Confirmed
    | SwitchChanged
    | ImageKnown
    | ImageGone
    | Command
    | Tick
    | LaptopEvent
    | StreamEvent
    | LedgerEvent
    | ErasingEvent
)
