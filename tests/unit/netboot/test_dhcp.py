from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from cloned.netboot.dhcp import EVERYBODY, PXE_PORT, Answers, Segment
from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.leases import Pool
from cloned.netboot.packet import BROADCAST_FLAG, ZERO, MessageType, Option, Packet, decode, encode

US, OTHER = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.3")
PLACE = Segment("eth9", US, IPv4Network("10.77.0.0/22"), 8069, IPv4Address("10.77.0.254"), (OTHER,))
LAPTOP = "52:54:00:00:00:0a"


@pytest.fixture
def pool(tmp_path):
    made = Pool(IPv4Address("10.77.1.1"), IPv4Address("10.77.1.3"), 600, LeaseFile(tmp_path / "leases"))
    for address in made.to_check(9, 0):
        made.checked(address, 0)
    return made


@pytest.fixture
def leasing(pool):
    return Answers(PLACE, pool, leasing=True)


@pytest.fixture
def proxy():
    return Answers(PLACE, proxy=True)


def plain(kind, **options):
    given = {Option[name.upper()]: value for name, value in options.items()}
    return Packet(1, 5, LAPTOP, options={Option.TYPE: bytes((kind,)), **given})


def taken_apart(decision):
    """The reply after a trip over the wire."""
    return decode(encode(decision.reply))


@pytest.mark.parametrize(
    ("name", "file", "vendor"),
    [
        ("seabios-ipxe-discover", "http://10.77.0.1:8069/boot.ipxe", ""),
        ("ovmf-pxe-discover", "shimx64.efi", ""),
        ("snponly-discover", "http://10.77.0.1:8069/boot.ipxe", ""),
        ("ovmf-http-discover", "http://10.77.0.1:8069/shimx64.efi", "HTTPClient"),
    ],
)
def test_leasing_to_real_firmware(leasing, golden, name, file, vendor):
    request = decode(golden(name))
    decision = leasing.answer(request, 1)
    reply = taken_apart(decision)
    assert (decision.to, reply.op, reply.kind, reply.xid, reply.mac) == (
        EVERYBODY,
        2,
        MessageType.OFFER,
        request.xid,
        request.mac,
    )
    assert (str(reply.yiaddr), reply.siaddr, reply.file.decode()) == ("10.77.1.1", US, file)
    assert reply.text(Option.BOOT_FILE) == file
    assert reply.text(Option.CLASS) == vendor  # never PXEClient: OVMF would go on to port 4011
    assert reply.address(Option.SERVER) == US
    assert reply.address(Option.MASK) == IPv4Address("255.255.252.0")
    assert reply.options[Option.LEASE] == (600).to_bytes(4, "big")
    assert Option.VENDOR not in reply.options


@pytest.mark.parametrize(
    ("name", "file", "vendor"),
    [
        ("seabios-ipxe-discover", "http://10.77.0.1:8069/boot.ipxe", "PXEClient"),
        ("ovmf-pxe-discover", "shimx64.efi", "PXEClient"),
        ("ovmf-http-discover", "http://10.77.0.1:8069/shimx64.efi", "HTTPClient"),
    ],
)
def test_proxy_to_real_firmware(proxy, golden, name, file, vendor):
    request = decode(golden(name))
    reply = taken_apart(proxy.answer(request, 1))
    assert (reply.kind, reply.yiaddr, reply.siaddr) == (MessageType.OFFER, ZERO, US)
    assert (reply.text(Option.CLASS), reply.text(Option.BOOT_FILE), reply.file.decode()) == (vendor, file, file)
    assert reply.options[Option.MACHINE_ID] == request.options[Option.MACHINE_ID]
    assert (Option.LEASE in reply.options, Option.MASK in reply.options) == (False, False)
    if vendor == "PXEClient":
        assert reply.options[Option.VENDOR] == bytes.fromhex("060108ff")


def test_proxy_is_silent_to_everybody_else(proxy, golden):
    assert proxy.answer(plain(MessageType.DISCOVER), 1).reply is None
    assert proxy.answer(decode(golden("ovmf-pxe-request")), 1).reply is None  # the other server's to answer
    assert proxy.answer(plain(MessageType.INFORM), 1).reply is None


def test_a_whole_lease(leasing, golden):
    offer = leasing.answer(decode(golden("ovmf-pxe-discover")), 1)
    request = replace(decode(golden("ovmf-pxe-request")), mac=offer.reply.mac)
    ack = taken_apart(leasing.answer(request, 2))
    assert (ack.kind, ack.yiaddr, ack.siaddr, ack.file) == (MessageType.ACK, offer.reply.yiaddr, US, b"shimx64.efi")


def test_renewal_goes_to_the_client_alone(leasing):
    address = leasing.answer(plain(MessageType.DISCOVER), 1).reply.yiaddr
    leasing.answer(plain(MessageType.REQUEST, server=US.packed, requested=address.packed), 2)
    decision = leasing.answer(replace(plain(MessageType.REQUEST), ciaddr=address), 300)
    assert (decision.to, decision.reply.kind, decision.reply.yiaddr) == (address, MessageType.ACK, address)


