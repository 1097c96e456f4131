"""Each look of `cloned check` once well and once wrong: what it claims to see is really broken here."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cloned.images.store import ImageStore
from cloned.inventory.ledger import Ledger
from cloned.lab.stock import prepare
from tests.images import Disk
from tests.interop.check.wires import OTHER, SERVER, Wire, states

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
]

FIREWALLD = """table inet firewalld {
 chain filter_INPUT { type filter hook input priority 10; policy accept; ct state { established, related } accept; ct status dnat accept; iifname "lo" accept; ct state { invalid } drop; jump filter_INPUT_ZONES; reject with icmpx type admin-prohibited; }
 chain filter_INPUT_ZONES { iifname "eth0" goto filter_IN_public; goto filter_IN_public; }
 chain filter_IN_public { jump filter_INPUT_POLICIES_pre; jump filter_IN_public_pre; jump filter_IN_public_allow; jump filter_IN_public_post; meta l4proto { icmp, ipv6-icmp } accept; reject with icmpx type admin-prohibited; }
 chain filter_INPUT_POLICIES_pre { }
 chain filter_IN_public_pre { }
 chain filter_IN_public_allow { tcp dport 22 accept; %s }
 chain filter_IN_public_post { } }"""  # fmt: skip
"""What firewalld 1.3 of Debian 12 writes for the zone public with ssh, shortened."""
OPENED = "udp dport 67 accept; udp dport 69 accept; udp dport 4011 accept; tcp dport 8080 accept; tcp dport 8069 accept; ip protocol igmp accept; udp dport 43000-44999 accept;"
CALLED = {
    "DHCP": "67",
    "proxyDHCP": "4011",
    "TFTP": "69",
    "booting": "8069",
    "the": "8080",
    "IGMP": "igmp",
    "laptops": "43000-44999",
}


def said(found: dict[str, list[dict[str, str]]], name: str, state: str) -> str:
    """What a look says in this state."""
    told = "\n".join(each["said"] for each in found[name] if each["state"] == state)
    assert told, found[name]
    return told


def test_rules_as_firewalld_writes_them(wire: Wire) -> None:
    wire.nft(FIREWALLD % "")
    found = wire.check()["firewall"]
    assert {each["said"].partition("drops ")[2].partition(" ")[0] for each in found} == set(CALLED)
    assert all("firewall-cmd" in each["next"] for each in found)
    wire.nft(FIREWALLD % OPENED)
    assert states(wire.check()["firewall"]) == ["ok"]


def test_ports_for_images_of_which_some_are_open(wire: Wire) -> None:
    """One session's requests would come through, the next one's would not."""
    wire.nft(FIREWALLD % OPENED.replace("43000-44999", "43000-43009"))
    [found] = wire.check()["firewall"]
    assert "43000-44999" in found["said"]


def test_a_rule_that_drops_67_alone(wire: Wire) -> None:
    wire.nft("table inet filter { chain input { type filter hook input priority 0; udp dport 67 drop; } }")
    [found] = wire.check()["firewall"]
    assert (found["state"], "DHCP (udp port 67)" in found["said"]) == ("wrong", True)


def test_a_clock_years_away_and_one_that_is_right(wire: Wire) -> None:
    assert "2019-12-31" in said(wire.check(through='faketime "2019-12-31 12:00:00"'), "clock", "wrong")
    assert "ok" in states(wire.check()["clock"])


def test_rights_that_are_missing(wire: Wire) -> None:
    assert states(wire.check()["rights"]) == ["ok"]
    less = wire.check(status=3, through="setpriv --bounding-set=-net_raw --inh-caps=-all")
    assert "CAP_NET_RAW" in said(less, "rights", "wrong")


def test_a_full_file_system(wire: Wire) -> None:
    state = wire.folder / "state"
    state.mkdir()
    full = f"unshare --mount sh -c 'mount -t tmpfs -o size=20m none {state} && mkdir {state}/images && exec \"$@\"' -"
    found = wire.check(status=3, through=full)
    assert "0.0 GB" in said(found, "state", "wrong")
    assert "0.0 GB" in said(found, "room", "warning")
    roomy = full.replace("size=20m", "size=40g")
    found = wire.check(through=roomy)
    assert (states(found["state"]), states(found["room"])) == (["ok"], ["ok"])


def test_a_state_that_is_read_only(wire: Wire) -> None:
    state = wire.folder / "state"
    state.mkdir()
    closed = (
        f"unshare --mount sh -c 'mount --bind {state} {state} && mount -o remount,bind,ro {state} && exec \"$@\"' -"
    )
    assert "mounted read-only" in said(wire.check(through=closed), "state", "wrong")


def test_a_file_of_somebody_else(wire: Wire) -> None:
    (wire.folder / "state").mkdir()
    strange = wire.folder / "state" / "pin"
    strange.write_text("x")
    strange.chmod(0o644)
    os.chown(strange, 12345, 12345)
    found = wire.check()
    assert "pin" in said(found, "files", "wrong")
    assert "pin" in said(found, "files", "warning")
    os.chown(strange, 0, 0)
    strange.chmod(0o600)
    assert states(wire.check()["files"]) == ["ok"]


def test_a_ledger_of_a_later_version(wire: Wire) -> None:
    file = wire.folder / "state" / "ledger.sqlite"
    file.parent.mkdir()

    async def make() -> None:
        await (await Ledger.open(file)).close()

    asyncio.run(make())
    assert "0 results" in said(wire.check(), "ledger", "ok")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert states(wire.check()["ledger"]) == ["wrong"]


def test_images_and_rules_that_name_them(wire: Wire) -> None:
    state = wire.folder / "state"
    state.mkdir()
    ImageStore(state / "images").import_image(Disk().write(wire.folder / "tiny"), "tiny")
    assert said(wire.check(), "images", "ok") == "tiny"
    assert "names the image other" in said(wire.check('[sessions]\nimage = "other"\n'), "images", "wrong")
    piece = next(path for path in (state / "images" / ".pieces").rglob("*") if path.is_file())
    piece.unlink()
    assert "tiny" in said(wire.check(), "images", "wrong")


def test_the_live_system_its_age_and_boot_files(wire: Wire) -> None:
    stock = prepare("sample", lambda words: None)
    live = wire.folder / "live"
    live.mkdir()
    for path in stock.live.iterdir():
        (live / path.name).write_bytes(path.read_bytes())
    words = f'[boot]\nlive = "{live}"\nfiles = "{stock.boot}"\n'
    found = wire.check(words)
    assert (states(found["live system"]), states(found["boot files"])) == (["ok"], ["ok"])
    os.utime(live / "live.json", (1.7e9, 1.7e9))
    assert "days old" in said(wire.check(words), "live system", "warning")
    (live / "initrd").write_bytes(b"cut")
    assert states(wire.check(words)["live system"])[-1] == "wrong"


def test_programs_that_are_missing(wire: Wire) -> None:
    assert said(wire.check(), "programs", "ok")
    folder = wire.folder / "bin"
    folder.mkdir()
    for name in ("sh", "nft", "ip", "zstd", "gzip", "sfdisk"):
        for place in ("/usr/bin", "/usr/sbin", "/bin", "/sbin"):
            if Path(place, name).exists() and not (folder / name).exists():
                (folder / name).symlink_to(Path(place, name))
    hidden = f"unshare --mount sh -c 'mount -t tmpfs none /usr/sbin && exec \"$@\"' - env PATH={folder}"
    found = wire.check(status=3, through=hidden)
    assert {"partclone.dd is not installed", "sgdisk is not installed"} <= set(
        said(found, "programs", "wrong").splitlines()
    )


def test_multicast_that_does_not_come_back(wire: Wire) -> None:
    assert "ok" in states(wire.check()["multicast"])
    wire.nft(
        "table inet filter { chain input { type filter hook input priority 0; ip daddr 224.0.0.0/4 udp dport > 1 drop; } }"
    )
    assert "multicast" in said(wire.check(), "multicast", "wrong")


def test_a_switch_that_does_not_answer(wire: Wire) -> None:
    assert states(wire.check()["switch"]) == ["skipped"]
    found = wire.check(f'[[switch]]\naddress = "{OTHER}"\ncommunity = "public"\n', status=3)
    assert OTHER in said(found, "switch", "wrong")


def test_an_inventory_its_certificate_and_its_silence(wire: Wire) -> None:
    with Listener(wire.here) as port:
        assert "answers" in said(wire.check(sink(f"http://{SERVER}:{port}/")), "inventory", "ok")
    found = wire.check(sink(f"http://{SERVER}:{port}/"), status=3)
    assert "does not answer" in said(found, "inventory", "wrong")


def test_an_inventory_that_does_not_take_our_token(wire: Wire) -> None:
    """Somebody answers there: as long as nothing was asked, all was well."""
    with Answers(wire.here, 401) as port:
        found = wire.check(
            f'[[sink]]\nname = "hub"\ntype = "snipeit"\nurl = "http://{SERVER}:{port}"\ntoken = "SECRET"\n'
        )
    assert "token" in said(found, "inventory", "wrong")
    assert "SECRET" not in str(found)


def test_a_file_that_results_go_to(wire: Wire) -> None:
    (wire.folder / "results.csv").mkdir()
    for path, state in ((wire.folder / "new.csv", "ok"), (wire.folder / "results.csv", "wrong")):
        found = wire.check(f'[[sink]]\nname = "list"\ntype = "csv"\npath = "{path}"\n')
        assert states(found["inventory"]) == [state], found["inventory"]
    assert not (wire.folder / "new.csv").exists()


class Answers:
    """An HTTP server in a namespace that answers everything with one status."""

    def __init__(self, space: str, status: int) -> None:
        self._space, self._status = Path("/run/netns") / space, status

    def __enter__(self) -> int:
        from cloned.lab.kernel import in_namespace

        status = self._status

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                body = b'{"error": "Unauthenticated."}'
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = in_namespace(self._space, lambda: ThreadingHTTPServer((SERVER, 0), Handler))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return int(self._server.server_address[1])

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def sink(url: str) -> str:
    return f'[[sink]]\nname = "there"\ntype = "webhook"\nurl = "{url}"\nsecret = "{"s" * 32}"\n'


class Listener:
    """A TCP socket that takes connections in a namespace."""

    def __init__(self, space: str) -> None:
        self._space = Path("/run/netns") / space

    def __enter__(self) -> int:
        from cloned.lab.kernel import in_namespace

        self._socket = in_namespace(self._space, lambda: socket.create_server((SERVER, 0)))
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._socket.getsockname()[1])

    def _accept(self) -> None:
        try:
            while True:
                self._socket.accept()[0].close()
        except OSError:
            return

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
