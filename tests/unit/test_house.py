"""What only the house knows: settings with where they come from, secrets hidden, and which rule means whom."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cloned.check import LOOKS
from cloned.config_file import load
from cloned.engine import Engine
from cloned.house import HIDDEN, House, _words

TEXT = """[workshop]
name = "Ghent"
[page]
tokens = { front = "%s" }
[[switch]]
address = "10.0.0.1"
community = "very secret"
""" % ("ab" * 32)


def test_settings_say_where_they_come_from_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "cloned.toml"
    file.write_text(TEXT)
    config = load(file)
    house = House(lambda: config, file, cast("Engine", SimpleNamespace()))
    rows = {(name, row["key"]): row for name, found in house.settings().items() for row in found}
    assert rows["workshop", "name"] == {"key": "name", "value": "Ghent", "source": f"{file}:2"}
    assert rows["page", "port"] == {"key": "port", "value": "8080", "source": ""}
    assert rows["switch", "[1].community"]["value"] == HIDDEN
    assert rows["switch", "[1].community"]["source"] == f"{file}:7"
    assert rows["page", "tokens.front"]["value"] == HIDDEN
    assert not any("very secret" in row["value"] or "abab" in row["value"] for row in rows.values())


@pytest.mark.parametrize(
    ("section", "url", "shown"),
    [
        ("sink", "https://hooks.example/services/T0/B1/sekrit", "https://hooks.example/•••"),
        ("sink", "https://user:sekrit@hooks.example:8443?key=sekrit", "https://•••@hooks.example:8443?•••"),
        ("sink", "http://10.0.0.9:9/", "http://10.0.0.9:9/"),
        ("print", "ipp://user:sekrit@10.0.0.9/printers/labels", "ipp://•••@10.0.0.9/printers/labels"),
        ("page", "https://cloned.example/#sekrit", "https://cloned.example/?•••"),
        ("page", "no://address sekrit@x", "no://•••@x"),
        ("page", "plain text: a//b@c", "plain text: a//b@c"),
    ],
)
def test_an_address_is_shown_without_its_keys(section: str, url: str, shown: str) -> None:
    assert _words((url,), whole=section != "sink") == shown


def test_a_webhooks_key_is_not_on_the_page(tmp_path: Path) -> None:
    file = tmp_path / "cloned.toml"
    sink = f'[[sink]]\nname = "hook"\ntype = "webhook"\nurl = "https://x.example/a/sekrit?k=sekrit"\nsecret = "{"s" * 40}"\n'
    file.write_text(sink)
    config = load(file)
    rows = House(lambda: config, file, cast("Engine", SimpleNamespace())).settings()["sink"]
    assert "https://x.example/•••?•••" in [row["value"] for row in rows]
    assert "sekrit" not in str(rows)


async def test_a_check_is_made_once_and_again_only_when_asked(monkeypatch: Any, tmp_path: Path) -> None:
    made = []

    async def examine(looks: Any, config: Any) -> list[Any]:
        made.append(looks)
        return []

    monkeypatch.setattr("cloned.check.examine", examine)
    config = load(None) if not Path("/etc/cloned/cloned.toml").exists() else load(tmp_path / "none")
    house = House(lambda: config, None, cast("Engine", SimpleNamespace()))
    first = await house.look()
    assert await house.look() == first
    assert await house.look(again=True) == first
    house._looked = float("-inf")
    await house.look(again=True)
    assert made == [LOOKS, LOOKS]
