"""What happens to laptops: the lines of their history, as codes with values."""

from __future__ import annotations

from cloned.core.words import Phrase, Value, Worded


class Happened(Worded):
    """A line of history that no reason stands for."""

    FINISHING_AGAIN = "finishing-again", "finishing again, asked by {by}"
    RETRIED = "retried", "retry, asked by {by}"
    PAUSED_BY = "paused-by", "paused by {by}"
    STARTS = "starts", "it starts from the network"
    MENU = "menu", "its boot menu came up"
    VERIFIED_BEFORE = "verified-before", "verified before; finishing"
    HERE_AGAIN = "here-again", "it is here again"
    CONFIRMED = "confirmed", "confirmed by {by}: {image} onto {disk}"
    CONFIRMED_ONCE_ERASED = "confirmed-once-erased", "confirmed by {by}: {image} onto {disk}, once it is erased"
    CONFIRMED_BEFORE = "confirmed-before", "confirmed by {by} before"
    NOT_WITH_SECURE_BOOT = "not-with-secure-boot", "with Secure Boot on it would not start this image: {why}"
    USED_UP = "used-up", "verified: the confirmation is used up"
    JOINS = "joins", "joins session {number}"
    LAYOUT = "layout", "layout written"
    RECEIVED = "received", "all received; reading back"
    READ_BACK = "read-back", "read back: every block is right"
    DIFFERS_FETCHING = (
        "differs-fetching",
        "differs: {wrong} {wrong:piece|pieces}, {where}; fetching {wrong:it|them} again",
    )
    UNREADABLE_FETCHING = (
        "unreadable-fetching",
        "unreadable: {wrong} {wrong:piece|pieces}, {where}; fetching {wrong:it|them} again",
    )
    DONE = "all-done", "done"
    HEARD = "heard", "heard again"
    HEARD_GOES_ON = "heard-goes-on", "heard again: it goes on from where it was"
    NUMBER = "number", "number {tag}, given by {by}"
    NUMBER_AWAY = "number-away", "its number was taken away by {by}"
    NUMBER_NOW = "number-now", "it has number {tag} now; finishing"
    NUMBER_NOT_TAKEN = "number-not-taken", "{by} has number {tag} for it, which was not taken: {why}"
    INVENTORY_AWAY = "inventory-no-answer", "{sinks} did not answer: it goes on without"
    LENT_ELSEWHERE = "lent-elsewhere", "{sinks} says that it is lent out"
    BACK_ELSEWHERE = "back-elsewhere", "no inventory says that it is lent out any more"
    IN_THE_LEDGER = (
        "in-the-ledger",
        "the ledger knows it: cloned {jobs} {jobs:time|times}, erased {erasures} {erasures:time|times}",
    )
    ID_OF_ANOTHER = (
        "id-of-another",
        "in the ledger another machine has the id that it was given while the ledger was away: it has its own now",
    )
    THE_SAME = "the-same", "it is laptop {name} with another disk, said {by}"
    LENT_OUT = "goes-out", "lent out, said {by}"
    CAME_BACK = "came-back", "it is back, said {by}"
    SWAPPED_FOR = "swapped-for", "swapped: {other} goes out in its place, said {by}"
    GOES_INSTEAD = "goes-instead", "swapped: it goes out in place of {other}, said {by}"
    FOR_ORGANISATION = "for-organisation", "for {name}, said {by}"
    FATE = "fate", "what became of it: {fate}, said {by}"
    ERASURE = "erasure", "erasure ({level}) of {disks} confirmed by {by}"
    FIRST_WORD = "first-word", "{by} said so; another person has to say the same"
    TAKEN_OUT = "taken-out", "disk {disk} was taken out ({what}), said by {by}"
    ALL_ERASED = "all-erased", "every disk is erased ({level}) and read back"
    ERASURE_GOES_ON = "erasure-goes-on", "its erasure goes on"
    TO_BE_CAPTURED = "to-be-captured", "to be captured as {image}, asked by {by}"
    CAPTURE_OVER = "capture-over", "the capture of {image} failed: {why}"
    CARD_CURED = (
        "card-cured",
        "its network card received {mbit} Mbit/s only: its PCIe power saving (ASPM) held it back, and is off now",
    )
    CARD_STAYS = (
        "card-stays",
        "its network card receives {mbit} Mbit/s only: its PCIe power saving (ASPM) could not be turned off",
    )
    GRADED = "graded", "grade {grade} by {by}: {why}"
    NOTED = "noted", "noted by {by}: {note}"
    NOTES_GONE = "notes-gone", "{by} took its notes away"
    GRADE_OF_RULES = "grade-of-rules", "the grade is the rules' own again, by {by}"
    BROKE_OFF = "broke-off", "its session broke off: {error}"


class Actor(Worded):
    """Who acts, where it is no machine or person with a name."""

    PAGE = "page", "page"
    COMMAND_LINE = "command line", "command line"
    KEYBOARD = "the laptop's own keyboard", "the laptop's own keyboard"
    CONFIGURATION = "configuration", "configuration"
    AUTO = "auto", "auto"
    PATTERN = "the pattern", "the pattern"
    AUTO_CONFIRM = "configuration (auto)", "configuration (auto)"
    BATCH = "batch", "batch of {by}"


_ACTORS = {str(each): each for each in Actor if each is not Actor.BATCH}


def happened(what: Happened, /, **values: Value) -> Phrase:
    """A line of history."""
    return Phrase.of(what, values)


def actor(by: str) -> str:
    """Whoever acted, as a sentence names him."""
    if isinstance(by, Phrase):
        return by
    return Phrase.of(_ACTORS[by]) if by in _ACTORS else by
