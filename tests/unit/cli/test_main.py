"""The command line: exit status and one clear line, whatever goes wrong."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cloned.cli.acting import names
from cloned.cli.main import _COMMANDS, cloned, main
from cloned.errors import Exit


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "c.toml"
    file.write_text(f'[workshop]\nstate = "{tmp_path}/state"\nruntime = "{tmp_path}/run"\n')
    return file


def ended(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(args)
    told = capsys.readouterr()
    return int(caught.value.code or 0), told.out, told.err


@pytest.mark.parametrize("name", sorted({*_COMMANDS, *names()}))
def test_every_command_is_there_and_says_what_it_does(name: str) -> None:
    command = cloned.get_command(cloned.make_context("cloned", ["--help"], resilient_parsing=True), name)
    assert command is not None
    assert command.help


def test_no_daemon_is_exit_3(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(capsys, "laptops", "--config", str(config))
    assert (code, out) == (Exit.MISSING, "")
    assert err.count("\n") == 1
    assert "no daemon answers" in err
    assert "systemctl start cloned" in err


def test_a_configuration_that_is_not_there_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, "laptops", "--config", "/nonexistent.toml")[0] == Exit.USAGE


@pytest.mark.parametrize(
    "args", [["nonsense"], ["laptops", "--nonsense"], ["confirm"], ["lab", "run", "--laptops", "x"]]
)
def test_wrong_usage_is_exit_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, *args)[0] == Exit.USAGE


@pytest.mark.usefixtures("cheap_hashes")
def test_the_pin_is_shown_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, first, _ = ended(capsys, "pin", "--config", str(config))
    assert code == Exit.OK
    assert len(first.strip()) == 6
    assert "--new" in ended(capsys, "pin", "--config", str(config))[1]
    assert ended(capsys, "pin", "--off", "--config", str(config))[0] == Exit.USAGE
    second = ended(capsys, "pin", "--new", "--config", str(config))[1]
    assert len(second.strip()) == 6


@pytest.mark.usefixtures("cheap_hashes")
def test_people_come_and_go(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    where = ("--config", str(config))
    code, out, _ = ended(capsys, "user", "add", "JD", "--administrator", "--generate", "--json", *where)
    assert (code, len(json.loads(out)["password"])) == (Exit.OK, 17)
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert ended(capsys, "user", "add", "AB", *where)[0] == Exit.USAGE
    monkeypatch.setattr("sys.stdin", io.StringIO("864209\n"))
    assert ended(capsys, "user", "add", "AB", *where)[0] == Exit.OK
    monkeypatch.setattr("sys.stdin", io.StringIO("864209\n"))
    assert ended(capsys, "user", "add", "ab", *where)[0] == Exit.USAGE
    assert ended(capsys, "user", "remove", "ab", *where)[0] == Exit.OK
    assert ended(capsys, "user", "end", "nobody", *where)[0] == Exit.USAGE
    assert ended(capsys, "user", "end", "--all", *where)[0] == Exit.OK
    listed = json.loads(ended(capsys, "user", "list", "--json", *where)[1])
    assert [(each["name"], each["role"]) for each in listed["people"]] == [("JD", "administrator")]


def test_an_image_that_is_not_there(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = ended(capsys, "image", "verify", "nothing", "--config", str(config))
    assert code == Exit.FAILED
    assert "there is no image 'nothing'" in err


@pytest.mark.wire
def test_it_starts_without_importing_the_house() -> None:
    heavy = "import sys; import cloned.cli.main; print([m for m in ('aiohttp', 'scapy', 'pysnmp', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
