"""The Clonezilla system: its description, and when it is built anew."""

import json
from pathlib import Path

import pytest

from cloned.errors import MissingError
from cloned.live import full as clonezilla


def put(folder: Path, digest: str, size: int = 3) -> None:
    (folder / clonezilla.NAME).write_bytes(b"abc")
    told = {"suite": "bookworm", "digest": digest, "bytes": size, "built": "2026-01-01T00:00:00Z"}
    (folder / "clonezilla.json").write_text(json.dumps(told))


def test_one_of_the_same_recipe_is_taken_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, clonezilla.recipe_digest("bookworm"))
    assert clonezilla.build(tmp_path).squashfs == tmp_path / clonezilla.NAME


def test_none_or_a_cut_one_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no Clonezilla system"):
        clonezilla.info(tmp_path)
    put(tmp_path, "", size=4)
    with pytest.raises(MissingError, match="damaged"):
        clonezilla.info(tmp_path)


def test_the_recipe_names_what_sessions_need() -> None:
    assert {"clonezilla", "partclone", "udpcast", "lvm2", "squashfs-tools"} <= set(clonezilla.recipe()["packages"])
