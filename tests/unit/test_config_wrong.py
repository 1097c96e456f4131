"""Every key of the configuration wrong in turn: one line with file and line, and nothing of a secret.

The keys are those of the example, which test_config.py holds against the model.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import pytest
from pydantic import SecretStr

from cloned.assets import root
from cloned.config import Config
from cloned.config_file import parse
from cloned.errors import UsageError
from cloned.sections import Section

TEXT = re.sub(r"^# (?=\[|[a-z_0-9]+ = )", "", (root("systemd") / "cloned.toml.example").read_text(), flags=re.MULTILINE)
LINES = TEXT.splitlines()
KEYS = [(number, line.partition(" = ")[0]) for number, line in enumerate(LINES, 1) if re.match(r"[a-z_0-9]+ = ", line)]
TABLES = [number for number, line in enumerate(LINES, 1) if line.startswith("[") and "fields]" not in line]
SECRET = "hush5hush"


Keys = dict[int, str]
"""By their lines."""


def waves(keys: Iterable[tuple[int, str]]) -> list[Keys]:
    """One key of each section goes wrong at a time: reading the whole file for each alone takes ten times as long."""
    sections = [number for number in TABLES if "." not in LINES[number - 1]]  # a table within one belongs to it
    rows: dict[int, list[tuple[int, str]]] = {}
    for number, key in keys:
        rows.setdefault(bisect(sections, number), []).append((number, key))
    return [dict(filter(None, wave)) for wave in zip_longest(*rows.values())]


def broken(wrong: Keys) -> str:
    return "\n".join(wrong.get(number, line) for number, line in enumerate(LINES, 1))


def told(text: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        parse(text, "x.toml")
    assert SECRET not in str(caught.value)
    return caught.value.message.splitlines()


def untold(keys: Keys, lines: Iterable[str]) -> Keys:
    """Which of these keys no line names where it stands."""
    return {
        number: key
        for number, key in keys.items()
        if not any(line.startswith(f"x.toml:{number}: ") and key in line for line in lines)
    }


@pytest.mark.parametrize("keys", waves(KEYS))
def test_a_key_of_another_type_is_told_with_its_line(keys: Keys) -> None:
    lines = told(broken({number: f'{key} = [["{SECRET}"]]' for number, key in keys.items()}))
    assert untold(keys, lines) == {}
    assert {int(line.split(":")[1]) for line in lines} == keys.keys()


def test_every_key_is_in_one_wave() -> None:
    assert sorted(each for wave in waves(KEYS) for each in wave.items()) == KEYS
    assert len(waves(KEYS)) > 5


def test_a_key_that_is_unknown_is_told_with_its_line() -> None:
    lines = told(broken({number: f'{LINES[number - 1]}\nnonsense = "{SECRET}"' for number in TABLES}))
    wanted = {number + more for more, number in enumerate(TABLES, 1)}
    assert {int(line.split(":")[1]) for line in lines} == wanted
    assert all("no such key" in line for line in lines), lines


def secrets_of(model: type[Section]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.annotation is SecretStr]


def all_sections(kind: type[Section] = Section) -> list[type[Section]]:
    return [each for sub in kind.__subclasses__() for each in (sub, *all_sections(sub))]


SECRETS = [(model, name) for model in all_sections() for name in secrets_of(model)]


@pytest.mark.parametrize(("model", "name"), SECRETS, ids=[f"{model.__name__}-{name}" for model, name in SECRETS])
def test_every_secret_may_lie_in_a_file_or_be_a_credential(
    model: type[Section], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "5018dd65-9abd-4a62-8896-80f34ac66150"
    (tmp_path / "one").write_text(f"{secret}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for given in ({f"{name}_file": str(tmp_path / "one")}, {name: "credential:one"}):
        read = model.__pydantic_validator__.validate_python  # other keys are missing: only this one is of interest
        values = model._read_files(given)  # type: ignore[operator]
        assert values == {name: secret}
        assert callable(read)


def test_a_switch_with_its_secret_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "community").write_text("quiet\n")
    config = parse(f'[[switch]]\naddress = "10.0.0.1"\ncommunity_file = "{tmp_path}/community"\n')
    assert config.switch[0].community.get_secret_value() == "quiet"


def test_credentials_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[[switch]]\naddress = "10.0.0.1"\ncommunity = "credential:snmp"\n'
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "LoadCredential=snmp:FILE" in told(text)[0]
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "the credential snmp cannot be read" in told(text)[0]
    assert "a credential's name" in told(text.replace("snmp", "../../etc/shadow"))[0]
    assert parse("") == Config()


NUMBERS = [
    (number, key)
    for number, key in KEYS
    if re.fullmatch(r"-?[\d_.]+", LINES[number - 1].partition(" = ")[2].partition("#")[0].strip())
]


@pytest.mark.parametrize("keys", waves(NUMBERS))
@pytest.mark.parametrize("beyond", ["-1_000_000_000_000", "nan"])
def test_a_number_beyond_its_range_is_told_with_its_line(keys: Keys, beyond: str) -> None:
    assert untold(keys, told(broken({number: f"{key} = {beyond}" for number, key in keys.items()}))) == {}


def test_a_secret_in_the_place_of_its_file_is_not_said_again() -> None:
    for key, shown in (("eyJ0SECRET", False), ("SECRET with blanks", False), ("/etc/cloned/SECRET", True)):
        with pytest.raises(UsageError) as wrong:
            parse(f'[[switch]]\naddress = "10.0.0.1"\ncommunity_file = "{key}"\n')
        assert ("SECRET" in wrong.value.message) is shown
        assert "community_file" in wrong.value.message
