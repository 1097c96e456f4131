"""One laptop, two laptops: every message with a number before a noun has words for one and for many, in each language."""

import re
from functools import cache

import pytest

from cloned import languages
from cloned.agent import spoken
from cloned.languages import language
from cloned.saying import FORMER, MANY, Phrase

NUMBER = r"(?:%\(\w+\)s|\{\w+(?::number)?\})"
COUNTED = re.compile(NUMBER + r"[ \xa0](?:[A-Za-z%]+ )?([a-z]+s)\b")
"""A place, perhaps an adjective, and a word that ends as English plurals do."""
VERBS = frozenset(
    (
        "answers", "asks", "belongs", "calls", "does", "ends", "exists", "fills", "fits", "gets", "gives", "goes", "has",
        "holds", "is", "lies", "needs", "offers", "reads", "runs", "says", "sends", "stands", "stays", "sticks", "waits",
        "was",
    )
)  # fmt: skip
"""What ends so too and is no noun: what stands before it is a name, not a number."""
OTHERS = frozenset(("as", "its", "address", "less", "ours", "several"))
SIZES = frozenset(("bytes", "sectors"))
"""How large something is, in a unit; nothing here is one of them large."""
MORE_THAN_ONE = frozenset(
    (
        # said of two or more alone
        "OCS took the inventory, but has {count} computers called {device}: see the log of Apache",
        "nothing was changed in GLPI: {count} computers have the inventory number {tag}",
        "the master {master} of {image} is in Snipe-IT {count} times, not once",
        "{count} addresses are behind it, more than {many_macs}",
        "{count} assets have this serial: {tag}",
        "{count} computers have this serial",
        "{count} devices have this serial, one for each MAC it was seen with",
        "{count} disks here are called {name}",
        "{count} entries have the serial {serial} ({tags}): keep one of them",
        "{count} laptops are called {name}",
        "{count} laptops are too many for one file",
        "it has {count} namespaces and would erase one (FNA bit 1)",
        "it was cut short {starts} times",
        "started {starts} times; {said}",
        "the serial {serial} is in it {times} times",
        # a number that the code has fixed, or a setting that is never one
        "all {count} keys of layout {layout} answer",
        "at least {count} characters; several words are easy to keep in mind",
        "the last {count} digits of {tag} are those of {name}",
        "up to {most} letters, digits and the signs . _ / # -, at least one of them a digit",
        "{name} has more than {max_files} files",
        "{state} does not hold {digits} digits",
        "Option {name!r} requires {nargs} arguments.",
        "its file system of {blocks} blocks of {block_size} bytes is larger than its partition of {limit} bytes",
        # a name stands there, not a number
        "The DHCP server {server} gives addresses of {network}; this server is {own} on {where}",
        "{mac} fetched {name} several times and came no further",
        "{names} gives addresses on {name}, and so would we",
        "{name}: {names} gives addresses, we answer beside it",
        "{name}: it names the image {image} for laptops that are not cloned ({course})",
        "{said} Two assets share it, or this is the fault of 8.x that PR 18155 mends: update Snipe-IT",
    )
)
ALIKE = re.compile(NUMBER + r"(?: (?:keer|uur|fois)\b|[^ ]|$| [^\w])")
"""A number before what is the same for one and for many, or before no word at all."""


known = cache(languages.catalogues)
"""Read once: that takes longer than all that is looked up in it."""


@cache
def plain() -> list[str]:
    """Every message that has no plural of gettext's."""
    return sorted(each.id for each in known()["nl"] if isinstance(each.id, str) and each.id)


def uncounted(text: str) -> list[str]:
    """Nouns in the plural after a number that may be one."""
    return [noun for noun in COUNTED.findall(text) if noun not in VERBS | OTHERS | SIZES]


def test_no_message_has_a_noun_for_many_after_a_number_that_may_be_one() -> None:
    assert len(plain()) > 2000
    assert [text for text in plain() if uncounted(text) and text not in MORE_THAN_ONE] == []
    assert sorted(MORE_THAN_ONE - set(plain())) == []  # nothing is excused that is not said any more


def test_the_search_finds_one() -> None:
    assert uncounted("{count} results are dropped") == ["results"]
    assert uncounted("%(through)s of %(all)s laptops are through") == ["laptops"]
    assert uncounted("{count} bad {count:sector|sectors}") == []


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_a_translation_has_words_for_one_and_for_many_too(code: str) -> None:
    catalogue, wrong = known()[code], []
    for text in plain():
        for name in set(re.findall(r"\{(\w+):[^{}|]*\|", text)):
            said = str(catalogue.get(text).string)
            places = re.findall(r"\{" + name + r"(?::number)?\}.{0,9}", said)
            if f"{{{name}:" not in said.replace(f"{{{name}:number}}", "") and not all(map(ALIKE.match, places)):
                wrong.append(said)
    assert wrong == []


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_a_language_counts_in_sentences_as_its_catalogue_does(code: str) -> None:
    speaks, catalogue = language(code), known()[code]
    assert f"({speaks.gettext(MANY)})" == catalogue.plural_expr


def test_numbers_choose_their_words_in_every_language() -> None:
    sent = "{count} {count:result is|results are} sent again"
    said = {code: [language(code).say(Phrase(sent, count=count)) for count in (0, 1, 2)] for code in ("nl", "fr", "en")}
    assert said["en"] == ["0 results are sent again", "1 result is sent again", "2 results are sent again"]
    assert said["nl"][1:] == ["1 resultaat wordt opnieuw verzonden", "2 resultaten worden opnieuw verzonden"]
    assert said["fr"][:2] == ["0 résultat est renvoyé", "1 résultat est renvoyé"]
    assert said["fr"][2] == "2 résultats sont renvoyés"
    assert str(Phrase(sent, count=1)) == "1 result is sent again"
    assert Phrase("{n} {n:day|days}", n="1") == "1 day"  # numbers that were written out first
    assert Phrase("{n} {n:day|days}", n="some") == "some days"


def test_the_laptop_counts_as_its_workshop_does(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = "{cpu}, {count} {count:core|cores}"
    assert spoken.say(cores, cpu="N100", count=0) == "N100, 0 cores"
    french = language("fr")
    monkeypatch.setattr(spoken, "_PACKED", {text: french.say(text) for text in (cores, MANY)})
    assert [spoken.say(cores, cpu="N100", count=count) for count in (0, 1, 4)] == [
        "N100, 0 coeur", "N100, 1 coeur", "N100, 4 coeurs",
    ]  # fmt: skip


def test_what_was_kept_before_there_were_words_for_one_is_said_with_them() -> None:
    kept = {"message": "{hidden:number} hidden sectors were uncovered first", "values": {"hidden": 1}}
    assert language("nl").say(Phrase.read(kept)) == "1 verborgen sector werd eerst zichtbaar gemaakt"
    assert set(FORMER.values()) <= set(plain())
    assert not set(FORMER) & set(plain())
    assert all("|" not in each for each in FORMER)
