"""Languages: the right words, habits of dates and numbers, and catalogues that lose nothing."""

import os
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel import localedata
from babel.messages.extract import extract_from_dir

from cloned import languages
from cloned.core import happened, reasons, refusals  # noqa: F401 - so that their codes are known
from cloned.languages import CODES, Language, best, bracketed, language, of_environment
from cloned.saying import CODES as CODES_OF
from tests import messages

PLACEHOLDER = re.compile(r"%\([a-z_]+\)s|%%|\{[a-z_0-9]+(?:![rs])?(?::[a-z]+)?\}")
CHOICE = re.compile(r"\{([a-z_0-9]+):[^{}|]*\|[^{}|]*\}")
"""Words for one and for many, as saying.py has them."""
ROOT = Path(languages.__file__).parent
COMPLETE = (
    "agent", "casting", "check", "cli", "core", "disk", "images", "inventory", "live", "multicast", "netboot", "papers",
    "status", "switch",
)  # fmt: skip
"""Rooms whose every word is translated; the lab is for developers and speaks English."""
TEMPLATES = ("web/templates", "pxe/menus")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("fr-BE,fr;q=0.9,en;q=0.8", "fr"),
        ("de,en;q=0.5", "en"),
        ("en;q=0.1, nl-NL", "nl"),
        ("de", "nl"),
        ("", "nl"),
        ("*;q=x, fr;q=0", "nl"),
        ("fr;q=" + "9" * 400, "nl"),
    ],
)
def test_a_browser_gets_the_language_it_likes_best(asked: str, code: str) -> None:
    assert best(asked, "nl") == code


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "nl_BE.UTF-8"}, "nl"),
        ({"LANG": "nl_BE.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_FR"}, "fr"),
        ({"LANG": "pl_PL.UTF-8"}, "en"),
    ],
)
def test_the_command_line_speaks_as_its_environment_says(environ: dict[str, str], code: str) -> None:
    assert of_environment(environ).code == code


