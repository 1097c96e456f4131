"""The volunteers' guide and what to do about each thing that can go wrong: for page and paper, in every language."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.core.reasons import Reason
from cloned.languages import to_translate


@dataclass(frozen=True)
class Chapter:
    """A step of the evening. `picture`: an icon of icons.svg."""

    title: str
    picture: str
    says: tuple[str, ...]


TITLE = to_translate("Cloning laptops: the volunteers' guide")
CHAPTERS = (
    Chapter(
        to_translate("Plug it in and switch it on"),
        "laptop",
        (
            to_translate("Give the laptop power and a network cable into a free port of the switch."),
            to_translate("Switch it on and choose the network: F12 on most, F9 on HP, Esc on some others."),
            to_translate("Its port on the big screen shows it within some seconds. Nothing is overwritten yet."),
        ),
    ),
    Chapter(
        to_translate("Put its number on it"),
        "key",
        (
            to_translate("Scan or type the sticker's number at the top of any page; Enter shows the laptop."),
            to_translate("If it is not known yet, choose the laptop before you among those without a number."),
            to_translate("A number is given once. If it is refused, read both stickers again."),
        ),
    ),
    Chapter(
        to_translate("Confirm it"),
        "asking",
        (
            to_translate("An amber laptop asks. Compare model and disk with the laptop in front of you, then confirm."),
            to_translate("Everything on that disk is replaced. If you are not sure, press Back and ask."),
            to_translate("Laptops of one model can be confirmed together, and all new ones of it for the evening."),
        ),
    ),
    Chapter(
        to_translate("Let it work"),
        "receiving",
        (
            to_translate("It receives, checks what its disk really holds, and finishes. It needs nobody meanwhile."),
            to_translate("Do not unplug it. After a power cut switch it on again: it goes on where it was."),
        ),
    ),
    Chapter(
        to_translate("When it is green"),
        "done",
        (
            to_translate("Green with a tick: every used block was read back and is right. Stick its label on."),
            to_translate("Print label and sheet from its page, if they do not come by themselves."),
        ),
    ),
    Chapter(
        to_translate("When it is red"),
        "aside",
        (
            to_translate("Red with a cross: it was set aside. The screen says why and what to do."),
            to_translate("Put it right, then press Retry. What is right on its disk stays."),
            to_translate("If the same comes twice, put the laptop away with a note of what the screen said."),
        ),
    ),
    Chapter(
        to_translate("What is never done here"),
        "warning",
        (
            to_translate("No names, addresses or papers of borrowers: only the laptop and its number."),
            to_translate("Never clone a laptop that somebody still needs something from. Press Keep on its page."),
        ),
    ),
)

_PICTURES = {
    "disk": ("disk", "erase", "sector", "layout", "differs"),
    "network": ("heard", "headway", "mac-", "link", "switch", "identity", "twin", "memory"),
    "image": ("image", "classic", "captur", "master", "finish", "internal"),
    "waiting": ("paused", "held", "other-", "restarted", "left-out", "cancelled"),
}
_STEPS = {
    "disk": (
        to_translate("Look whether the disk sits firmly, where it can be reached."),
        to_translate("If another disk is at hand, put it in and confirm anew; the old one goes to the spare parts."),
    ),
    "network": (
        to_translate("Put the cable into another port, then take another cable."),
        to_translate("Switch the laptop off and on again and let it boot from the network."),
    ),
    "image": (
        to_translate("Ask an administrator to look at the page of images: it says what is wrong with each."),
        to_translate("Other images and laptops are not held up by it."),
    ),
    "waiting": (to_translate("Nothing has to be done at the laptop. It keeps what it has."),),
    "asking": (
        to_translate("Compare model, serial number and disk on its page with the laptop in front of you."),
        to_translate("Confirm it only if everything on that disk may be lost."),
    ),
}


def picture(reason: Reason) -> str:
    """What kind of thing it is: disk, network, image, waiting, or a person's word (asking)."""
    return next((kind for kind, words in _PICTURES.items() if any(word in str(reason) for word in words)), "asking")


def steps(reason: Reason) -> tuple[str, ...]:
    """What to do, in order: its own next step first."""
    own = (reason.next_step,) if reason.next_step else ()
    return (*own, *_STEPS[picture(reason)])
