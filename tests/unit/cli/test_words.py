"""What is done by hand has the same words on the command line, on the page and in the API."""

from __future__ import annotations

import re

import pytest

from cloned.assets import root
from cloned.cli import workshop as cli_workshop
from cloned.control import DOINGS

BY_HAND = ["confirm", "pause", "continue", "cancel", "exclude", "move", "hold", "retry", "batch", "start", "tag"]


@pytest.mark.parametrize("word", BY_HAND)
def test_command_line_page_and_api_have_the_same_words(word: str) -> None:
    commands = {each.name for each in vars(cli_workshop).values() if hasattr(each, "callback")}
    pages = "".join(path.read_text() for path in (root("web") / "templates").rglob("*.html"))
    assert word in {*DOINGS, "confirm"}
    assert word in commands
    assert re.search(rf'"do": "{word}"', pages)
