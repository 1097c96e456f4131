"""Real TFTP and HTTP clients fetch real boot files."""

import hashlib
import subprocess

import pytest

from cloned.lab.network import NIC, ip

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SERVER = "10.77.0.1"

TFTP = {
    "tftp-hpa": lambda name, to: ["tftp", "-m", "binary", SERVER, "-c", "get", name, to],
    "atftp": lambda name, to: ["atftp", "--get", "-r", name, "-l", to, SERVER],
    "atftp-window": lambda name, to: [
        "atftp", "--option", "windowsize 16", "--option", "blksize 1468", "--get", "-r", name, "-l", to, SERVER,
    ],
    "busybox": lambda name, to: ["busybox", "tftp", "-b", "1432", "-g", "-r", name, "-l", to, SERVER],
    "curl": lambda name, to: ["curl", "-sf", "--tftp-blksize", "1468", "-o", to, f"tftp://{SERVER}/{name}"],
    "curl-plain": lambda name, to: ["curl", "-sf", "--tftp-no-options", "-o", to, f"tftp://{SERVER}/{name}"],
}  # fmt: skip


@pytest.fixture
def client(lab):
    """A namespace with an address; returns how to run a program there."""
    lab.serve()
    namespace = lab.client(1)
    ip(namespace, f"addr add 10.77.3.1/22 brd + dev {NIC}")
    return lambda *command: subprocess.run(
        ["ip", "netns", "exec", namespace, *command], capture_output=True, timeout=60
    )


@pytest.mark.parametrize("program", TFTP)
def test_tftp(lab, client, program):
    to = lab.folder / "got"
    for name in ("shimx64.efi", "undionly.kpxe"):
        done = client(*TFTP[program](name, str(to)))
        assert done.returncode == 0, done
        assert hashlib.sha256(to.read_bytes()).digest() == hashlib.sha256((lab.boot_files / name).read_bytes()).digest()
        to.unlink()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "nothing", "live/../../x"])
def test_tftp_stays_in_its_folder(lab, client, name):
    assert client("busybox", "tftp", "-g", "-r", name, "-l", str(lab.folder / "got"), SERVER).returncode != 0


def test_tftp_takes_no_uploads(lab, client):
    (lab.folder / "evil").write_text("x")
    done = client("busybox", "tftp", "-p", "-r", "shimx64.efi", "-l", str(lab.folder / "evil"), SERVER)
    assert done.returncode != 0
    assert b"read only" in done.stderr


def test_tftp_with_lost_packets(lab, client):
    lab.network.lossy(1, 3.0, thin=True)
    to = lab.folder / "got"
    for program in ("busybox", "atftp-window"):
        assert client(*TFTP[program]("undionly.kpxe", str(to))).returncode == 0
        assert to.read_bytes() == (lab.boot_files / "undionly.kpxe").read_bytes()


def test_http(lab, client):
    whole = (lab.live / "vmlinuz").read_bytes()
    url = f"http://{SERVER}:8069"
    assert client("curl", "-sf", f"{url}/live/vmlinuz").stdout == whole
    assert client("curl", "-sf", f"{url}//live//vmlinuz").stdout == whole
    assert client("curl", "-sf", "-r", "1000-1999", f"{url}/live/vmlinuz").stdout == whole[1000:2000]
    head = client("curl", "-sfI", f"{url}/live/vmlinuz").stdout.decode()
    assert f"Content-Length: {len(whole)}" in head
    assert "Repr-Digest: sha-256=:" in head
    assert (
        client("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is", f"{url}/../etc/passwd").stdout
        == b"404"
    )
    assert (
        client("busybox", "wget", "-q", "-O", "-", f"{url}/shimx64.efi").stdout
        == (lab.boot_files / "shimx64.efi").read_bytes()
    )


def test_scripts(lab, client):
    url = f"http://{SERVER}:8069"
    assert client("curl", "-sf", f"{url}/boot.ipxe").stdout.startswith(b"#!ipxe")
    script = client("curl", "-sf", f"{url}/boot.ipxe?mac=52:54:00:77:00:01&product=Latitude%205490&platform=efi").stdout
    assert b"Latitude 5490" in script
    assert b"cloned.boot=http://10.77.0.1:8069/" in script
    assert (
        client("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{url}/boot.ipxe?mac=nonsense").stdout == b"400"
    )
    grub = client("curl", "-sf", f"{url}/grub/menu.cfg?mac=52:54:00:77:00:01&lockdown=y").stdout
    assert b"linux (http,10.77.0.1:8069)/live/vmlinuz cloned.boot=" in grub
    assert script.split(b"8069/")[1] != grub.split(b"8069/")[1]  # each boot has a token of its own
