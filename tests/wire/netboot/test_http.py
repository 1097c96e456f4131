"""Boot files and scripts over a real socket, decided by a real engine."""

import asyncio
import hashlib
import io
import logging
import socket
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from cloned.config_boot import BootSettings, Model
from cloned.engine import Engine
from cloned.errors import MissingError
from cloned.journal import Journal
from cloned.lab.bootserver import NothingElse
from cloned.netboot.choices import Choices
from cloned.netboot.files import Shelf
from cloned.netboot.history import History
from cloned.netboot.http import BootSite
from cloned.netboot.menus import Menus
from cloned.netboot.tftp_wire import TftpError, read_request
from cloned.quoting import one_line_each
from cloned.shares import SHARES
from cloned.tasks import TaskOwner

pytestmark = pytest.mark.wire

FIELD = Path(__file__).parents[2] / "data" / "field"
MAC = "52:54:00:00:00:0a"
QUERY = f"?mac={MAC}&uuid=1b4e28ba-2fa1-11d2-883f-0016d3cca427&serial=S1&product=Latitude%205490&manufacturer=Dell"


class Broken:
    async def boot(self, request):
        raise MissingError("the disk of the server is full", "make room")


@pytest.fixture
async def made(tmp_path):
    """Start a site in front of an engine; gives `get(method, path)` and the site's history."""
    (tmp_path / "boot").mkdir()
    (tmp_path / "live").mkdir()
    (tmp_path / "boot" / "shimx64.efi").write_bytes(b"shim" * 1000)
    (tmp_path / "live" / "vmlinuz").write_bytes(bytes(range(256)) * 4096)
    journal, owner = Journal(tmp_path / "journal.db"), TaskOwner("test")
    engine = Engine(journal, NothingElse(), NothingElse())
    owner.start(engine.run(), "engine")
    shelf = Shelf({"": tmp_path / "boot", "live": tmp_path / "live"})
    history = History()

    async def ping(request):
        return web.Response(text="pong")

    choices = Choices([Model(product="Latitude 5490", uefi="ipxe")])

    def site(boot):
        return BootSite(
            boot, Menus(BootSettings()), shelf, choices, history, {"agent.pyz": b"PK"}, lambda address: MAC, owner
        )

    ours = site(engine)
    runner = web.AppRunner(ours.application([web.get("/agent/v1/ping", ping)]))
    broken = web.AppRunner(site(Broken()).application())
    ports = []
    for each in (runner, broken):
        await each.setup()
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        await web.SockSite(each, listener).start()
        ports.append(listener.getsockname()[1])
    async with aiohttp.ClientSession() as session:

        async def ask(method, path, *, port=ports[0], **more):
            async with session.request(method, f"http://127.0.0.1:{port}{path}", **more) as response:
                return response.status, response.headers, await response.read()

        ask.shares = runner.app[SHARES]
        ask.site, ask.choices = ours, choices
        ask.history, ask.engine, ask.broken, ask.port = history, engine, ports[1], ports[0]
        yield ask
    await runner.cleanup()
    await broken.cleanup()
    await owner.close()
    journal.close()


async def test_files_whole_and_in_parts(made):
    whole = bytes(range(256)) * 4096
    status, headers, body = await made("GET", "/live/vmlinuz")
    assert (status, body, headers["Accept-Ranges"]) == (200, whole, "bytes")
    status, headers, body = await made("GET", "/live/vmlinuz", headers={"Range": "bytes=10-19"})
    assert (status, body, headers["Content-Range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
    status, _, _ = await made("GET", "/live/vmlinuz", headers={"Range": "bytes=9999999-"})
    assert status == 416
    status, headers, body = await made("HEAD", "/live/vmlinuz")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(whole)))


