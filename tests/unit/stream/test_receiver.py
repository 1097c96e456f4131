from __future__ import annotations

import os
from dataclasses import replace

import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cloned.stream import packets
from cloned.stream.packets import PACKET, PAYLOAD_BYTES, Answer, Ask, Mark, Repair
from cloned.stream.receiver import Assembly, Frame

SESSION = 42


def wire(piece: int, frame: bytes, sequence: int = 0, epoch: int = 1, session: int = SESSION) -> list[bytes]:
    top = packets.prefix(session, piece, packets.packet_count(len(frame)), packets.frame_crc(frame))
    buffer = packets.packetize(top, frame)
    packets.stamp(buffer, 0, packets.packet_count(len(frame)), epoch, sequence)
    return [bytes(buffer[start : start + PACKET]) for start in range(0, len(buffer), PACKET)]


def assembly(pieces: int = 10, slots: int = 4) -> Assembly:
    return Assembly(SESSION, 7, pieces, range(pieces), slots)


def feed(at: Assembly, sent: list[bytes], segment: int = PACKET) -> list[Frame]:
    return at.feed(memoryview(b"".join(sent)), segment)


def whole(frame: Frame) -> bytes:
    return b"".join(iter(frame.read, b""))


def asks(at: Assembly) -> tuple[Ask, list[tuple[int, int, int]]]:
    first, *rest = [packets.read_request(packet, SESSION, at.pieces) for packet in at.asks()]
    assert isinstance(first, Ask)
    return first, [entry for each in rest if isinstance(each, Repair) for entry in each.missing]


def test_a_frame_comes_in_one_call() -> None:
    frame = os.urandom(PAYLOAD_BYTES * 30 + 7)
    at = assembly()
    (got,) = feed(at, wire(3, frame))
    assert got.piece == 3
    assert whole(got) == frame
    assert got.sound()
    assert (at.received, at.lost, at.through) == (31, 0, 30)


