"""Man pages and completion: one page for each command, and scripts that shells take; tests/interop/cli asks groff."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cloned.cli import manual
from cloned.cli.main import cloned
from cloned.processes import run


def test_every_command_has_its_page() -> None:
    pages = manual.manual()
    names = {f"cloned-{name}" for name in cloned.list_commands(None)}  # type: ignore[arg-type]
    assert names <= pages.keys()
    assert all(
        f"cloned\\-{name.removeprefix('cloned-')}" in pages["cloned"].replace("cloned-", "cloned\\-") for name in names
    )


def test_a_page_tells_options_and_subcommands() -> None:
    page = manual.manual()["cloned-image"]
    assert ".SS cloned image import" in page.replace("\\-", "-")
    assert "EXIT STATUS" in page


@pytest.mark.parametrize("text", ["'tis", ".SH no request"])
def test_no_text_is_taken_for_a_request(text: str) -> None:
    assert manual._text(text).startswith("\\&")


@pytest.mark.wire
@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_reads_the_completion(tmp_path: Path) -> None:
    manual.main(tmp_path)
    script = tmp_path / "completion" / "cloned"
    run(["bash", "-c", f"source {script} && complete -p cloned"])
    assert {path.name for path in script.parent.iterdir()} == {"cloned", "_cloned", "cloned.fish"}