def test_what_is_not_free_gets_a_nak(leasing):
    leasing.answer(plain(MessageType.DISCOVER), 1)
    thief = replace(plain(MessageType.REQUEST, requested=IPv4Address("10.77.1.1").packed), mac="52:54:00:00:00:0b")
    decision = leasing.answer(thief, 2)
    assert (decision.reply.kind, decision.to, decision.why) == (MessageType.NAK, EVERYBODY, "10.77.1.1 is not free")
    stranger = plain(MessageType.REQUEST, requested=IPv4Address("192.168.1.7").packed)
    assert leasing.answer(stranger, 2).why == "192.168.1.7 is not ours to give"


def test_it_took_another_servers_offer(leasing, pool):
    leasing.answer(plain(MessageType.DISCOVER), 1)
    decision = leasing.answer(plain(MessageType.REQUEST, server=OTHER.packed, requested=bytes((10, 77, 2, 9))), 2)
    assert (decision.reply, decision.other_server) == (None, OTHER)
    assert pool.lease_of(LAPTOP) is None


def test_decline_is_honoured(leasing, pool):
    address = leasing.answer(plain(MessageType.DISCOVER), 1).reply.yiaddr
    leasing.answer(plain(MessageType.REQUEST, server=US.packed, requested=address.packed), 2)
    decision = leasing.answer(plain(MessageType.DECLINE, server=US.packed, requested=address.packed), 3)
    assert (decision.reply, "somebody else uses" in decision.why) == (None, True)
    assert leasing.answer(plain(MessageType.DISCOVER), 4).reply.yiaddr not in (address, ZERO)


def test_nobody_can_decline_for_another(leasing, pool):
    address = leasing.answer(plain(MessageType.DISCOVER), 1).reply.yiaddr
    forged = replace(plain(MessageType.DECLINE, server=US.packed, requested=address.packed), mac="52:54:00:00:00:0b")
    leasing.answer(forged, 2)
    assert pool.lease_of(LAPTOP).address == str(address)


def test_nobody_talks_a_laptop_at_work_out_of_its_address(leasing, pool):
    """A MAC stands on the page for everybody: one DECLINE in its name would cost it its address at the next renewal."""
    address = leasing.answer(plain(MessageType.DISCOVER), 1).reply.yiaddr
    leasing.answer(plain(MessageType.REQUEST, server=US.packed, requested=address.packed), 2)
    assert pool.used(LAPTOP, str(address))
    decision = leasing.answer(plain(MessageType.DECLINE, server=US.packed, requested=address.packed), 3)
    assert "not believed" in decision.why
    leasing.answer(replace(plain(MessageType.RELEASE, server=US.packed), ciaddr=address), 4)
    renewed = leasing.answer(replace(plain(MessageType.REQUEST), ciaddr=address), 300)
    assert (renewed.reply.kind, renewed.reply.yiaddr) == (MessageType.ACK, address)


def test_release(leasing, pool):
    address = leasing.answer(plain(MessageType.DISCOVER), 1).reply.yiaddr
    leasing.answer(plain(MessageType.REQUEST, server=US.packed, requested=address.packed), 2)
    leasing.answer(replace(plain(MessageType.RELEASE, server=US.packed), ciaddr=address), 3)
    assert pool.in_use(3) == 0


def test_inform_gets_no_lease(leasing):
    decision = leasing.answer(replace(plain(MessageType.INFORM), ciaddr=IPv4Address("10.77.0.77")), 1)
    assert (decision.reply.kind, decision.reply.yiaddr, str(decision.to)) == (MessageType.ACK, ZERO, "10.77.0.77")
    assert Option.LEASE not in decision.reply.options
    elsewhere = replace(plain(MessageType.INFORM), ciaddr=IPv4Address("192.168.1.1"))
    assert leasing.answer(elsewhere, 1).reply is None


def test_no_address_left(leasing):
    for number in range(3):
        leasing.answer(replace(plain(MessageType.DISCOVER), mac=f"52:54:00:00:01:{number:02x}"), 1)
    decision = leasing.answer(plain(MessageType.DISCOVER), 1)
    assert (decision.reply, decision.no_address) == (None, True)


def test_refused_firmware_gets_an_address_and_no_file(leasing, proxy):
    arm = plain(MessageType.DISCOVER, **{"class": b"PXEClient", "architecture": b"\0\x0b"})
    decision = leasing.answer(arm, 1)
    assert (decision.reply.file, Option.BOOT_FILE in decision.reply.options) == (b"", False)
    assert "ARM64" in decision.why
    assert proxy.answer(arm, 1).reply is None
    assert "ARM64" in proxy.answer(arm, 1).why


