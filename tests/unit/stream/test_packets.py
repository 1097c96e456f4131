from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloned.stream import bitsets, packets
from cloned.stream.packets import (
    DATA_HEADER,
    HEADER_BYTES,
    PACKET,
    PAYLOAD_BYTES,
    Answer,
    Ask,
    Bye,
    Mark,
    Repair,
    StreamAddress,
)  # fmt: skip

SESSION = 0x0123_4567_89AB_CDEF
U32 = st.integers(0, 2**32 - 1)
ASK = Ask(SESSION, 7, 3, 9, 1000, 990, 10, 24, "disk", False, bitsets.of({0, 1, 5, 80}))


def test_a_full_packet_fills_an_ethernet_frame() -> None:
    assert HEADER_BYTES == DATA_HEADER.size == 32
    assert PACKET + 8 + 20 == 1500


def test_addresses_survive_json() -> None:
    address = StreamAddress(2**64 - 1, "239.192.1.2", 46000, "10.0.0.1", 43000)
    assert StreamAddress.from_json(address.to_json()) == address


def test_a_frame_is_cut_into_packets_and_read_again() -> None:
    frame = bytes(range(256)) * 20
    top = packets.prefix(SESSION, 11, packets.packet_count(len(frame)), packets.frame_crc(frame))
    buffer = packets.packetize(top, frame)
    packets.stamp(buffer, 0, 4, 5, 2**32 - 2)
    read = [packets.read_data(bytes(buffer[start : start + PACKET])) for start in range(0, len(buffer), PACKET)]
    assert b"".join(data.payload for data in read if data) == frame
    assert [(data.index, data.epoch, data.sequence) for data in read if data] == [
        (0, 5, 2**32 - 2), (1, 5, 2**32 - 1), (2, 5, 0), (3, 5, 1),
    ]  # fmt: skip
    told = packets.read_prefix(top)
    assert told is not None
    assert (told.session, told.piece, told.count) == (SESSION, 11, 4)


def test_the_golden_bytes_of_a_data_packet() -> None:
    top = packets.prefix(SESSION, 2, 1, packets.frame_crc(b"hello"))
    buffer = packets.packetize(top, b"hello")
    packets.stamp(buffer, 0, 1, 0xAABBCCDD, 0x01020304)
    assert buffer.hex() == "636c01010123456789abcdef0000000200013610a6860000aabbccdd0102030468656c6c6f"


def test_only_the_last_packet_may_be_short() -> None:
    top = packets.prefix(SESSION, 0, 2, 0)
    whole = packets.packetize(top, bytes(PAYLOAD_BYTES + 1))
    first = bytes(whole[:PACKET])
    assert packets.read_data(first) is not None
    assert packets.read_data(first[:-1]) is None
    assert packets.read_data(first + b"x") is None
    assert packets.read_data(bytes(whole[PACKET : PACKET + HEADER_BYTES])) is None  # nothing in it


def test_marks_and_answers() -> None:
    mark = Mark(SESSION, 1, 2)
    assert packets.read_mark(packets.mark(mark)) == mark
    assert packets.read_mark(packets.mark(mark) + b"x") is None
    answer = Answer(SESSION, 2**63, 1, 2, 3, 4, packets.DEAF)
    assert packets.read_answer(packets.answer(answer)) == answer
    assert packets.read_answer(packets.answer(answer)[:-1]) is None


def test_requests_come_back_as_they_were_sent() -> None:
    assert packets.read_request(packets.ask(ASK), SESSION, 81) == ASK
    bye = Bye(SESSION, 7, 4)
    assert packets.read_request(packets.bye(bye), SESSION, 81) == bye
    missing = [(80, 100, bitsets.of({0, 99})), (3, 2913, bitsets.of(range(0, 2913, 100)))]
    sent = packets.repairs(ASK, missing, 5)
    assert [packets.read_request(packet, SESSION, 81) for packet in sent] == [Repair(SESSION, 7, 3, 9, 1000, missing)]


def test_requests_of_others_are_not_ours() -> None:
    assert packets.read_request(packets.ask(ASK), SESSION + 1, 81) is None
    assert packets.read_request(packets.ask(ASK), SESSION, 80) is None  # there is no piece 80
    assert packets.read_request(packets.ask(ASK) + b"x", SESSION, 81) is None
    assert packets.read_request(packets.bye(Bye(SESSION, 7, 4)) + b"x", SESSION, 81) is None


def test_repairs_fill_packets_and_stop_at_the_most() -> None:
    alternating = bitsets.of(range(0, 2913, 2))
    sent = packets.repairs(ASK, [(piece, 2913, alternating) for piece in range(12)], 3)
    assert len(sent) == 3
    assert all(len(packet) <= PACKET for packet in sent)
    assert all(packets.read_request(packet, SESSION, 81) is not None for packet in sent)


def test_a_terabyte_of_scattered_wishes_still_fits() -> None:
    ask = Ask(SESSION, 7, 3, 9, 0, 0, 0, 24, wants=bitsets.of(range(0, 250_000, 3)))
    packet = packets.ask(ask)
    assert len(packet) == PACKET
    told = packets.read_request(packet, SESSION, 250_000)
    assert isinstance(told, Ask)
    assert told.wants.bit_count() > 3000


