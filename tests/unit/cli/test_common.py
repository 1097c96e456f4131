from __future__ import annotations

import pytest

from cloned.cli.common import print_table


def test_what_laptops_tell_is_text_and_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["laptop"], [["[/x]"], ["[red]r[/red]"], ["a\nb\x1b[31m"]])
    told = capsys.readouterr().out
    assert "[/x]" in told
    assert "[red]r[/red]" in told
    assert "a\\nb\\x1b[31m" in told
