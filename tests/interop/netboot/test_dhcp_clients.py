"""Our DHCP with real clients, and beside a real foreign server."""

import subprocess

import pytest

from cloned.lab.bootlab import LEASE
from cloned.lab.network import NIC, ip

pytestmark = [pytest.mark.interop, pytest.mark.slow]

TINY = LEASE.replace("10.77.1.250", "10.77.1.2")


def inside(namespace, *command, timeout=30):
    return subprocess.run(["ip", "netns", "exec", namespace, *command], capture_output=True, text=True, timeout=timeout)


def udhcpc(lab, namespace, *more, tries=4):
    """The address busybox's client gets, or nothing."""
    script = lab.folder / "udhcpc.sh"
    script.write_text('#!/bin/sh\n[ "$1" = bound ] && echo "GOT $ip $subnet $lease $siaddr $boot_file"\nexit 0\n')
    script.chmod(0o755)
    done = inside(
        namespace,
        "busybox",
        "udhcpc",
        "-i",
        NIC,
        "-n",
        "-q",
        "-f",
        "-t",
        f"{tries}",
        "-T",
        "1",
        "-s",
        str(script),
        *more,
    )
    got = [line for line in done.stdout.splitlines() if line.startswith("GOT")]
    return got[0].split()[1:] if got else []


def warned(lab, code):
    return [one for one in lab.state()["warnings"] if one["code"] == code]


def test_udhcpc_and_dhclient(lab):
    lab.serve()
    one, two = lab.client(1), lab.client(2)
    first = udhcpc(lab, one)
    assert first[:3] == ["10.77.1.1", "255.255.252.0", "3600"]
    assert udhcpc(lab, one) == first
    leases = lab.folder / "dhclient.leases"
    done = inside(
        two, "dhclient", "-4", "-1", "-d", "-q", "-lf", str(leases), "-pf", "/dev/null", "-sf", "/bin/true", "-T", NIC
    )
    if "fixed-address" not in (leases.read_text() if leases.exists() else ""):
        child = lab.run(
            two,
            ["dhclient", "-4", "-1", "-d", "-lf", leases, "-pf", lab.folder / "pid", "-sf", "/bin/true", NIC],
            "dhc.log",
        )
        lab.until(
            lambda: leases.exists() and "fixed-address" in leases.read_text(), 15, f"dhclient has a lease {done.stderr}"
        )
        child.terminate()
    assert "fixed-address 10.77.1." in leases.read_text()
    assert "fixed-address 10.77.1.1;" not in leases.read_text()


def test_leases_survive_our_death(lab):
    lab.serve()
    one, two = lab.client(1), lab.client(2)
    first = udhcpc(lab, one)
    lab._server.kill()
    lab.stop()
    lab.serve()
    assert udhcpc(lab, two)[0] != first[0]
    assert udhcpc(lab, one) == first


def test_exhausted_is_on_the_page(lab):
    lab.serve(TINY)
    clients = [lab.client(number) for number in (1, 2, 3)]
    assert [bool(udhcpc(lab, client, tries=2)) for client in clients] == [True, True, False]
    lab.until(lambda: warned(lab, "pool-exhausted"), 3, "the page says that the pool is exhausted")


def test_an_address_that_somebody_uses_is_not_leased(lab):
    squatter = lab.client(1)
    ip(squatter, f"addr add 10.77.1.1/22 dev {NIC}")
    lab.serve()
    assert udhcpc(lab, lab.client(2))[0] == "10.77.1.2"
    lab.until(lambda: warned(lab, "address-in-use"), 3, "the page names the squatter")
    assert "52:54:00:77:00:01" in warned(lab, "address-in-use")[0]["text"]


def test_a_foreign_server_stops_our_leasing_within_5_seconds(lab):
    lab.serve()
    one, two = lab.client(1), lab.client(2)
    assert udhcpc(lab, one)[0].startswith("10.77.1.")
    lab.foreign()
    seconds = lab.until(lambda: warned(lab, "leasing-stopped"), 5, "leasing stopped")
    assert seconds < 5
    assert "10.77.0.3 (52:54:00:fe:00:03)" in warned(lab, "leasing-stopped")[0]["text"]
    assert udhcpc(lab, two)[0].startswith("10.77.2.")


def test_leasing_never_starts_beside_one(lab):
    lab.foreign()
    lab.serve()
    lab.until(lambda: warned(lab, "leasing-stopped"), 10, "the other server was seen")
    assert udhcpc(lab, lab.client(1))[0].startswith("10.77.2.")


def test_auto_is_silent_until_it_sees_a_server(lab):
    lab.serve("")
    client = lab.client(1)
    assert udhcpc(lab, client, "-V", "PXEClient:Arch:00007:UNDI:003016", tries=2) == []
    lab.until(lambda: warned(lab, "no-dhcp"), 3, "the page says what is missing")
    assert "no DHCP server was seen" in lab.state()["log"][-1]["why"]
    lab.foreign()
    lab.until(lambda: not warned(lab, "no-dhcp"), 10, "the server was seen")
    capture = lab.capture("proxy.pcap")
    udhcpc(lab, client, "-V", "PXEClient:Arch:00007:UNDI:003016")
    lab.until(lambda: "proxyDHCP: shimx64.efi" in str(lab.state()["log"]), 3, "the boot file was offered")
    capture.terminate()


def test_silence_on_interfaces_that_were_not_chosen(lab):
    ip(
        lab.network.server,
        "link add spare type veth peer name other",
        "addr add 10.99.0.1/24 dev spare",
        "link set spare up",
        "link set other up",
    )
    lab.serve()
    done = inside(
        lab.network.server,
        "busybox",
        "udhcpc",
        "-i",
        "other",
        "-n",
        "-q",
        "-f",
        "-t",
        "3",
        "-T",
        "1",
        "-s",
        "/bin/true",
    )
    assert "no lease" in done.stderr + done.stdout
    for address in ("http://10.99.0.1:8069/boot.ipxe", "tftp://10.99.0.1/shimx64.efi"):
        assert inside(lab.network.server, "curl", "-s", "-m", "2", "-o", "/dev/null", address).returncode != 0


def test_another_pxe_server_is_named(lab):
    lab.foreign(
        "--dhcp-range=10.77.0.0,proxy,255.255.252.0",
        "--pxe-service=X86-64_EFI,x,other.efi",
        "--pxe-service=x86PC,x,other",
    )
    lab.serve()
    lab.until(lambda: warned(lab, "other-pxe"), 10, "the page names it")
    assert "10.77.0.3" in warned(lab, "other-pxe")[0]["text"]
    assert not warned(lab, "leasing-stopped")


def test_a_server_that_fills_in_the_boot_file_is_named(lab):
    lab.foreign("--dhcp-range=10.77.2.1,10.77.2.250,255.255.252.0,1h", "--dhcp-boot=pxelinux.0", "--dhcp-no-override")
    lab.serve("")
    lab.until(lambda: warned(lab, "dhcp-fills-file"), 10, "the page names it")


def test_a_declined_address_is_left_alone(lab):
    lab.serve()
    one = lab.client(1)
    address = udhcpc(lab, one)[0]
    squatter = lab.client(2)
    ip(squatter, f"addr add {address}/22 dev {NIC}")
    again = udhcpc(lab, one, "-a300", tries=6)  # it checks by ARP itself, and declines
    assert again
    assert again[0] != address
