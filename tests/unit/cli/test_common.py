from __future__ import annotations

import pytest

from cloned.cli.common import print_table


def test_what_laptops_tell_is_text_and_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["laptop"], [["[/x]"], ["[red]r[/red]"], ["a\nb\x1b[31m"]])
    told = capsys.readouterr().out
    assert "[/x]" in told
    assert "[red]r[/red]" in told
    assert "a\\nb\\x1b[31m" in told


def test_names_are_whole_and_the_same_in_every_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "nl_BE.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")
    why = "its disk gives write errors, and what else there is to say of it " * 2
    print_table(
        ["no.", "tag", "laptop", "serial", "state", "why"],
        [["1", "DM-MECHELEN-2026-0012", "done", "5CG0123XYZ0123", "done", why]],
    )
    [first, *_] = capsys.readouterr().out.splitlines()[1:]
    assert "DM-MECHELEN-2026-0012" in first
    assert "5CG0123XYZ0123" in first
    assert first.count("klaar") == 1  # the state, and not the laptop that is called so
    print_table(["sink", "state"], [["inventory", "idle"]])
    assert "inventory  rust" in capsys.readouterr().out
