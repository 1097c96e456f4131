import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tftpy.TftpPacketFactory import TftpPacketFactory

from cloned.netboot.tftp_wire import Blocks, Code, Request, TftpError, agree, netascii, read_answer, read_request

FIELD = Path(__file__).parents[2] / "data" / "field"


@pytest.mark.parametrize(
    ("name", "file", "options"),
    [
        ("tftp-ovmf-size", "shimx64.efi", {"tsize": "0", "blksize": "1468", "windowsize": "4"}),
        ("tftp-ovmf-shim", "shimx64.efi", {"blksize": "1468", "windowsize": "4"}),
        ("tftp-shim-grub", "grubx64.efi", {"blksize": "512", "windowsize": "4"}),
        ("tftp-grub-cfg", "/grub/grub.cfg", {"blksize": "1024", "tsize": "0"}),
    ],
)
def test_real_requests(golden, name, file, options):
    assert read_request(golden(name)) == Request(file, False, options)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"\0\2a\0octet\0", Code.ACCESS, "read only"),
        (b"\0\1a\0mail\0", Code.ILLEGAL, "modes"),
        (b"\0\1a\0octet", Code.ILLEGAL, "malformed"),
        (b"\0\1\xff\xff\0octet\0", Code.ILLEGAL, "malformed"),
        (b"\0\1" + b"a" * 2000 + b"\0octet\0", Code.ILLEGAL, "too long"),
    ],
)
def test_what_gets_an_error(data, code, words):
    with pytest.raises(TftpError, match=words) as error:
        read_request(data)
    assert error.value.code is code
    assert error.value.encode()[:4] == struct.pack("!HH", 5, code)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tftp-name-ff", "undionly.kpxe"),
        ("tftp-name-option97", "shimx64.efia\x11"),
        ("tftp-shim158-onboard", "\xeaOnboard"),
        ("tftp-shim158-usb", "\xeaUSB"),
    ],
)
def test_names_that_firmware_mangled(file, name):
    request = read_request((FIELD / f"{file}.bin").read_bytes())
    assert request.name == name
    assert agree(request.options, 10**6, 1468).accepted == {
        key: "1000000" if key == "tsize" else value for key, value in request.options.items()
    }


def test_the_mode_in_capitals_and_options_cut_short():
    assert read_request(b"\0\1a\0OCTET\0blksize\x00512\0tsize") == Request("a", False, {"blksize": "512"})


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1", b"\0\4\0\1", b"\0\5\0\1gone\0", b"\7\7\7\7"])
def test_what_gets_no_answer(data):
    assert read_request(data) is None


def test_terms():
    terms = agree({"blksize": "8192", "tsize": "0", "windowsize": "500", "timeout": "3", "multicast": ""}, 4711, 1468)
    assert (terms.block, terms.window, terms.timeout) == (1468, 64, 3.0)
    assert TftpPacketFactory().parse(terms.oack()).options == {
        "blksize": "1468",
        "tsize": "4711",
        "timeout": "3",
        "windowsize": "64",
    }


def test_no_options_no_acknowledgement():
    assert agree({}, 1, 1468).accepted == {}
    assert agree({"unknown": "1"}, 1, 1468).accepted == {}


@pytest.mark.parametrize(
    "options",
    [
        {"blksize": "7"}, {"blksize": "-1"}, {"blksize": "a"},
        {"blksize": "9" * 5000}, {"blksize": "\u0665"},
        {"timeout": "0"}, {"timeout": "256"}, {"windowsize": "0"}, {"tsize": "x"},
    ],
)  # fmt: skip
def test_absurd_options_are_left_out(options):
    terms = agree({**options, "tsize": options.get("tsize", "0")}, 1, 1468)
    assert (terms.block, terms.window, terms.timeout) == (512, 1, 0)
    assert set(terms.accepted) <= {"tsize"} - set(options)


@pytest.mark.parametrize(("name", "much", "granted"), [("blksize", "65465", "1468"), ("windowsize", "65536", "64")])
def test_more_than_there_is_gets_the_most_there_is(name, much, granted):
    assert agree({name: much}, 1, 1468).accepted == {name: granted}


@pytest.mark.parametrize(("size", "block"), [(8 * 65_534, 8), (8 * 65_535, 512), (30_000_000, 512)])
def test_blocks_too_small_for_the_file_are_left_out(size, block):
    terms = agree({"blksize": "8"}, size, 1468)
    assert (terms.block, Blocks(bytes(size), terms.block).count <= 65_535) == (block, True)


def test_netascii():
    assert netascii(b"a\nb\rc") == b"a\r\nb\r\0c"


@pytest.mark.parametrize(("size", "count"), [(0, 1), (7, 1), (8, 2), (9, 2), (16, 3)])
def test_blocks(size, count):
    content = bytes(range(size))
    blocks = Blocks(content, 8)
    assert blocks.count == count
    parts = [b"".join(blocks.packet(number)) for number in range(1, count + 1)]
    assert b"".join(part[4:] for part in parts) == content
    assert [part[:4] for part in parts] == [struct.pack("!HH", 3, number) for number in range(1, count + 1)]
    assert len(parts[-1]) < blocks.segment
    assert all(len(part) == blocks.segment for part in parts[:-1])


def test_rollover():
    blocks = Blocks(bytes(8 * 70_000), 8)
    assert blocks.packet(65_535)[0] == b"\0\3\xff\xff"
    assert blocks.packet(65_536)[0] == b"\0\3\0\0"
    assert read_answer(b"\0\4\0\0", 65_536) == 65_536
    assert read_answer(b"\0\4\xff\xff", 65_536) == 65_535
    assert read_answer(b"\0\4\0\1", 65_537) == 65_537


def test_answers():
    assert read_answer(b"\0\4\0\3", 5) == 3
    assert read_answer(b"\0\4\0\0", 0) == 0
    assert read_answer(b"\0\3\0\1data", 5) is None
    error = read_answer(b"\0\5\0\x08User aborted\0", 5)
    assert isinstance(error, TftpError)
    assert (error.code, error.words) == (Code.OPTIONS, "User aborted")
    assert read_answer(b"\0\5\x47\x11\xff", 5).code is Code.UNDEFINED


@given(st.binary(max_size=200))
def test_any_request(data):
    for start in (b"", b"\0\1", b"\0\2", b"\0\1a\0octet\0"):
        try:
            request = read_request(start + data)
            if request is not None:
                agree(request.options, 100, 1468)
        except TftpError as error:
            error.encode()


@given(st.binary(max_size=50), st.integers(0, 200_000))
def test_any_answer(data, expected):
    answer = read_answer(data, expected)
    assert answer is None or isinstance(answer, TftpError) or expected - 65_536 < answer <= expected