@given(st.binary(max_size=200))
def test_noise_is_nothing(noise: bytes) -> None:
    assert packets.read_request(noise, SESSION, 100) is None
    assert packets.read_data(noise) is None
    assert packets.read_mark(noise) is None
    assert packets.read_answer(noise) is None


@given(st.integers(0, 3), st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=60))
def test_a_damaged_request_is_sound_or_nothing(kind: int, at: int, noise: bytes) -> None:
    missing = [(5, 50, bitsets.of({1, 2, 40}))]
    packet = bytearray([packets.ask(ASK), packets.repairs(ASK, missing, 1)[0]][kind & 1])
    at %= len(packet)
    packet[at : at + len(noise)] = noise[: len(packet) - at]
    told = packets.read_request(bytes(packet), SESSION, 81)
    if isinstance(told, Ask):
        assert told.wants.bit_length() <= 81
    elif isinstance(told, Repair):
        assert all(piece < 81 and 0 < bits.bit_length() <= count for piece, count, bits in told.missing)


def test_an_ask_at_each_edge_of_what_it_may_say() -> None:
    """Its last fields, from the end of an empty wish: held by (1 byte), flags (1), coding (1), base (4), length (2)."""
    sound = packets.ask(Ask(SESSION, 7, 3, 9, 1000, 990, 10, 24, "disk", False, 0))
    assert packets.read_request(sound, SESSION, 100) is not None
    held_by, flags = len(sound) - 9, len(sound) - 8
    assert sound[held_by] == packets.HELD_BY.index("disk")
    for at, value in ((held_by, len(packets.HELD_BY)), (flags, packets.UNICAST << 1)):
        wrong = bytearray(sound)
        wrong[at] = value
        assert packets.read_request(bytes(wrong), SESSION, 100) is None
    assert packets.read_request(sound + b"x", SESSION, 100) is None
    assert packets.read_request(sound[:-1], SESSION, 100) is None


def changed(packet: bytes, *fields: tuple[int, bytes]) -> bytes:
    made = bytearray(packet)
    for at, value in fields:
        made[at : at + len(value)] = value
    return bytes(made)


def test_each_part_of_a_header_must_be_right_by_itself() -> None:
    answer = packets.answer(Answer(SESSION, 7, 1, 9, 5, 3, 0))
    top = packets.prefix(SESSION, 2, 3, 77)
    assert packets.read_answer(answer) is not None
    assert packets.read_prefix(top) is not None
    for at in range(4):
        wrong = changed(answer, (at, bytes((answer[at] ^ 0x40,))))
        assert packets.read_answer(wrong) is None, at
        assert packets.read_prefix(changed(top, (at, bytes((top[at] ^ 0x40,))))) is None, at
    for count, right in ((0, False), (1, True), (packets.MAX_PACKETS, True), (packets.MAX_PACKETS + 1, False)):
        assert (packets.read_prefix(packets.prefix(SESSION, 2, count, 77)) is not None) is right, count


def test_a_packet_is_one_of_those_that_its_piece_has() -> None:
    buffer = packets.packetize(packets.prefix(SESSION, 0, 2, 0), bytes(2 * PAYLOAD_BYTES))
    packets.stamp(buffer, 0, 2, 1, 0)
    second = bytes(buffer[PACKET:])
    assert packets.read_data(second) is not None
    _, index, epoch, offset = DATA_HEADER.unpack_from(second)
    for number, right in ((index, True), (2, False), (9, False)):
        moved = DATA_HEADER.pack(second[: packets.PREFIX], number, epoch, offset) + second[HEADER_BYTES:]
        assert (packets.read_data(moved) is not None) is right, number


def test_what_a_repair_lists_must_be_right_by_itself() -> None:
    entry = packets._entry(3, 10, 0b101)
    assert packets._read_entries(entry + entry, 4) == [(3, 10, 0b101)] * 2
    for wrong in (
        packets._entry(4, 10, 1),  # there are four pieces
        changed(entry, (4, bytes(2))),  # of no packets
        changed(entry, (4, b"\xff\xff")),  # of more than a piece can have
        entry[:-1],
        changed(entry, (len(entry) - len(packets._entry(3, 10, 0b101)) + 9, b"\xff")),  # longer than it is
    ):
        assert packets._read_entries(entry + wrong, 4) is None, wrong


def test_a_mark_names_no_piece() -> None:
    mark = packets.mark(Mark(SESSION, 5, 9))
    assert packets.read_mark(mark) == Mark(SESSION, 5, 9)
    for at in (12, 13, 15, 16, 17, 18, 21, 22, 23):
        assert packets.read_mark(changed(mark, (at, b"\1"))) is None, at


def test_a_piece_may_have_as_many_packets_as_the_largest() -> None:
    entry = packets._entry(3, packets.MAX_PACKETS, 0b101)
    assert packets._read_entries(entry, 4) == [(3, packets.MAX_PACKETS, 0b101)]
