"""What happens inside the virtual machine: run at each boot, as root, by the python that the package brings.

It tells each step on its second serial line as `{"step", "ok", "said"}`. `cut` asks for the power to be cut.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUNTIME, STATE = Path("/run/cloned"), Path("/var/lib/cloned")
CONFIG = Path("/etc/cloned/cloned.toml")
CUT = Path("/root/was-cut")
SETTINGS = """[workshop]
name = "Machine"
[network]
interfaces = ["lan0"]
link_mbps = 1000
[[dhcp.lease]]
interface = "lan0"
first = "10.77.0.50"
last = "10.77.0.90"
[boot]
clone_seconds = 0
[sessions]
confirm = "auto"
image = "tiny"
then = "poweroff"
[tags]
pattern = "VM-{seq:04}"
given = "auto"
[finish]
grow = false
efi_entry = false
"""
LONGEST_SECONDS = 1500.0
"""Seconds that anything may take in a machine that is emulated."""


def tell(step: str, said: Any = "", ok: bool = True) -> None:
    """On the line that the test reads."""
    with Path("/dev/ttyS1").open("w") as line:
        line.write(json.dumps({"step": step, "ok": ok, "said": said}) + "\n")


def run(*words: str, check: bool = True) -> str:
    """A program's output."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(words)}: {done.returncode}: {done.stdout[-1500:]}")
    return done.stdout


def until(what: str, look: Callable[[], Any]) -> Any:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(1)
    raise AssertionError(f"{what} did not come: {run('systemctl', 'status', 'cloned', check=False)}")


def shown(name: str) -> str:
    """A property of the unit."""
    return run("systemctl", "show", "--value", "-p", name, "cloned").strip()


def ready() -> bool:
    return shown("ActiveState") == "active"


def restarted(pid: str) -> Callable[[], bool]:
    return lambda: ready() and shown("MainPID") not in (pid, "0")


def owners() -> dict[str, str]:
    """Each process of the service's group: its name and whose it is."""
    found = {}
    for pid in [each.name for each in Path("/proc").iterdir() if each.name.isdecimal()]:
        if "/cloned.service" not in (Path("/proc") / pid / "cgroup").read_text():
            continue
        status = Path(f"/proc/{pid}/status").read_text()
        uid = int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1])  # type: ignore[index]
        found[f"{pid} {Path(f'/proc/{pid}/comm').read_text().strip()}"] = pwd.getpwuid(uid).pw_name
    return found


def api(path: str) -> Any:
    from cloned.client import get

    return get(RUNTIME, path)


class Cables:
    """As much of the lab's network as a thin laptop's box asks for: a namespace each, plugged into lan0."""

    @staticmethod
    def laptop(number: int) -> str:
        return f"laptop{number}"

    def plug_thin(self, number: int, mac: str) -> None:
        space = self.laptop(number)
        run("ip", "netns", "add", space)
        run(
            "ip", "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "address", mac, "netns", space
        )
        run("ip", "link", "set", f"port{number}", "master", "lan0")
        run("ip", "-n", space, "link", "set", "lo", "up")

    def link(self, number: int, *, up: bool) -> None:
        how = "up" if up else "down"
        run("ip", "link", "set", f"port{number}", how)
        run("ip", "-n", self.laptop(number), "link", "set", "eth0", how)


def laptops() -> None:
    """Two thin laptops boot, are cloned and verified."""
    from cloned.lab.laptops import Firmware, LabDisk, identities
    from cloned.lab.thinbox import ThinBox

    cables, boxes = Cables(), []
    for who in identities("clfeed", 2, (Firmware.BIOS,)):
        folder = Path(f"/root/laptop{who.number}")
        folder.mkdir()
        boxes.append(ThinBox(who, LabDisk.create(folder / "disk", 512 << 20), folder, cables))  # type: ignore[arg-type]
    for box in boxes:
        box.power_on()

    def done() -> Any:
        found = api("/api/v1/laptops")
        states = [each["state"] for each in found]
        if "aside" in states:
            raise AssertionError(json.dumps(found)[:3000] + boxes[0].shown()[-2000:])
        return found if states == ["done", "done"] else None

    try:
        found = until("two laptops done", done)
    except AssertionError as error:
        raise AssertionError(f"{error}; screen: {boxes[0].shown()[-2000:]}") from None
    tell("laptops", [[each["state"], each.get("tag")] for each in found])
    for box in boxes:
        box.close()


def watchdog() -> None:
    """A daemon that stands still is killed by systemd and started again."""
    pid = shown("MainPID")
    run("kill", "-STOP", pid)
    until("the watchdog", restarted(pid))
    log = run("journalctl", "-u", "cloned", "--no-pager", "-o", "cat", "-n", "40")
    if "Watchdog timeout" not in log:
        raise AssertionError(log)
    tell("watchdog", {"restarts": shown("NRestarts"), "laptops": len(api("/api/v1/laptops"))})


