"""Why something that was asked for cannot be done: codes with values, worded where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloned.core.words import Clock, Phrase, Value, Worded, utc


class Refused(Worded):
    """What stands against a command, and the next step."""

    NO_SUCH_COMMAND = "no-such-command", "there is no command {do}", "there are: {known}"
    NO_SUCH_LAPTOP = "no-such-laptop", "no laptop is called {name}", "see `cloned laptops`"
    SEVERAL_LAPTOPS = (
        "several-laptops",
        "{count} laptops are called {name}",
        "name it by its number, serial or MAC: see `cloned laptops`",
    )
    NO_SUCH_SESSION = "no-such-session", "there is no open session {name}", "see `cloned sessions`"
    NO_SUCH_BATCH = "no-such-batch", "there is no batch {name}", "the workshop's screen shows them"
    NO_SUCH_IMAGE = "no-such-image", "there is no image {name}", "see `cloned image list`"
    NO_SUCH_ORGANISATION = (
        "no-such-organisation",
        "there is no organisation {name}",
        "there are: {known}; [inventory] organisations names them, and never a person",
    )
    LACKS = "lacks", "{do} needs {word}: {help}", "say it"
    NO_SUCH_DISK = "no-such-disk", "it has no disk {name}", "it has: {known}"
    NO_DISK = "no-disk-there", "it has no disk", "check that its disk is seated and seen by the firmware"
    SEVERAL_DISKS = "name-a-disk", "it has more than one disk, name one", "it has: {known}"
    AT_WORK = "at-work", "laptop {name} is at work", "cancel it first"
    BEING_FINISHED = "being-finished", "it is verified and being finished", "clone it again afterwards"
    BEING_CAPTURED = "being-captured", "it is being captured as {image}", "wait until it is"
    NOT_RUNNING = (
        "not-running",
        "its live system does not run",
        'start it from the network and choose "capture this laptop"',
    )
    NO_NAME = (
        "no-name",
        "{name} cannot be the name of an image",
        "up to 64 letters, digits and the signs . _ + -, beginning and ending with a letter or digit",
    )
    NAME_TAKEN = "name-taken", "there is an image called {name} already", "choose another name"
    NAME_UNDER_WAY = "name-under-way", "{name} is being captured already", "choose another name"
    TOO_MANY_GUESTS = "too-many-guests", "a session is for 1 to {most} {most:guest|guests}", "open several"
    CANNOT_BE_SENT = "cannot-be-sent", "image {name} cannot be sent: {why}", "repair or import it again"
    NO_PORT = "no-port", "all ports of classic sessions were used within the last 24 hours", "wait until some are free"
    NO_OTHER = (
        "no-other",
        "nothing says that laptop {name} may be another one",
        "forget the row that is not one, or confirm each by hand",
    )
    HAS_RESULTS = (
        "has-results",
        "laptop {name} was cloned, erased or lent under its own name since",
        "it stays as it is: its results stand in the ledger",
    )
    TAG_TAKEN = (
        "tag-taken",
        "{tag} is on laptop {name}, or was",
        "read both stickers again; a number is given only once",
    )
    TAG_TAIL = (
        "tag-tail",
        "the last {count} digits of {tag} are those of {name}",
        "payment references are made of them: take another number",
    )
    TAG_PATTERN = "tag-pattern", "{tag} is not a number like {pattern}", "read or scan the sticker again"
    TAG_SIGNS = (
        "tag-signs",
        "{tag} cannot be a number on a sticker",
        "up to {most} letters, digits and the signs . _ / # -, at least one of them a digit",
    )
    NO_TAG_PATTERN = (
        "no-tag-pattern",
        "nothing says what the next number looks like",
        "set pattern under [tags] in the configuration, or type the number",
    )
    TAGS_OUT = "tags-out", "{pattern} has no number left", "give it more digits under [tags] in the configuration"
    NO_SUCH_LEVEL = "no-such-level", "there is no level {name}", "it is clear or purge"
    KEPT = "kept", "laptop {name} is marked to be kept", "take the mark off first: cloned erase keep LAPTOP --off"
    LENT = "is-lent", "laptop {name} is lent out", "note that it is back first: cloned lent LAPTOP --back"
    SWAP_FOR_WHICH = (
        "swap-for-which",
        "say which laptop goes out instead of {name}",
        "these can go out, its own model first: {others}",
    )
    SWAP_WITH_ITSELF = "swap-with-itself", "a laptop cannot be swapped for itself", "name the one that goes out"
    NOT_READY_TO_GO = (
        "not-ready-to-go",
        "laptop {name} cannot go out: it is lent out, or not cloned and verified since it came back",
        "name one that is done",
    )
    IS_DONE = "is-done", "laptop {name} is done and verified", "start it from the network again on purpose, then erase"
    NO_SUCH_GRADE = "no-such-grade", "there is no grade {name}", "give A, B, C or D"
    GRADE_WITHOUT_WHY = "grade-without-why", "a grade needs a word why", "say what the rules do not know: --why"
    NO_TESTS_WANTED = "no-tests-wanted", "laptop {name} has no tests to do", "ask for some first: test it"
    SKIP_WITHOUT_WHY = "skip-without-why", "leaving tests out needs a word why", "say it: no time, no such part"
    NOTHING_TO_DECIDE = "nothing-to-decide", "laptop {name} has no bad part to decide about", ""
    NOT_RUNNING_ERASE = "not-running-erase", "its live system does not run", "start it from the network"
    NOT_LOOKED_AT = "not-looked-at", "its disks have not been looked at yet", "wait some seconds, then try again"
    NAME_EVERY_DISK = (
        "name-every-disk",
        "an erasure names every built-in disk; missing: {missing}",
        "it has: {known}",
    )
    LEVEL_TOO_HIGH = "level-too-high", "{disk} cannot be erased so thoroughly: {why}", "{instead}"
    NO_EVENING = "no-evening", "no laptop was here yet", "say so once laptops were worked on"
    NO_DELIVERY_OPEN = "no-delivery-open", "no delivery is open", "cloned deliveries open NUMBER opens one"
    NO_DELIVERY_NAME = "no-delivery-name", "a delivery needs a number or a name", "cloned deliveries open NUMBER"
    NO_SUCH_FATE = "no-such-fate", "{name} is not among what can be noted", "there are: {known}"
    OWN_NAME = (
        "own-name",
        "this workshop has two people confirm it, each under a name of his own",
        "sign in with your own name and password",
    )
    ANOTHER_PERSON = "another-person", "{by} said it already: another person has to say the same", "ask somebody else"
    NOTHING_SET_ASIDE = (
        "nothing-set-aside",
        "no disk of it is called {name} that could not be erased",
        "there are: {known}",
    )
    OVERTAKEN = "overtaken", "something else happened to it at the same moment", "look where it stands, then try again"


@dataclass(frozen=True)
class Refusal:
    """One answer of "no": a `Refused` (or a laptop's `Reason`) and what its words need."""

    code: Worded
    values: Mapping[str, Value] = field(default_factory=dict)

    def sentence(self, clock: Clock = utc) -> str:
        """What stands against it, in English."""
        return Phrase.of(self.code, self.values, clock)

    def next_step(self, clock: Clock = utc) -> str:
        """What to do about it; empty where there is nothing to do."""
        return Phrase.step(self.code, self.values, clock)
