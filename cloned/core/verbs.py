"""What a command is made of: the shape of a line in the table of commands (commands.py).

Page, API, OpenAPI document, command line and help are made from these lines and from nothing else. A new verb is a
`Verb` beside the function that obeys it, a line in `commands.TABLE` if its file is new there, and, if people are to
press it, a button in a template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cloned.core.events import Command
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop
from cloned.core.refusals import Refusal
from cloned.core.words import to_translate
from cloned.core.workshop import Workshop

Obey = Callable[[Workshop, Command, float, str], Workshop]
"""(workshop, command, now, entropy) → the workshop after it. Only called where nothing stands against it."""
Refuse = Callable[[Workshop, Command], Refusal | None]
"""What stands against it, beyond what target and words say by themselves."""
Complete = Callable[[Workshop, Command], Command]
"""What was meant, in full (the only disk, the chosen image): so it stands in the journal."""
Answer = Callable[[Workshop, Command], Mapping[str, object] | Refusal]
"""What whoever asked is told afterwards, or why it came to nothing."""


class Role(StrEnum):
    """What somebody must be for a command. Each may do what those before it may."""

    READER = "reader"
    VOLUNTEER = "volunteer"
    ADMINISTRATOR = "administrator"

    def may(self, needed: Role) -> bool:
        """Whether somebody who is this may do what needs that."""
        order = list(Role)
        return order.index(self) >= order.index(needed)

    @property
    def article(self) -> str:
        """`a volunteer`, `an administrator`: for sentences, of the catalogues."""
        return _ARTICLES[self]


_ARTICLES = {
    Role.READER: to_translate("a reader"),
    Role.VOLUNTEER: to_translate("a volunteer"),
    Role.ADMINISTRATOR: to_translate("an administrator"),
}


class Target(StrEnum):
    """What a command is about; people may use every name that naming.py knows."""

    NOTHING = ""
    LAPTOP = "laptop"
    LAPTOP_OR_ALL = "laptop, or everything"
    SESSION_OR_ALL = "session, or every one"
    BATCH = "batch"
    SINK_OR_ALL = "sink, or every one"

    @property
    def noun(self) -> str:
        """`laptop`, `session`, …: what the command line calls it; empty for none."""
        return self.value.partition(",")[0]

    @property
    def optional(self) -> bool:
        """Whether leaving it out means everything."""
        return "," in self.value


class Holds(StrEnum):
    """What a word of a command may be."""

    TEXT = "text"
    IMAGE = "image"
    """An image of the store."""
    DISK = "disk"
    TIME = "time"
    """Seconds since 1970, ISO 8601, or HH:MM of the coming 24 hours."""
    COUNT = "count"
    LAPTOP = "laptop"
    """Another laptop, by any of its names."""
    DISKS = "disks"
    """Several disks, each by its serial number."""


@dataclass(frozen=True)
class Word:
    """Something that a command is told beside its target."""

    field: str
    """Of `events.Command`."""
    help: str
    holds: Holds = Holds.TEXT
    needed: bool = False
    name: str = ""
    """What the command line calls it; else as the field."""
    option: bool = False
    """On the command line an option though it is needed; words that are not needed always are."""
    flag: str = ""
    """For a flag of the command line (`--back`): what the field then is."""

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.name or self.field


def nothing_against(_workshop: Workshop, _command: Command) -> Refusal | None:
    """No objection of its own."""
    return None


def as_said(_workshop: Workshop, command: Command) -> Command:
    """Nothing to complete."""
    return command


def nothing_to_tell(_workshop: Workshop, _command: Command) -> Mapping[str, object] | Refusal:
    """Done, and that is all."""
    return {}


@dataclass(frozen=True)
class Verb:
    """One line of the table of commands."""

    name: str
    help: str
    """A sentence for people; the target in capitals where it is named. Translations key on it."""
    obey: Obey | None
    """None: another room carries it out (`Control` is given who), nothing of the workshop's state changes."""
    target: Target = Target.NOTHING
    takes: tuple[Word, ...] = ()
    role: Role = Role.ADMINISTRATOR
    refuse: Refuse = nothing_against
    complete: Complete = as_said
    answer: Answer = nothing_to_tell
    also: tuple[str, ...] = ()
    """Older names that are still understood."""
    command_line: str = ""
    """Where the command line has it, if not as `cloned NAME`: `image capture`."""

    def word(self, field: str) -> Word | None:
        """What this verb takes in a field of Command."""
        return next((word for word in self.takes if word.field == field), None)


def laptop_of(workshop: Workshop, command: Command) -> Laptop:
    """The laptop that a command is about: it is there, or the command would have been refused."""
    return workshop.laptops[LaptopId(command.target)]
