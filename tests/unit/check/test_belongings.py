"""Certificates, printers and files: each look once well and once wrong."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from cloned.check import belongings, storage
from cloned.check.findings import Finding, Look, LookState, _findings
from cloned.config import Config
from cloned.config_file import parse


def found(find: object, config: Config) -> list[Finding]:
    return _findings(Look("x", find), config)  # type: ignore[arg-type]


def with_certificate(folder: Path, days: float, key_of: str = "page") -> Config:
    authority = trustme.CA()
    for name in ("page", "other"):
        issued = authority.issue_cert("cloned.example", not_after=datetime.now(UTC) + timedelta(days=days))
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
    return parse(f'[page]\ncertificate = "{folder}/page.pem"\nkey = "{folder}/{key_of}.key"\n')


@pytest.mark.parametrize(
    ("days", "key", "state", "said"),
    [
        (90, "page", LookState.OK, "holds for 89 days"),
        (5, "page", LookState.WARNING, "ends in 4 days"),
        (-3, "page", LookState.WRONG, "ended"),
        (90, "other", LookState.WRONG, "does not fit"),
    ],
)
def test_the_page_s_certificate(tmp_path: Path, days: float, key: str, state: LookState, said: str) -> None:
    [told] = found(belongings.certificate, with_certificate(tmp_path, days, key))
    assert told.state is state
    assert said in str(told.said)


@pytest.mark.wire
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_key_that_root_alone_may_read_is_no_key_for_the_service(tmp_path: Path) -> None:
    """root's own check read it, and the service did not start."""
    folder, state = Path(tempfile.mkdtemp()), tmp_path / "state"
    try:
        folder.chmod(0o755)
        config = with_certificate(folder, 90)
        state.mkdir()
        os.chown(state, 64815, 64815)
        config = config.model_copy(update={"workshop": config.workshop.model_copy(update={"state": state})})
        (folder / "page.key").chmod(0o600)
        [told] = found(belongings.certificate, config)
        assert (told.state, str(told.said)) == (LookState.WRONG, f"the service may not read {folder}/page.key")
        os.chown(folder / "page.key", 0, 64815)
        (folder / "page.key").chmod(0o640)
        assert [each.state for each in found(belongings.certificate, config)] == [LookState.OK]
    finally:
        shutil.rmtree(folder)


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    config = parse(f'[page]\ncertificate = "{tmp_path}/no.pem"\nkey = "{tmp_path}/no.key"\n')
    [told] = found(belongings.certificate, config)
    assert told.state is LookState.WRONG
    assert found(belongings.certificate, Config())[0].state is LookState.SKIPPED


@pytest.mark.wire
def test_a_printer_that_nobody_knows() -> None:
    [told] = found(belongings.printers, parse('[print]\nlabel = "no-such-printer"\n'))
    assert told.state is LookState.WRONG
    assert told.missing
    assert found(belongings.printers, Config())[0].state is LookState.SKIPPED


def test_files_of_somebody_else_and_secrets_that_are_open(tmp_path: Path) -> None:
    config = parse(f'[workshop]\nstate = "{tmp_path}"\n')
    (tmp_path / "page.key").write_text("secret")
    (tmp_path / "page.key").chmod(0o600)
    assert [each.state for each in found(belongings.files, config)] == [LookState.OK]
    (tmp_path / "page.key").chmod(0o644)
    assert [each.state for each in found(belongings.files, config)] == [LookState.WARNING]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_file_of_another_user(tmp_path: Path) -> None:
    config = parse(f'[workshop]\nstate = "{tmp_path}"\n')
    (tmp_path / "journal.sqlite").touch()
    os.chown(tmp_path / "journal.sqlite", 12345, 12345)
    [told] = found(belongings.files, config)
    assert told.state is LookState.WRONG
    assert "journal.sqlite" in str(told.said)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_link_to_another_disk_may_be_anybodys(tmp_path: Path) -> None:
    config = parse(f'[workshop]\nstate = "{tmp_path}/state"\n')
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "images").symlink_to(tmp_path)
    os.chown(tmp_path / "state", 12345, 12345)
    assert [each.state for each in found(belongings.files, config)] == [LookState.OK]


def test_a_store_that_takes_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse(f'[workshop]\nstate = "{tmp_path}"\n')
    (tmp_path / "images").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    told = found(storage.room, config)[0]
    assert (told.state, "cannot be written" in str(told.said)) == (LookState.WARNING, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_hears_of_a_state_that_the_service_does_not_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse(f'[workshop]\nstate = "{tmp_path}"\n')
    own = pwd.getpwnam("nobody")
    monkeypatch.setattr("pwd.getpwnam", lambda name: own)
    [told] = [each for each in found(storage.state, config) if each.state is LookState.WARNING]
    assert f"chown -R cloned: {tmp_path}" in str(told.next)
    os.chown(tmp_path, own.pw_uid, own.pw_gid)
    assert not [each for each in found(storage.state, config) if each.state is LookState.WARNING]