def reload() -> None:
    """SIGHUP takes what may change; a wrong file is refused; the process stays the same."""
    pid = shown("MainPID")
    CONFIG.write_text(SETTINGS.replace("grow = false", "grow = true"))
    run("systemctl", "reload", "cloned")
    until(
        "the new configuration", lambda: "finish.grow" in run("journalctl", "-u", "cloned", "--no-pager", "-o", "cat")
    )
    CONFIG.write_text(SETTINGS.replace("clone_seconds = 0", "clone_seconds = 'soon'"))
    refused = run("cloned", "reload", check=False)
    CONFIG.write_text(SETTINGS)
    assert "clone_seconds" in refused, refused
    assert (ready(), shown("MainPID")) == (True, pid)
    tell("reload", refused.strip()[-200:])


def damaged() -> None:
    """A journal that cannot be read is told once, with what to do, and not tried for ever (exit 65); put back, all goes on."""
    run("systemctl", "stop", "cloned")
    journal = STATE / "journal.sqlite"
    kept = journal.read_bytes()
    journal.write_bytes(b"\0" * 4096 + kept[4096:])
    run("systemctl", "start", "cloned", check=False)
    until("an end that systemd keeps", lambda: shown("ActiveState") == "failed")
    status = run("systemctl", "status", "--no-pager", "cloned", check=False)
    assert (shown("ExecMainStatus"), "cloned restore" in status) == ("65", True), status
    assert journal.read_bytes()[:4096] == b"\0" * 4096, "what is damaged was written over"
    journal.write_bytes(kept)
    run("systemctl", "reset-failed", "cloned")
    run("systemctl", "start", "cloned")
    until("ready", ready)
    assert len(api("/api/v1/laptops")) == 2
    tell("damaged", status[-600:])


def on_nfs() -> None:
    """A state directory on NFS, where locks of databases cannot be relied on, is told in one line by `cloned check`."""
    Path("/etc/exports").write_text("/srv 127.0.0.1(rw,no_root_squash,fsid=0)\n")
    Path("/srv/state").mkdir()
    run("systemctl", "restart", "nfs-server")
    run("mount", "-t", "nfs4", "127.0.0.1:/", "/mnt")
    elsewhere = Path("/tmp/nfs.toml")
    elsewhere.write_text(SETTINGS.replace("[workshop]", '[workshop]\nstate = "/mnt/state"'))
    told = run("cloned", "check", "--config", str(elsewhere), check=False)
    run("umount", "/mnt")
    [line] = [each for each in told.splitlines() if "/mnt/state is on nfs4" in each]
    tell("nfs", line)


def first() -> None:
    """Installed already; up to the cut."""
    tell("network", [each["ifname"] for each in json.loads(run("ip", "-j", "link"))])
    assert shown("UnitFileState") == "enabled"
    CONFIG.write_text(SETTINGS)
    run("cloned", "image", "import", "/root/tiny")
    # the links of cloned-live are root's where that was configured last: what they lead to is, too
    foreign = run("find", str(STATE), "!", "-type", "l", "!", "-user", "cloned")
    assert not foreign, foreign
    run("systemctl", "restart", "cloned")
    until("ready", ready)
    tell("status", run("systemctl", "status", "--no-pager", "cloned", check=False)[:600])
    assert set(owners().values()) == {"cloned"}, owners()
    tell("owners", owners())
    tell("security", run("systemd-analyze", "security", "--no-pager", "cloned").strip().splitlines()[-1])
    laptops()
    tell("check", run("runuser", "-u", "cloned", "--", "cloned", "check", check=False)[-3000:])
    on_nfs()
    watchdog()
    reload()
    damaged()
    CUT.touch()
    os.sync()
    tell("cut")
    time.sleep(LONGEST_SECONDS)


def second() -> None:
    """After the power was cut: the service is there by itself, and knows what it knew; then it is purged."""
    until("ready", ready)
    found = api("/api/v1/laptops")
    assert [each["state"] for each in found] == ["done", "done"], found
    assert len(api("/api/v1/ledger")) == 2
    tell("after the cut", [each.get("tag") for each in found])
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "purge", "cloned", "cloned-live")
    left = [str(path) for path in (STATE, RUNTIME, CONFIG.parent, Path("/usr/lib/cloned")) if path.exists()]
    assert not left, left
    assert shown("LoadState") == "not-found"
    tell("purged")


def main() -> None:
    """One boot's part; what fails is told."""
    try:
        second() if CUT.exists() else first()
    except BaseException:
        log = run("journalctl", "-u", "cloned", "--no-pager", "-n", "30", check=False)
        tell("failed", traceback.format_exc()[-5000:] + log[-4000:], ok=False)
    run("systemctl", "--no-block", "poweroff")


if __name__ == "__main__":
    main()
    sys.exit(0)