def _plain(text: str) -> str:
    """With ordinary spaces: which kind stands before a unit is CLDR's business."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def test_numbers_sizes_and_days_are_written_as_people_write_them() -> None:
    dutch, french, english = map(language, CODES)
    assert [_plain(each.size(256_060_514_304)) for each in (dutch, french, english)] == ["256 GB", "256 Go", "256 GB"]
    assert [_plain(each.size(7.31e9)) for each in (dutch, french, english)] == ["7,3 GB", "7,3 Go", "7.3 GB"]
    assert _plain(dutch.size(16 * 2**30, binary=True)) == "16 GB"
    assert [each.number(12480.46, 1) for each in (dutch, english)] == ["12.480,5", "12,480.5"]
    assert [each.day(date(2026, 11, 29)) for each in (dutch, french)] == ["29 november 2026", "29 novembre 2026"]
    assert [dutch.seconds(each) for each in (40, 200, 4800)] == ["40 s", "3 min", "1 h 20"]
    assert french.listed(["a", "b", "c"]) == "a, b et c"
    assert [each.name for each in (dutch, french, english)] == ["Nederlands", "français", "English"]


def test_durations_are_never_finer_than_it_matters() -> None:
    told = [(-3, "0 s"), (0.4, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "1 h 00"), (5400, "1 h 30")]
    assert [(seconds, language("en").seconds(seconds)) for seconds, _ in told] == told


def test_times_are_local_and_dated_where_not_of_today() -> None:
    now, english = datetime.now().astimezone(), language("en")
    assert english.when(now.timestamp(), seconds=True) == now.strftime("%H:%M:%S")
    assert english.when(now.isoformat()) == now.strftime("%H:%M")
    assert english.when((now - timedelta(days=2)).timestamp()) == english.moment(now - timedelta(days=2))
    assert english.when(None) == ""


def test_a_catalogue_that_is_missing_or_broken_means_english(tmp_path: Path) -> None:
    for content in (None, b"\xff\xfe", b"nonsense", b'msgid "a'):
        folder = tmp_path / "nl" / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        if content is not None:
            (folder / "cloned.po").write_bytes(content)
        assert languages._catalogue(languages._machine_form(tmp_path, "nl"), "nl").gettext("Disk") == "Disk"
    (folder / "cloned.mo").write_bytes(b"\xde\x12\x04\x95")
    assert languages._catalogue(languages._machine_form(tmp_path, "nl"), "nl").gettext("Disk") == "Disk"


def test_a_compiled_catalogue_older_than_its_source_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "nl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "cloned.po"
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    source.write_text(head + 'msgid "Disk"\nmsgstr "Oud"\n', encoding="utf-8")
    source.with_suffix(".mo").write_bytes(languages.compiled(source))
    source.write_text(head + 'msgid "Disk"\nmsgstr "Schijf"\n', encoding="utf-8")
    later = source.with_suffix(".mo").stat().st_mtime + 5
    os.utime(source, (later, later))
    assert languages._catalogue(languages._machine_form(tmp_path, "nl"), "nl").gettext("Disk") == "Schijf"


def test_a_translation_that_fits_no_value_is_replaced_by_the_english_one() -> None:
    class Wrong(type(bracketed().catalogue)):  # type: ignore[misc]
        def gettext(self, message: str) -> str:
            return "%(nobody)s %"

    assert languages.Language("nl", Wrong()).gettext("disk %(disk)s", disk="sda") == "disk sda"


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_no_translation_loses_a_placeholder(code: str) -> None:
    for message in known()[code]:
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        names = [message.id] if isinstance(message.id, str) else list(message.id)
        wanted = sorted(PLACEHOLDER.findall(names[-1]))
        for form in filter(None, forms if message.id else []):
            found = sorted(PLACEHOLDER.findall(form))
            assert found == wanted or (len(names) > 1 and set(wanted) - set(found) <= {"%(num)s"}), message.id


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_no_translation_counts_what_its_message_does_not(code: str) -> None:
    for message in known()[code]:
        names = [message.id] if isinstance(message.id, str) else list(message.id)
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        there = {name for each in names for name in re.findall(r"\{([a-z_0-9]+)[:!}]", each)}
        for form in filter(None, forms if message.id else []):
            assert set(CHOICE.findall(form)) <= there, message.id
            assert "|" not in CHOICE.sub("", form) or "|" in CHOICE.sub("", names[-1]), message.id


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_no_translation_stopped_half_way(code: str) -> None:
    english = re.compile(r"\b(?:the|which|where|this|that|with|from|only|and|it|its)\b")
    for message in known()[code]:
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        for form in filter(None, forms if message.id else []):
            said = re.sub(r"\{[^}]*\}|%\(\w+\)s|`[^`]*`|\"[^\"]*\"|\S*[=/_]\S*|--\S+", " ", form)
            assert not english.search(said), form


known = cache(languages.catalogues)
"""Read once: that takes longer than all that is looked up in it."""


def lacking(code: str, found: Iterable[tuple[str, Any]]) -> list[str]:
    """Messages that the catalogue has no words for."""
    catalogue = known()[code]
    missing = []
    for where, message in found:
        one, context = (message, None) if isinstance(message, str) else message
        entry = catalogue.get(one) or catalogue.get(one, context)
        words = () if entry is None else (entry.string,) if isinstance(entry.string, str) else entry.string
        if entry is None or not words or not all(words) or entry.fuzzy:
            missing.append(f"{where}: {message!r}")
    return missing


scanned = cache(messages.scan)


def of_room(room: str) -> Iterator[tuple[str, Any]]:
    for path in sorted((ROOT / room).rglob("*.py")):
        yield from of_file(path)


def of_file(path: Path) -> Iterator[tuple[str, Any]]:
    for line, function, message, _ in scanned(path).found:
        yield f"{path}:{line}", message[::-1] if function == "pgettext" else message


def of_templates(folder: str) -> Iterator[tuple[str, Any]]:
    for path, line, message, _, _ in extract_from_dir(
        ROOT.parent / folder, [("**.*", "jinja2")], options_map={"**.*": {"trimmed": "true", "silent": "false"}}
    ):
        yield f"{path}:{line}", message


HOW = "run `make locale`, then translate what it added in web/locale"


@pytest.mark.parametrize("room", COMPLETE)
def test_every_word_of_a_room_is_translated(room: str) -> None:
    found = list(of_room(room))
    assert found
    for code in ("nl", "fr"):
        assert not lacking(code, found), f"{code}: {HOW}"


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_every_word_outside_the_rooms_is_translated(code: str) -> None:
    found = [each for path in sorted(ROOT.glob("*.py")) for each in of_file(path)]
    assert len(found) > 100
    assert not lacking(code, found), HOW


@pytest.mark.parametrize("folder", TEMPLATES)
def test_every_word_of_a_template_is_translated(folder: str) -> None:
    found = list(of_templates(folder))
    assert found
    for code in ("nl", "fr"):
        assert not lacking(code, found), f"{code}: {HOW}"


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_every_code_has_words_in_each_language(code: str) -> None:
    words = [
        text for each in CODES_OF.values() for text in (each.sentence, each.next_step) if any(map(str.isalpha, text))
    ]
    assert len(words) > 150
    assert not lacking(code, (("", text) for text in words))


def test_no_message_is_put_together_before_it_could_be_translated() -> None:
    rooms = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] != "lab"]
    assert [f"{path}:{line}" for path in rooms for line in scanned(path).unfit] == []


def test_one_that_nobody_translated_is_found(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text('Phrase("a message that nobody knows")\nraise UsageError(f"{x} is odd")\n', encoding="utf-8")
    found = [("x", message) for _, _, message, _ in messages.scan(file).found]
    assert lacking("nl", found) == ["x: 'a message that nobody knows'"]
    assert messages.scan(file).unfit == [2]


def test_what_nobody_says_is_let_go_and_what_is_said_stays_the_same() -> None:
    def said(words: Language) -> list[object]:
        moments = [1_795_000_000.0 + month * 30 * 86400 for month in range(12)]
        return [
            words.name, words.number(12480.55, 1), words.percent(0.84), words.listed(["a", "b", "c"]),
            [words.size(10**power) for power in range(14)], [words.size(2**power, binary=True) for power in range(44)],
            [(words.day(at), words.short_day(at), words.clock(at), words.moment(at)) for at in moments],
        ]  # fmt: skip

    for code in CODES:
        before = said(language(code))
        languages.lighten(code)
        assert said(language(code)) == before
        place = languages._PLACES[code]
        assert "territories" not in localedata.load(place)
        localedata.clear_caches()
        languages._locale.cache_clear()
    assert said(language("en")) == before  # it is read again where somebody lets it go
