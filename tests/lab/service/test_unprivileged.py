"""The lab's daemon is what its unit makes of it: a user without rights but three, over everything a lab does."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cloned.lab import unprivileged
from cloned.lab.bench.service import laid
from cloned.lab.daemon import DaemonProcess
from cloned.lab.unprivileged import ServiceUser
from tests.lab.run.labs import LOG, needs_root, run_id, start

pytestmark = [pytest.mark.lab, needs_root]
THREE = f"{1 << 10 | 1 << 12 | 1 << 13:016x}"
"""CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_NET_RAW (capabilities(7))."""


def rights(pid: int) -> dict[str, str]:
    """Who a process is and what it may (proc(5)): user, group, its other groups, capabilities, no_new_privs."""
    text = Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(Uid|Gid|Groups|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):\t(.*?) *$", text, re.MULTILINE))


def wanted() -> dict[str, str]:
    user = ServiceUser.here()
    caps = dict.fromkeys(("CapPrm", "CapEff", "CapBnd", "CapAmb"), THREE)
    return {"Uid": "\t".join([str(user.uid)] * 4), "Gid": "\t".join([str(user.gid)] * 4), "Groups": "",
            **caps, "NoNewPrivs": "1"}  # fmt: skip


@pytest.fixture
async def laid_out(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    """A daemon that is not yet started; what it says of root is kept in its `said`."""
    async with AsyncExitStack() as stack:
        (tmp_path / "state").mkdir()
        yield laid(tmp_path, stack)


async def test_it_is_nobody_special_in_folders_that_are_closed_to_others(laid_out: DaemonProcess) -> None:
    laid_out.start()  # pytest's folders are closed, and perhaps the interpreter lies in root's home
    await laid_out.ready()
    assert rights(laid_out.pid) == wanted()
    async with asyncio.timeout(120):
        while not (found := await laid_out.ask("/api/v1/check"))["at"]:
            await asyncio.sleep(0.2)
    told = {each["name"]: each["state"] for each in found["findings"]}
    ours = ("rights", "state", "files", "journal", "ledger", "ports", "dhcp", "firewall", "live system", "boot files")
    assert {name: told[name] for name in ours} == dict.fromkeys(ours, "ok"), found["findings"]
    laid_out.kill()
    laid_out.start()
    await laid_out.ready()
    assert rights(laid_out.pid) == wanted()
    strange = [path for path in laid_out.settings.state.rglob("*") if path.lstat().st_uid != ServiceUser.here().uid]
    assert strange == []


async def test_where_it_cannot_read_it_is_root_with_three_rights_and_that_is_said(
    laid_out: DaemonProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(laid_out, "_say", said.append)
    live = laid_out.log.parent / "live"
    live.mkdir()
    for path in laid_out.settings.live.iterdir():
        (live / path.name).write_bytes(path.read_bytes())
    (live / "initrd").chmod(0o600)
    object.__setattr__(laid_out.settings, "live", live)
    laid_out.start()
    await laid_out.ready()
    assert rights(laid_out.pid) == {
        **wanted(), "Uid": "\t".join("0000"), "Gid": "\t".join("0000"), "CapAmb": f"{0:016x}"
    }  # fmt: skip
    assert str(live / "initrd") in said[0]


def daemons(run: str) -> Iterator[int]:
    """Processes of this lab's daemon, as the machine counts."""
    config = f"{run}/state/cloned.toml".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"serve" in words and words[-2].endswith(config) and b"setpriv" not in words:
                yield int(entry.name)


async def test_a_lab_that_erases_and_clones_is_served_by_it(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []
    words = ("--laptops", "2", "--kind", "thin", "--erase", "first")
    with start(tmp_path, "run", *words) as process:
        while process.poll() is None:
            await asyncio.sleep(0.3)
            said = (tmp_path / LOG).read_text()
            if re.search(r"\blab cl[0-9a-f]{4}\b", said):
                for pid in daemons(run_id(tmp_path)):
                    try:
                        seen.append(rights(pid))
                    except OSError:
                        continue
    said = (tmp_path / LOG).read_text()
    assert process.returncode == 0, said
    assert "all verified" in said
    assert "runs as root" not in said
    assert seen
    assert [each for each in seen if each != wanted()] == []


def refused(daemon: DaemonProcess) -> tuple[int, list[str]]:
    """Exit status and last words of a daemon that is started over its state as that is."""
    user, state = ServiceUser.here(), daemon.settings.state
    main = [sys.executable, "-c", "from cloned.cli.main import main; main()", "serve"]
    words = [*main, "--config", str(state / "cloned.toml")]
    inside = ["ip", "netns", "exec", daemon._namespace, *unprivileged.start(words, user, daemon._needs())]
    done = subprocess.run(inside, capture_output=True, text=True, timeout=60, check=False, env=daemon._environment())
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith(("INFO", "WARNING"))]


NOT_OURS = (".", "journal.sqlite", "ledger.sqlite", "people.json", "page.key", "site.key", "prints.sqlite",
            "version.json", "serve.lock")  # fmt: skip
"""What root may have left, by having run `cloned serve` once."""


async def test_what_is_roots_ends_it_in_one_line_that_names_it_and_loses_nothing(laid_out: DaemonProcess) -> None:
    laid_out.start()
    await laid_out.ready()
    await laid_out.stop()
    state, user = laid_out.settings.state, ServiceUser.here()
    state.chmod(0o755)  # else it finds no configuration there
    for name in NOT_OURS:
        os.chown(state / name, 0, 0)
        status, words = await asyncio.to_thread(refused, laid_out)
        os.chown(state / name, user.uid, user.gid)
        assert (status, len(words)) == (3, 1), f"{name}: " + "\n".join(words)
        assert str(state / name).rstrip("/.") in words[0], name
    laid_out.start()
    await laid_out.ready()
    assert rights(laid_out.pid) == wanted()
