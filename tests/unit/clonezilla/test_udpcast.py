"""What udp-sender said in real runs, and what follows from it."""

from __future__ import annotations

from cloned.clonezilla.udpcast import (
    STALL_OF_ALL,
    STALL_SECONDS,
    Admission,
    ClassicStream,
    Complete,
    Joined,
    Lines,
    ReceiverLeft,
    Sent,
    Started,
    Waiting,
    understand,
)  # fmt: skip

ONE, TWO = "10.98.0.2", "10.98.0.3"


def told(stream: ClassicStream, text: bytes, now: float = 0.0) -> None:
    for line in Lines().feed(text):
        said = understand(line)
        if said is not None:
            stream.take_in(said, now)


def test_every_line_that_matters_is_understood() -> None:
    assert understand("New connection from 10.98.0.2  (#0) 00000009") == Joined(ONE, 0)
    assert understand("Disconnecting #1 (10.98.0.3)") == ReceiverLeft(TWO, 1)
    assert understand("Starting transfer: 00000009") == Started()
    assert understand("bytes=  7 874 048  re-xmits=0000038 (  0.7%) slice=0091 -   1") == Sent(7874048)
    assert understand("Timeout notAnswered=[0,1] notReady=[0,1] nrAns=0 nrRead=0 nrPart=2 avg=1405") == Waiting((0, 1))
    assert understand("Transfer complete.") == Complete()
    assert understand("Ready. Press any key to start sending data.") is None


def test_lines_end_in_either_way_and_in_any_parts() -> None:
    lines = Lines()
    assert lines.feed(b"Udp-sender 2012") == []
    assert lines.feed(b"0424\r\nbytes= 1\rbytes= 2") == ["Udp-sender 20120424", "bytes= 1"]
    assert lines.feed(b"\r\xff\x07\n") == ["bytes= 2", "�"]


def test_it_is_ready_when_exactly_the_wanted_are_in() -> None:
    stream = ClassicStream(Admission(frozenset({ONE, TWO})), 0.0)
    told(stream, b"New connection from 10.98.0.2  (#0) 00000009\r\n")
    assert not stream.ready()
    told(stream, b"New connection from 10.98.0.3  (#1) 00000009\r\n")
    assert stream.ready()
    told(stream, b"Starting transfer: 00000009\r\n")
    assert not stream.ready()


def test_a_stranger_is_to_be_ejected() -> None:
    stream = ClassicStream(Admission(frozenset({ONE})), 0.0)
    told(stream, b"New connection from 10.98.0.2  (#0) 9\r\nNew connection from 10.98.0.9  (#1) 9\r\n")
    assert stream.to_eject(0.5) == ["10.98.0.9"]
    assert not stream.ready()
    told(stream, b"Disconnecting #1 (10.98.0.9)\r\n")
    assert stream.ready()


def test_who_was_wanted_once_is_no_foreigner() -> None:
    admission = Admission(frozenset({ONE}))
    admission.wanted = frozenset({ONE, TWO})
    admission.keep({ONE})
    assert admission.stranger([ONE, TWO]) == TWO
    assert admission.foreign([ONE, TWO]) is None
    assert admission.foreign([ONE, "10.98.0.9"]) == "10.98.0.9"
    assert Admission(None, 2).foreign([ONE]) is None


def test_nobody_is_left_where_there_were_some_and_guests_are_still_to_come() -> None:
    assert not Admission(None, 2).gone
    assert not Admission(frozenset({ONE})).gone
    admission = Admission(frozenset({ONE}))
    admission.keep(set())
    assert admission.gone


def test_who_never_comes_is_not_waited_for() -> None:
    stream = ClassicStream(Admission(frozenset({ONE, TWO})), 100.0)
    told(stream, b"New connection from 10.98.0.2  (#0) 9\r\n")
    assert stream.missing(150.0, 60.0) == []
    assert stream.missing(160.0, 60.0) == [TWO]
    stream.admission.keep({ONE})
    assert stream.ready()


def test_guests_are_counted_and_then_known() -> None:
    admission = Admission(None, 2)
    stream = ClassicStream(admission, 0.0)
    told(stream, b"New connection from 10.98.0.2  (#0) 9\r\n")
    assert not stream.ready()
    assert stream.missing(1e6, 1.0) == []
    told(stream, b"New connection from 10.98.0.3  (#1) 9\r\nStarting transfer: 9\r\nTransfer complete.\r\n")
    admission.keep(stream.finished)
    assert admission.wanted == {ONE, TWO}


def test_who_holds_the_others_up_is_ejected_after_a_while() -> None:
    stream = ClassicStream(Admission(frozenset({ONE, TWO})), 0.0)
    told(
        stream,
        b"New connection from 10.98.0.2 (#0) 9\r\nNew connection from 10.98.0.3 (#1) 9\r\nStarting transfer: 9\r\n",
    )
    told(stream, b"bytes=  1 000  re-xmits=0 (0%) slice=1 - 1\r", 1.0)
    told(stream, b"Timeout notAnswered=[1] notReady=[1] nrAns=1 nrRead=1 nrPart=2 avg=2\r\n", 3.0)
    assert stream.to_eject(5.0) == []
    told(stream, b"bytes=  1 000  re-xmits=9 (0%) slice=1 - 1\r", 6.0)  # the same once more is no headway
    assert stream.to_eject(1.0 + STALL_SECONDS) == [TWO]
    told(stream, b"bytes=  2 000  re-xmits=0 (0%) slice=1 - 1\r", 10.0)
    assert stream.to_eject(11.0) == []
    told(stream, b"Disconnecting #1 (10.98.0.3)\r\n")
    told(stream, b"Transfer complete.\x07\r\nDisconnecting #0 (10.98.0.2)\r\n")
    assert stream.finished == {ONE}
    assert stream.dropped == {TWO}


def test_who_holds_nobody_up_has_more_time() -> None:
    stream = ClassicStream(Admission(frozenset({ONE})), 0.0)
    told(stream, b"New connection from 10.98.0.2 (#0) 9\r\nStarting transfer: 9\r\n", 0.0)
    told(stream, b"bytes=  1 000  re-xmits=0 (0%) slice=1 - 1\r", 1.0)
    told(stream, b"Timeout notAnswered=[0] notReady=[0] nrAns=0 nrRead=0 nrPart=1 avg=2\r\n", 3.0)
    assert stream.to_eject(1.0 + STALL_SECONDS) == []
    assert stream.to_eject(1.0 + STALL_OF_ALL) == [ONE]
