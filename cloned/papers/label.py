"""The sticker: the tag in figures for the room, a bar code and a QR code for machines, the image and the day."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cloned.code_words import TEST_WORDS
from cloned.errors import UsageError
from cloned.languages import Language
from cloned.papers.codes import bars, qr
from cloned.papers.document import CAP, Document, safe
from cloned.papers.media import Box, Design, Media
from cloned.papers.subject import PrintingSite, Subject
from cloned.saying import Phrase

_NARROWEST = 68
"""Percent of their width to which a tag's figures may be squeezed to be taller."""
_SMALL = 2.4
"""Size of the words in mm."""


OF = ("laptop", "charger", "battery")
"""What a label may be for: parts that lie beside a laptop carry its number, too."""


def labels(
    who: Sequence[Subject], media: Media, site: PrintingSite, language: Language, first: int = 1, of: str = ""
) -> bytes:
    """A PDF of labels; on sheets, the first goes to place `first` of the first page. `of`: what for, one of `OF`.

    UsageError where a laptop has no tag: a sticker without one would be worth nothing.
    """
    if of and of not in OF:
        raise UsageError(
            Phrase("there is no label for {of}", of=of), "it is for the laptop, its charger or its battery"
        )
    if not who:
        raise UsageError("there is no laptop to print a label for", "see `cloned laptops`")
    if not 1 <= first <= media.places:
        raise UsageError(
            Phrase("{name} has no place {first}", name=media.name, first=first),
            Phrase("its places are 1 to {places}", places=media.places),
        )
    for each in who:
        if not each.tag:
            raise UsageError(
                Phrase("laptop {number} has no tag yet", number=each.number), "give it one: `cloned tag LAPTOP --next`"
            )
    paper = Document(media.page, _title(who, language), language)
    for place, each in enumerate(who, first):
        if place == first or (place - 1) % media.places == 0:
            paper.add_page()
        label(
            paper=paper,
            laptop=each,
            design=media.design,
            corner=media.corner((place - 1) % media.places + 1),
            site=site,
            language=language,
            of=of,
        )
    return paper.done()


def _title(who: Sequence[Subject], language: Language) -> str:
    if len(who) == 1:
        return language.gettext("Label of laptop %(tag)s", tag=who[0].tag)
    return language.ngettext("Label of %(num)s laptop", "Labels of %(num)s laptops", len(who))


def label(
    paper: Document,
    laptop: Subject,
    design: Design,
    corner: tuple[float, float],
    site: PrintingSite,
    language: Language,
    of: str = "",
) -> None:
    """Draw one label from its upper left corner on; all of it bold, as thermal heads like it: one font to embed."""
    _figures(paper, laptop.tag, design.tag.moved(*corner))
    bars(paper, laptop.tag, design.bars.moved(*corner))
    qr(paper, site.page_of(laptop), design.qr.moved(*corner))
    box = design.words.moved(*corner)
    step = min(_SMALL * 1.45, box.height / design.lines)
    lines = _words_of(of)(laptop, site, language)[: design.lines]
    for number, line in enumerate(lines):
        with paper.tagged("P"):
            paper.put(line, box.x, box.y + number * step, box.width, min(_SMALL, step / 1.25), bold=True)


def _words_of(of: str) -> Callable[[Subject, PrintingSite, Language], list[str]]:
    return {"charger": _of_charger, "battery": _of_battery}.get(of, _words)


def _of_charger(laptop: Subject, site: PrintingSite, language: Language) -> list[str]:
    """Whose it is: chargers are looked for by model."""
    return [line for line in (language.gettext("Charger"), laptop.name, site.name) if line]


def _of_battery(laptop: Subject, site: PrintingSite, language: Language) -> list[str]:
    """Whose it is, and what it still holds."""
    left = laptop.hardware.left
    known = [language.gettext("%(percent)s %% of new", percent=round(100 * left))] if left is not None else []
    return [line for line in (language.gettext("Battery"), *known, laptop.name, site.name) if line]


def _words(laptop: Subject, site: PrintingSite, language: Language) -> list[str]:
    """What is worth its room, the most needed first."""
    day = language.short_day(laptop.at) if laptop.at else ""
    image = [
        language.pgettext("image and day", "%(image)s, %(day)s", image=laptop.image, day=day) if day else laptop.image
    ]
    serial = [language.gettext("Serial %(serial)s", serial=laptop.serial)] if laptop.serial else []
    found = [*(image if laptop.image else []), _condition(laptop, language), laptop.name, *serial, site.name]
    return [line for line in found if line]


def _condition(laptop: Subject, language: Language) -> str:
    """Grade, what it needs and which tests it failed, in one line; empty where nobody judged it."""
    _ = language.gettext
    bad = [name for name, result, _why in laptop.tests if result == "failed"]
    failed = [_(TEST_WORDS[name]) if name in TEST_WORDS else name for name in bad]
    told = [f"{_('Grade')} {laptop.grade}"] if laptop.grade else []
    told += [_("FAILED: %(tests)s", tests=language.listed(failed))] if failed else []
    told += [f"{_('Needs')}: {language.listed([language.say(need) for need in laptop.needs])}"] if laptop.needs else []
    return "; ".join(told)


def _figures(paper: Document, tag: str, box: Box) -> None:
    """The tag as large as the box allows: as wide as it is, squeezed somewhat where it is long."""
    size = box.height / CAP
    paper.use(size, bold=True)
    tag = safe(tag)
    width = paper.measure(tag)
    narrow = max(_NARROWEST, min(100.0, 100 * box.width / width))
    size *= min(1.0, box.width / (width * narrow / 100))
    paper.use(size, bold=True)
    paper.set_stretching(narrow)
    with paper.tagged("H1"):
        paper.text(box.x + (box.width - paper.measure(tag) * narrow / 100) / 2, box.y + size * CAP, tag)
    paper.set_stretching(100)
