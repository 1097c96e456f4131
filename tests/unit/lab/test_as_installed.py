"""A checkout is compiled for a daemon that may write nothing into it; what is installed is left alone."""

from __future__ import annotations

import gettext
import os
from pathlib import Path

import pytest

from cloned.lab.as_installed import as_installed


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a module, and a catalogue beside it."""
    made, words = tmp_path / "cloned", tmp_path / "web" / "locale" / "nl" / "LC_MESSAGES"
    made.mkdir()
    words.mkdir(parents=True)
    (made / "one.py").write_text("ONE = 1\n")
    (words / "cloned.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "disk"\nmsgstr "schijf"\n'
    )
    return made


def compiled(package: Path) -> list[str]:
    """What is there that nobody wrote."""
    return sorted(each.suffix for each in package.parent.rglob("*") if each.suffix in (".pyc", ".mo"))


def test_what_is_installed_is_left_alone(package: Path) -> None:
    as_installed(package)
    assert compiled(package) == []


def test_a_checkout_has_both_and_a_catalogue_that_was_changed_is_compiled_again(package: Path) -> None:
    (package.parent / "pyproject.toml").touch()
    as_installed.__wrapped__(package)
    assert compiled(package) == [".mo", ".pyc"]
    [made] = package.parent.rglob("*.mo")
    source = made.with_suffix(".po")
    source.write_text(source.read_text().replace("schijf", "harde schijf"))
    os.utime(made, (1, 1))
    as_installed.__wrapped__(package)
    with made.open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("disk") == "harde schijf"
    assert compiled(package) == [".mo", ".pyc"]


def test_a_catalogue_that_is_broken_keeps_nothing_from_starting(package: Path) -> None:
    (package.parent / "pyproject.toml").touch()
    [source] = package.parent.rglob("*.po")
    source.write_text('msgid "disk\n')
    as_installed.__wrapped__(package)
    assert compiled(package) == [".pyc"]