async def test_a_small_file_comes_with_the_headers_of_a_large_one_and_of_its_own_head(made):
    status, headers, body = await made("GET", "/shimx64.efi")
    assert (status, body) == (200, b"shim" * 1000)
    _, asked, _ = await made("HEAD", "/shimx64.efi")
    told = ("Content-Type", "Content-Length", "Last-Modified", "ETag", "Accept-Ranges")
    assert [headers[name] for name in told] == [asked[name] for name in told]
    status, _, body = await made("GET", "/shimx64.efi", headers={"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    status, _, body = await made("GET", "/shimx64.efi", headers={"Range": "bytes=4-7"})
    assert (status, body) == (206, b"shim")


async def test_files_scripts_and_calls_count_against_whoever_asks(made, monkeypatch):
    monkeypatch.setattr("cloned.shares.place", lambda address: "10.0.0.9")
    for path in ("/live/vmlinuz", f"/boot.ipxe{QUERY}", "/nothing", "/agent/v1/ping"):
        before = made.shares._used.get("10.0.0.9")
        await made("GET", path)
        assert made.shares._used["10.0.0.9"] != before


async def test_digest_comes_along_once_it_was_taken(made):
    expected = f"sha-256=:{b64encode(hashlib.sha256(b'shim' * 1000).digest()).decode()}:"
    headers: dict[str, str] = {}
    async with asyncio.timeout(20):
        while "Repr-Digest" not in headers:
            _, headers, _ = await made("HEAD", "/shimx64.efi")
    assert headers["Repr-Digest"] == expected


@pytest.mark.parametrize("path", ["//shimx64.efi", "/./shimx64.efi", "///shimx64.efi"])
async def test_shims_double_slash(made, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"shim" * 1000)


@pytest.mark.parametrize(
    "path", ["/nothing", "/live", "/live/", "/%2e%2e/journal.db", "/live/..%2f..%2fjournal.db", "/a%00b"]
)
async def test_nothing_else(made, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b" 404 " in answer.splitlines()[0]


async def test_routes_of_others_and_files_in_memory(made):
    assert (await made("GET", "/agent/v1/ping"))[2] == b"pong"
    assert (await made("GET", "/agent.pyz"))[2] == b"PK"
    assert (await made("POST", "/shimx64.efi"))[0] == 405


async def test_a_script_holds_a_token_that_the_engine_knows(made):
    _, headers, body = await made("GET", f"/boot.ipxe{QUERY}&platform=pcbios")
    token = body.decode().split(f"cloned.boot=http://127.0.0.1:{made.port}/")[1].split()[0]
    laptop = made.engine.authorise(token, "127.0.0.1")
    assert (laptop.identity.product, laptop.facts.boot_mac) == ("Latitude 5490", MAC)
    assert made.engine.authorise(token, "10.0.0.1") is None
    assert headers["Cache-Control"] == "no-store"


async def test_head_and_get_are_one_boot(made):
    _, headers, _ = await made("HEAD", f"/grub/menu.cfg{QUERY}&lockdown=y")
    _, _, body = await made("GET", f"/grub/menu.cfg{QUERY}&lockdown=y")
    assert int(headers["Content-Length"]) == len(body)
    token = body.decode().split(f"cloned.boot=http://127.0.0.1:{made.port}/")[1].split()[0]
    assert made.engine.authorise(token, "127.0.0.1") is not None
    _, _, again = await made("GET", f"/grub/menu.cfg{QUERY}&lockdown=y")
    assert token not in again.decode()
    assert made.engine.authorise(token, "127.0.0.1") is None  # a newer boot revoked it


async def test_what_grub_is_told_to_hand_over_to(made):
    async def told(name):
        return (await made.site.found(name, "127.0.0.1", "127.0.0.1:1")).read().decode()

    asked = f"/grub/chain/{MAC}/m=Dell+Inc./p=Latitude+5490"
    assert (await told(f"/grub/chain/{MAC}")).startswith("chainloader /snponly.efi\nboot")
    assert (await told(asked)).startswith("chainloader /ipxe.efi\nboot")
    assert made.choices.uefi(MAC) == "ipxe"  # from its second boot on without a detour
    assert 'source "/grub/chain/$net_default_mac/m=$manufacturer/p=$product"' in await told("grub/grub.cfg")


async def test_the_first_scripts(made):
    assert b"chain --autofree http://127.0.0.1:" in (await made("GET", "/boot.ipxe"))[2]
    assert b"configfile" in (await made("GET", "/grub/grub.cfg"))[2]
    assert b"chainloader" not in (await made("GET", "/grub/grub.cfg"))[2]
    assert (await made("GET", "/boot.ipxe?mac=x"))[0] == 400
    assert (await made("GET", "/grub/menu.cfg"))[0] == 400


async def test_what_the_person_reads_when_the_server_cannot(made):
    status, _, body = await made("GET", f"/boot.ipxe{QUERY}", port=made.broken)
    assert (status, b"the disk of the server is full" in body, b"make room" in body) == (200, True, True)
    assert "make room" in made.history.entries(MAC)[-1].why


async def test_connections_cut_without_a_word(made):
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"GET /live/vmlinuz HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        writer.transport.abort()
    assert (await made("GET", "/shimx64.efi"))[0] == 200


async def test_the_history_tells_it_all(made):
    await made("GET", "/shimx64.efi")
    await made("GET", "/nothing")
    await made("GET", f"/boot.ipxe{QUERY}")
    rows = [(row["asked"], row["got"], row["why"]) for row in made.history.log(MAC)]
    assert rows[:2] == [("HTTP /shimx64.efi", "4000 bytes", ""), ("HTTP /nothing", "", "no such file")]
    assert rows[2][0] == "HTTP /boot.ipxe"
    assert rows[2][1].startswith("menu: ")


async def test_an_empty_mac_is_the_one_at_that_address(made):
    """Firmware whose iPXE finds no card to ask asks with `mac=`."""
    _, _, body = await made("GET", f"/boot.ipxe{QUERY.replace(MAC, '')}")
    assert b"cloned.boot=" in body
    assert [laptop.facts.boot_mac for laptop in made.engine.workshop.laptops.values()] == [MAC]


async def test_a_mac_that_nobody_knows_starts_from_the_disk(made):
    made.site._mac_at = lambda address: ""
    for path in ("/boot.ipxe?mac=", "/grub/menu.cfg?mac=&lockdown=y"):
        status, _, body = await made("GET", path)
        assert (status, b"told no MAC" in body, b"cloned.boot" in body) == (200, True, False)
    assert not made.engine.workshop.laptops


async def test_a_laptop_that_is_heard_elsewhere_is_not_touched(made):
    await made("GET", f"/boot.ipxe{QUERY}")
    made.site._gate._heard_at, made.site._gate._mac_at = lambda request: ("10.77.1.5", True), lambda address: ""
    before = made.engine.workshop
    for path in ("/boot.ipxe", "/grub/menu.cfg"):
        _, _, body = await made("GET", f"{path}{QUERY}")
        assert b"running at 10.77.1.5" in body
        assert b"cloned.boot" not in body
    assert made.engine.workshop is before


async def test_boots_of_one_laptop_are_not_journalled_by_the_hundred(made):
    bodies = await asyncio.gather(*(made("GET", f"/boot.ipxe{QUERY}&n={number}") for number in range(100)))
    assert sum(b"cloned.boot=" in body for _, _, body in bodies) == 8
    assert len(list(made.engine._journal.entries())) == 8


@pytest.mark.parametrize("file", ["tftp-shim158-onboard", "tftp-shim158-usb"])
async def test_grub_under_the_name_that_shim_makes_of_it(made, tmp_path, file):
    (tmp_path / "boot" / "grubx64.efi").write_bytes(b"grub")
    name = read_request((FIELD / f"{file}.bin").read_bytes()).name
    path = "/" + quote(name)
    with pytest.raises(TftpError):
        await made.site.found(name, "127.0.0.1", "127.0.0.1:1")
    assert (await made("GET", path))[0] == 404
    made.site.fetched("127.0.0.1", MAC, "shimx64.efi")
    assert (await made.site.found(name, "127.0.0.1", "127.0.0.1:1")).read() == b"grub"
    assert (await made("GET", path))[2] == b"grub"
    assert (await made("GET", path))[0] == 404  # it has GRUB now


async def test_everything_is_counted_by_kind_and_outcome(made):
    await made("GET", "/shimx64.efi")
    await made("GET", "/nothing")
    await made("GET", "/agent/v1/ping")
    await made("GET", f"/boot.ipxe{QUERY}")
    made.site._gate._heard_at, made.site._gate._mac_at = lambda request: ("10.77.1.5", True), lambda address: ""
    await made("GET", f"/boot.ipxe{QUERY}")
    assert made.site._counter.figures() == {
        ("file", "ok"): 1,
        ("file", "missing"): 1,
        ("call", "ok"): 1,
        ("script", "ok"): 1,
        ("script", "refused"): 1,
    }


async def test_bytes_that_are_no_http_are_one_line_of_the_log(made, caplog):
    out = io.StringIO()
    handler = one_line_each(logging.StreamHandler(out), "%(message)s")
    logging.getLogger("aiohttp.server").addHandler(handler)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
    finally:
        logging.getLogger("aiohttp.server").removeHandler(handler)
    assert len(out.getvalue().splitlines()) <= 1
