"""What `cloned serve` says where it cannot begin."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from cloned.cli.serve import serve
from cloned.errors import Exit, MissingError


def test_a_file_that_cannot_be_written_is_named_whichever_part_wanted_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    config = tmp_path / "cloned.toml"
    config.write_text(f'[workshop]\nstate = "{tmp_path}/file/state"\nruntime = "{tmp_path}/run"\n')
    told = CliRunner().invoke(serve, ["--config", str(config)]).exception
    assert isinstance(told, MissingError)
    assert (told.exit, str(told.message).splitlines(), "may write there" in str(told.hint)) == (
        Exit.MISSING, [f"{tmp_path}/file/state cannot be used: Not a directory"], True,
    )  # fmt: skip