@given(st.permutations(range(12)), st.integers(0, 2))
def test_packets_come_in_any_order_and_twice(order: list[int], last: int) -> None:
    frame = bytes(range(256)) * (PAYLOAD_BYTES * 12 // 256)
    frame = frame[: PAYLOAD_BYTES * 11 + 1 + last * 700]
    at, sent = assembly(), wire(0, frame)
    frames = []
    at.feed(memoryview(sent[0]), len(sent[0]))  # begun at its beginning
    for index in [*order, *order]:
        frames += at.feed(memoryview(sent[index]), len(sent[index]))
    assert [whole(each) for each in frames] == [frame]


def test_one_call_may_bring_several_pieces_and_gaps() -> None:
    frames = [os.urandom(PAYLOAD_BYTES * 5) for _ in range(3)]
    sent = [packet for number, frame in enumerate(frames) for packet in wire(number, frame, number * 5)]
    at = assembly()
    got = feed(at, sent[:6] + sent[7:])
    assert [(each.piece, whole(each)) for each in got] == [(0, frames[0]), (2, frames[2])]
    assert at.lost == 1
    assert asks(at)[1] == [(1, 5, 0b10)]
    (last,) = feed(at, [sent[6]])
    assert whole(last) == frames[1]


def test_pieces_beyond_the_room_are_left_alone_until_there_is_room() -> None:
    at = assembly(pieces=3, slots=2)
    for piece in range(3):
        feed(at, wire(piece, bytes(PAYLOAD_BYTES * 2)))
    assert sorted(at.held) == [0, 1]
    assert asks(at)[0].room == 0
    at.release(0)
    assert asks(at)[0].room == 1
    assert len(feed(at, wire(2, bytes(PAYLOAD_BYTES * 2)))) == 1
    assert at.complete()
    at.release(1)
    at.release(2)
    assert at.left() == 0


def test_a_piece_whose_beginning_went_by_is_not_begun() -> None:
    at = assembly()
    sent = wire(0, bytes(PAYLOAD_BYTES * 100))
    feed(at, sent[40:90])
    assert at.begun == {}
    feed(at, sent[10:90])
    assert list(at.begun) == [0]


def test_foreign_damaged_and_forged_packets_cost_nothing_or_a_repair() -> None:
    frame = os.urandom(PAYLOAD_BYTES * 8)
    at, sent = assembly(), wire(1, frame)
    assert feed(at, wire(1, frame, session=SESSION + 1)) == []
    assert at.received == 0
    assert feed(at, wire(99, frame)) == []  # no such piece
    assert feed(at, [os.urandom(PACKET) for _ in range(3)]) == []
    assert feed(at, [os.urandom(77)], 77) == []
    damaged = bytearray(sent[2])
    damaged[500] ^= 1
    (got,) = feed(at, [*sent[:2], bytes(damaged), *sent[3:]])
    assert whole(got) != frame
    assert not got.sound()
    at.again(1)
    (got,) = feed(at, sent)
    assert whole(got) == frame


def test_a_damaged_head_does_not_block_the_piece() -> None:
    frame = os.urandom(PAYLOAD_BYTES * 8)
    at = assembly()
    feed(at, [wire(1, os.urandom(PAYLOAD_BYTES * 9))[0]])  # says that it has nine packets
    got: list[Frame] = []
    for _ in range(3):
        for packet in wire(1, frame):
            got += feed(at, [packet])
    assert whole(got[0]) == frame


def test_a_damaged_sequence_number_is_forgotten_with_the_next_packet() -> None:
    at, sent = assembly(), wire(1, bytes(PAYLOAD_BYTES * 8))
    feed(at, sent[:2])
    wrong = bytearray(sent[2])
    wrong[28] ^= 0x80
    feed(at, [bytes(wrong)])
    assert at.through > 2**30
    feed(at, [sent[3]])
    assert (at.through, at.lost) == (3, 0)


def test_the_piece_that_is_coming_in_is_not_asked_for_unless_it_stops() -> None:
    at, sent = assembly(), wire(1, bytes(PAYLOAD_BYTES * 8))
    feed(at, sent[:5])
    assert asks(at)[1] == []
    assert asks(at)[1] == [(1, 8, 0b11100000)]  # nothing came since
    feed(at, [sent[5]])
    at.feed(memoryview(packets.mark(Mark(SESSION, 1, 7))), 32)
    assert asks(at)[1] == [(1, 8, 0b11000000)]
    assert at.through == 7


def test_a_sender_started_anew_is_followed() -> None:
    at = assembly()
    sent = wire(0, bytes(PAYLOAD_BYTES * 10), sequence=5000, epoch=1)
    feed(at, sent[:5])
    feed(at, wire(0, bytes(PAYLOAD_BYTES * 10), sequence=0, epoch=2)[5:9])
    ask, missing = asks(at)
    assert (ask.epoch, ask.through, ask.lost) == (2, 8, 0)
    assert missing == []
    assert len(feed(at, [sent[9]])) == 1


def test_once_the_sender_has_told_its_epoch_no_packet_changes_it() -> None:
    at = assembly()
    answer = Answer(SESSION, 7, 1, 9, 0, 1, 0)
    at.heed(replace(answer, receiver=8, epoch=5))  # to somebody else
    at.heed(answer)
    assert asks(at)[0].through == -1
    feed(at, wire(0, bytes(PAYLOAD_BYTES * 10), sequence=100, epoch=9)[:5])
    feed(at, wire(1, bytes(PAYLOAD_BYTES * 10), sequence=7, epoch=1234)[:5])
    ask, _ = asks(at)
    assert (ask.epoch, ask.through) == (9, 104)
    at.heed(replace(answer, epoch=10))
    ask, missing = asks(at)
    assert (ask.epoch, ask.through) == (10, -1)
    assert [piece for piece, _, _ in missing] == [0, 1]


def test_pieces_taken_out_of_the_stream_come_back_if_that_fails() -> None:
    at = assembly(pieces=3, slots=2)
    assert at.take() == 0
    feed(at, wire(1, bytes(PAYLOAD_BYTES * 9))[:4])
    assert at.room() == 0
    assert at.take() == 1  # begun, and now fetched whole
    assert at.take() is None
    at.again(0)
    assert at.wants == 0b101


def test_a_frame_with_its_own_checksum_is_left_to_zstd() -> None:
    data = os.urandom(100_000)
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(data)
    at = assembly()
    sent = wire(0, frame)
    damaged = bytearray(sent[3])
    damaged[100] ^= 1
    (got,) = feed(at, [*sent[:3], bytes(damaged), *sent[4:]])
    whole(got)
    assert got.sound()  # as far as this knows; the checksum inside says otherwise
    (sound,) = feed(assembly(), sent)
    assert zstandard.ZstdDecompressor().decompress(whole(sound)) == data


@given(st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=40)), max_size=6), st.integers(1, 1500))
def test_nothing_that_comes_in_breaks_it(changes: list[tuple[int, bytes]], segment: int) -> None:
    chunk = bytearray(b"".join(wire(0, bytes(PAYLOAD_BYTES * 3 + 5))))
    for start, noise in changes:
        chunk[start * 10 : start * 10 + len(noise)] = noise
    at = assembly()
    for each in (segment, PACKET):
        at.feed(memoryview(chunk), each)
    assert len(at.begun) + len(at.held) <= at.slots
    at.asks()


def test_what_lands_where_another_packet_was_expected_is_put_in_its_own_place() -> None:
    """The kernel writes straight to where the next packets belong; one that was lost on the way moves all of them."""
    frame = os.urandom(PAYLOAD_BYTES * 200)
    at, sent = assembly(), wire(0, frame)
    feed(at, sent[:1])
    frames: list[Frame] = []
    for first, last in ((2, 40), (40, 80), (1, 2), (120, 160), (80, 121), (160, 199), (199, 200)):
        landing = at.landing()
        data = b"".join(sent[first:last])
        landing[: len(data)] = data
        frames += at.feed(landing[: len(data)], PACKET)
    assert [whole(each) for each in frames] == [frame]