def test_leasing_stopped_still_renews_but_gives_nothing_new(leasing, pool):
    address = leasing.answer(plain(MessageType.DISCOVER), 1).reply.yiaddr
    leasing.answer(plain(MessageType.REQUEST, server=US.packed, requested=address.packed), 2)
    leasing.leasing, leasing.why_silent = False, "another DHCP server is here"
    assert leasing.answer(replace(plain(MessageType.REQUEST), ciaddr=address), 3).reply.kind is MessageType.ACK
    for packet in (plain(MessageType.DISCOVER), plain(MessageType.REQUEST, requested=address.packed)):
        assert leasing.answer(packet, 4).reply is None
        assert leasing.answer(packet, 4).why == "another DHCP server is here"


def test_port_4011(proxy, golden):
    request = replace(decode(golden("ovmf-pxe-request")), ciaddr=IPv4Address("10.77.2.9"))
    decision = proxy.answer(request, 1, PXE_PORT, IPv4Address("10.77.2.9"))
    reply = taken_apart(decision)
    assert (str(decision.to), reply.kind, reply.siaddr, reply.file) == (
        "10.77.2.9",
        MessageType.ACK,
        US,
        b"shimx64.efi",
    )
    assert reply.text(Option.CLASS) == "PXEClient"
    assert proxy.answer(plain(MessageType.REQUEST), 1, PXE_PORT).reply is None


def test_relays_and_replies_are_left_alone(leasing):
    assert "relay" in leasing.answer(replace(plain(MessageType.DISCOVER), giaddr=OTHER), 1).why
    assert leasing.answer(replace(plain(MessageType.OFFER), op=2), 1).reply is None
    assert leasing.answer(Packet(1, 1, LAPTOP), 1).reply is None  # plain BOOTP


def test_silent_until_told_otherwise(golden):
    silent = Answers(PLACE, why_silent="no DHCP server was seen")
    for port in (67, PXE_PORT):
        decision = silent.answer(decode(golden("ovmf-pxe-discover")), 1, port)
        assert (decision.reply, decision.why) == (None, "no DHCP server was seen")


def test_ipxe_need_not_wait_for_a_proxy_where_we_lease(leasing, proxy, golden):
    request = decode(golden("seabios-ipxe-discover"))
    assert leasing.answer(request, 1).reply.options[Option.IPXE] == bytes.fromhex("b00101")
    assert Option.IPXE not in proxy.answer(request, 1).reply.options


def test_settings_of_the_model_choose_the_file(golden, pool):
    answers = Answers(PLACE, pool, lambda mac: "snponly", leasing=True)
    assert answers.answer(decode(golden("ovmf-pxe-discover")), 1).reply.file == b"snponly.efi"


FIELD = Path(__file__).parents[2] / "data" / "field"


@pytest.mark.parametrize("mode", ["silent", "proxy", "leasing"])
@pytest.mark.parametrize("flags", [0, BROADCAST_FLAG])
def test_a_request_that_takes_another_servers_offer_is_proof_of_it(pool, mode, flags):
    """In every mode, with and without the broadcast flag: all that is ever heard of a server that knows MACs."""
    answers = Answers(PLACE, pool if mode == "leasing" else None, leasing=mode == "leasing", proxy=mode == "proxy")
    request = decode(bytes.fromhex((FIELD / "dhcp-request-to-other-server.hex").read_text()))
    decision = answers.answer(replace(request, flags=flags), 1)
    assert (str(decision.other_server), decision.reply, decision.outcome) == ("10.9.0.254", None, "elsewhere")


@pytest.mark.parametrize("server", ["0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1"])
def test_what_is_no_server_is_no_proof(leasing, server):
    decision = leasing.answer(plain(MessageType.REQUEST, server=IPv4Address(server).packed, requested=US.packed), 1)
    assert (decision.other_server, decision.reply) == (None, None)


def test_the_boot_files_name_ends_with_a_nul_in_the_option_and_not_in_the_field(leasing, proxy, golden):
    request = decode(golden("ovmf-pxe-discover"))
    for answers in (leasing, proxy):
        reply = taken_apart(answers.answer(request, 1))
        assert (reply.options[Option.BOOT_FILE], reply.file) == (b"shimx64.efi\0", b"shimx64.efi")


def test_one_mac_declines_a_few_times_and_no_more(leasing, pool):
    whys = []
    for _ in range(8):
        check(pool, 1)
        address = leasing.answer(plain(MessageType.DISCOVER), 1).reply.yiaddr
        leasing.answer(plain(MessageType.REQUEST, server=US.packed, requested=address.packed), 1)
        whys.append(leasing.answer(plain(MessageType.DECLINE, server=US.packed, requested=address.packed), 1).why)
        if "not believed" in whys[-1]:
            break
    assert "not believed" in whys[-1]
    assert leasing.answer(plain(MessageType.DISCOVER), 1).reply is not None


def check(pool, now):
    for address in pool.to_check(9, now):
        pool.checked(address, now)
