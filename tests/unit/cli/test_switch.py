"""`cloned switch show`: which switch it reads, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.cli.main import main
from cloned.cli.switch import chosen
from cloned.errors import UsageError
from cloned.switch.configured import credentials_of, rules_of
from cloned.switch.snmp.credentials import Community, Secret, User

TWO = """
[[switch]]
address = "10.0.0.2"
community = "hush-hush"
reserved = ["gi1"]
[[switch]]
address = "10.0.0.3:1161"
v3_user = "ann"
v3_auth_key = "a long secret"
v3_privacy_key = "another secret"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloned.toml"
    path.write_text(TWO)
    return path


def test_all_switches_of_the_configuration(config: Path) -> None:
    first, second = chosen(config, None, {})
    assert credentials_of(first) == Community(Secret("hush-hush"))
    assert rules_of(first, frozenset()).reserved == {"gi1"}
    assert credentials_of(second) == User("ann", "SHA256", Secret("a long secret"), "AES", Secret("another secret"))


def test_one_by_its_address_with_what_is_configured_for_it(config: Path) -> None:
    (one,) = chosen(config, "10.0.0.2", {"community": None})
    assert credentials_of(one) == Community(Secret("hush-hush"))
    (other,) = chosen(config, "10.0.0.2", {"community": "word"})
    assert credentials_of(other) == Community(Secret("word"))
    assert other.reserved == ("gi1",)


def test_one_that_is_not_configured(tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    given = {
        "v3_user": "ann",
        "v3_auth_protocol": "sha512",
        "v3_auth_key": "a long secret",
        "v3_privacy_protocol": "aes",
    }
    (one,) = chosen(empty, "10.0.0.9", given)
    assert credentials_of(one) == User("ann", "SHA512", Secret("a long secret"))
    with pytest.raises(UsageError, match="no switch to show"):
        chosen(empty, None, {})


@pytest.mark.parametrize(
    "arguments",
    [
        ["--address", "host:x"],
        ["--address", "10.0.0.2", "--v3-user", "ann", "--v3-auth-key", "short"],
        ["--address", "10.0.0.2", "--v3-user", "ann", "--v3-auth-protocol", "MD5"],
        ["--address", "10.0.0.2", "--v3-auth-key", "a long secret"],
        ["--config", "/nowhere/at/all.toml"],
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["switch", "show", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""