def test_it_is_complete_once_nothing_is_wanted_and_nothing_begun() -> None:
    at, sent = assembly(pieces=1), wire(0, os.urandom(PAYLOAD_BYTES * 3))
    assert not at.complete()
    feed(at, sent[:1])
    assert (at.wants, at.complete()) == (0, False)
    feed(at, sent[1:])
    assert (at.complete(), at.left()) == (True, 1)


def test_two_pieces_that_come_at_once_are_not_put_into_each_other() -> None:
    frames = [os.urandom(PAYLOAD_BYTES * 120) for _ in range(2)]
    at, sent = assembly(), [wire(number, frame, 120 * number) for number, frame in enumerate(frames)]
    got: list[Frame] = []
    for first, last in ((0, 1), (1, 41), (41, 81), (81, 120)):
        for piece in (0, 1, 1, 0):
            landing = at.landing()
            data = b"".join(sent[piece][first:last])
            landing[: len(data)] = data
            got += at.feed(landing[: len(data)], PACKET)
    assert {each.piece: whole(each) for each in got} == dict(enumerate(frames))


def test_a_piece_is_begun_while_no_more_than_a_quarter_of_it_has_gone_by() -> None:
    for index, begun in ((0, True), (2, True), (3, False)):
        at, sent = assembly(), wire(0, os.urandom(PAYLOAD_BYTES * 8))
        feed(at, sent[index : index + 1])
        assert (0 in at.begun) is begun, index


def test_a_frame_without_a_checksum_of_its_own_is_held_against_the_packets() -> None:
    for checksum in (False, True):
        frame = zstandard.ZstdCompressor(write_checksum=checksum).compress(os.urandom(5000))
        top = packets.prefix(SESSION, 0, packets.packet_count(len(frame)), packets.frame_crc(frame) ^ 1)
        buffer = packets.packetize(top, frame)
        packets.stamp(buffer, 0, packets.packet_count(len(frame)), 1, 0)
        sent = [bytes(buffer[start : start + PACKET]) for start in range(0, len(buffer), PACKET)]
        (got,) = feed(assembly(), sent)
        assert whole(got) == frame
        assert got.sound() is checksum  # zstd itself tells, once it is taken apart


def test_a_piece_that_lands_where_another_was_awaited_at_the_same_place_is_moved() -> None:
    frames = [os.urandom(PAYLOAD_BYTES * 50) for _ in range(2)]
    at, sent = assembly(), [wire(number, frame, 50 * number) for number, frame in enumerate(frames)]
    feed(at, sent[1][:1])
    feed(at, sent[0][:1])
    got: list[Frame] = []
    for packets_of in (sent[1][1:41], sent[1][41:], sent[0][1:41], sent[0][41:]):
        landing = at.landing()
        data = b"".join(packets_of)
        landing[: len(data)] = data
        got += at.feed(landing[: len(data)], PACKET)
    assert {each.piece: whole(each) for each in got} == dict(enumerate(frames))


def test_marks_and_pieces_of_others_are_not_counted() -> None:
    at = assembly(pieces=3)
    for packet in (
        packets.mark(Mark(SESSION + 1, 1, 500)),
        bytes(packets.HEADER_BYTES),
        *wire(3, b"x"),
        *wire(0, b"x", session=9),
    ):
        assert feed(at, [packet], len(packet)) == []
    assert (at.received, at.through) == (0, -1)
    feed(at, [packets.mark(Mark(SESSION, 1, 500))], packets.HEADER_BYTES)
    assert (at.received, at.through) == (0, 500)


def test_of_two_frames_that_claim_a_piece_the_one_with_more_packets_counts() -> None:
    mine, other = (wire(0, os.urandom(PAYLOAD_BYTES * 8)) for _ in range(2))
    at = assembly()
    feed(at, mine[:2])
    for packet in other[:2]:
        feed(at, [packet])
        assert at.begun[0].prefix == mine[0][: packets.PREFIX]
        assert feed(at, [packets.mark(Mark(SESSION, 1, 1))], packets.HEADER_BYTES) == []
    feed(at, other[2:3])
    assert at.begun[0].prefix == other[0][: packets.PREFIX]


def test_what_one_piece_leaves_of_memory_the_next_one_gets() -> None:
    at = assembly()
    feed(at, wire(0, os.urandom(PAYLOAD_BYTES * 8)))
    memory = at.held[0]
    assert memory is not None
    at.release(0)
    at.held[9] = None
    at.release(9)  # one that was fetched otherwise leaves none
    feed(at, wire(1, os.urandom(PAYLOAD_BYTES * 8))[:1])
    assert at.begun[1].packets.obj is memory.obj
