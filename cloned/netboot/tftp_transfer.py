"""One file to one TFTP client, and the thread that moves all of them.

The blocks of a transfer go back and forth one at a time with most clients, so what counts is the time from an
acknowledgement to the next block. A thread of its own with a bare epoll loop needs a third of the processor time
per block that asyncio's readers need (6 against 18 µs), and nothing else the daemon does gets in its way. What a
block's turn needs is prepared beforehand (its head, the acknowledgement that is expected); what can wait, such as the
round trip's length, is looked at once per tick. Unless there are very many transfers the thread stays awake between two
blocks: a processor that was put to sleep takes longer to wake up than an answer needs over the wire.

Retransmission: 1 s without an answer, then doubling, six times. Once the round trip is known, two early ones go out
before: after five round trips (at least 0.5 ms), and after twenty more. At 1 % loss a lock-step transfer would
otherwise stand still most of the time (with one early one, every fourth shim still waited a second for a block that
was lost twice), and a laptop that was only slow gets a block again, which it must bear anyhow. A duplicate
acknowledgement alone never sends a block twice (RFC 1123 §4.2.3.1).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from os import read, writev

from cloned.descriptors import Bell
from cloned.netboot.tftp_wire import ACK, DATA, Blocks, Terms, TftpError, read_answer
from cloned.saying import Phrase

log = logging.getLogger(__name__)

UDP_SEGMENT = 103
FIRST_WAIT, MAX_WAIT, TRIES = 1.0, 8.0, 6
EARLY, EARLY_FLOOR, EARLY_TRIES, EARLY_GROWTH = 5, 0.0005, 2, 4
"""Round trips, and seconds at least, until the first early retransmission; how many there are; how each wait grows."""
_GSO_BYTES, _GSO_PACKETS = 65000, 64
_CANNOT_SEGMENT = (errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT)
_TICK_SECONDS = 0.001
"""Seconds between two looks at what was not answered; longer where there are many transfers to look at."""
_PER_TICK = 8
_NICE = -10
"""Of the thread: it needs little, but at once, also while every processor hashes an image."""
_CLOCK = 0.00005
"""Shortest round trip that is believed: answers of one batch carry the same time."""
_ANSWER_BYTES = 128
"""Bytes of an answer that are looked at: 4 of an acknowledgement, the words of an error."""
_pack = struct.Struct("!HH").pack
_AWAKE, _SOON, _FINE = 0.0001, 0.005, 0.00025
"""Seconds without an answer in which the thread stays awake; in which it looks every `_FINE` seconds what is lost."""
_FEW, _MANY = 2, 64
"""Transfers for which it looks so often; for which it stays awake at all."""
_EVENTS = 64


class Transfer:
    """The state of one transfer. `sock` is connected to the client; times are seconds of one monotonic clock."""

    __slots__ = (
        "_acked", "_block", "_content", "_expected", "_fd", "_last_sent", "_owner", "_repeated", "_round_trip", "_seen",
        "_segments", "_sent", "_steps", "_tries", "asked_again", "blocks", "outcome", "seconds", "sock",
        "started", "terms",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, blocks: Blocks, terms: Terms, owner: object = None) -> None:
        self.sock, self.blocks, self.terms = sock, blocks, terms
        self._owner = owner
        """Whoever holds the bytes lives as long as the transfer: so the cache finds them again."""
        self.outcome: str | None = None
        """None while it runs; empty when all was acknowledged; else why it ended, in words."""
        self.asked_again = False
        """Set where the laptop repeats its request: our first answer was lost, and is sent again at once."""
        self.started = 0.0
        self.seconds = 0.0
        """How long it took, once it has ended."""
        self._fd = sock.fileno()
        self._acked = -1 if terms.accepted else 0  # -1: not even the OACK was acknowledged
        self._sent = 0
        self._seen = self._acked
        """What was acknowledged at the last tick."""
        self._expected = b""
        self._last_sent = self._round_trip = 0.0
        self._tries = 0
        self._repeated = False
        self._steps = blocks.count if terms.window == 1 else 0
        """Up to this block one acknowledgement is followed by one block, and nothing else happens."""
        self._segments = terms.window > 1
        self._content, self._block = blocks.content, blocks.block

    @property
    def answered(self) -> bool:
        """Whether the laptop has acknowledged anything: its first round trip is over."""
        return self._acked > (-1 if self.terms.accepted else 0)

    @property
    def only_asked(self) -> bool:
        """Firmware asks for the size first, and breaks off when it has it (RFC 2349)."""
        return self._acked < 1 and "tsize" in self.terms.accepted

    def start(self, now: float) -> None:
        """Send the first packet."""
        self.started = now
        self._send_window(now)

    def readable(self, now: float) -> bool:
        """Take what has come; True when the transfer has ended."""
        try:
            data = read(self._fd, _ANSWER_BYTES)
            sent = self._sent
            if data == self._expected and sent < self._steps:  # nearly all there ever is to do
                self._acked = sent
                self._sent = sent + 1
                self._expected = _pack(ACK, (sent + 1) & 0xFFFF)
                start = sent * self._block
                writev(self._fd, (_pack(DATA, (sent + 1) & 0xFFFF), self._content[start : start + self._block]))
                return False
            self._take(data, now)
            while self.outcome is None and not self._steps:
                self._take(read(self._fd, _ANSWER_BYTES), now)
        except BlockingIOError:
            pass
        except ConnectionRefusedError:
            self._end(Phrase("the laptop went away"), now)
        except OSError as error:  # no buffer, no link: as if the packet was lost
            log.debug("TFTP: %s", error)
        return self.outcome is not None

    def tick(self, now: float) -> None:
        """Send again what was not answered in time."""
        if self._acked != self._seen:
            self._moved(now)
            return
        asked, self.asked_again = self.asked_again and self._acked < 1, False
        if now < self._last_sent + self._wait() and not asked:
            return
        self._tries += 1
        if self._tries > TRIES + self._early:
            self._end(Phrase("the laptop stopped answering"), now)
            return
        self._repeated = True
        self._send_window(now)

    def _moved(self, now: float) -> None:
        """Blocks were acknowledged since the last tick, each in a round trip."""
        if not self._repeated:
            each = (now - self._last_sent) / (self._acked - self._seen)
            self._round_trip += (0.25 if self._round_trip else 1.0) * (max(each, _CLOCK) - self._round_trip)
        self._seen, self._last_sent = self._acked, now
        self._tries, self._repeated = 0, False

    def stop(self, why: str, now: float) -> None:
        """End it from outside."""
        if self.outcome is None:
            self._end(why, now)

    def _end(self, outcome: str, now: float) -> None:
        self.outcome, self.seconds = outcome, now - self.started

    def _take(self, data: bytes, now: float) -> None:
        answer = read_answer(data, self._sent)
        if isinstance(answer, TftpError):
            words = answer.words or Phrase("no reason given")
            self._end(Phrase("the laptop stopped it: {words} (error {code})", words=words, code=int(answer.code)), now)
        elif answer is not None and self._acked < answer <= self._sent:
            self._forward(answer, now)
        elif answer == self._acked and self.terms.window > 1:
            self._gap(now)

    def _forward(self, block: int, now: float) -> None:
        """Everything up to `block` has arrived."""
        if not self._repeated:
            self._round_trip = max(now - self._last_sent, _CLOCK)  # 0 would mean: not known yet
        self._acked = self._seen = block
        self._tries, self._repeated = 0, False
        if block >= self.blocks.count:
            self._end("", now)
        else:
            self._send_window(now)

    def _gap(self, now: float) -> None:
        """RFC 7440 §4: the same block again means that the first one after it was lost; once per window is enough."""
        if not self._repeated and now - self._last_sent > self._round_trip / 2:
            self._repeated = True
            self._send_window(now)

    def _send_window(self, now: float) -> None:
        """Send what comes after the last acknowledged block, or the OACK."""
        self._last_sent = now
        if self._acked < 0:
            self._expected = _pack(ACK, 0)
            self._send(self.terms.oack())
            return
        first = self._acked + 1
        count = min(self.terms.window, self.blocks.count - self._acked)
        self._sent = last = self._acked + count
        self._expected = _pack(ACK, last & 0xFFFF)
        self._send_many(first, count)

    def _send_many(self, first: int, count: int) -> None:
        """A window in as few system calls as the kernel allows (UDP_SEGMENT, udp(7))."""
        segment = self.blocks.segment
        step = max(1, min(_GSO_PACKETS, _GSO_BYTES // segment)) if self._segments else 1
        for at in range(first - 1, first - 1 + count, step):
            many = min(step, first - 1 + count - at)
            part = [half for number in range(at + 1, at + 1 + many) for half in self.blocks.packet(number)]
            if many == 1:
                self._send(*part)
                continue
            try:
                self.sock.sendmsg(part, [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", segment))])
            except OSError as error:
                if error.errno in _CANNOT_SEGMENT:  # a link that can't: one by one from now on
                    self._segments = False
                    self._send_many(at + 1, first - 1 + count - at)
                return

    def _send(self, *parts: bytes | memoryview) -> None:
        """A packet that the kernel would not take is as good as lost: the timer sends it again."""
        with contextlib.suppress(OSError):
            writev(self._fd, parts)

    def _wait(self) -> float:
        """Seconds to wait for an answer to what was sent last."""
        if self.terms.timeout:
            return self.terms.timeout
        if self._tries < self._early:
            return min(max(EARLY_FLOOR, EARLY * self._round_trip) * float(EARLY_GROWTH**self._tries), FIRST_WAIT)
        return min(FIRST_WAIT * float(2 ** (self._tries - self._early)), MAX_WAIT)

    @property
    def _early(self) -> int:
        """How many early retransmissions: none before the round trip is known, nor where the laptop named a time."""
        return EARLY_TRIES if self._round_trip and not self.terms.timeout else 0


Ended = Callable[[Transfer], None]


class Pump:
    """Moves transfers in a thread of its own. `ended` is called in that thread, once for each transfer.

    `failed` is called, in that thread too, if the thread itself breaks: then nothing moves any more.
    """

    def __init__(self, failed: Callable[[BaseException], object]) -> None:
        self._failed = failed
        self._new: deque[tuple[Transfer, Ended]] = deque()
        self._stopped: deque[tuple[Transfer, str]] = deque()
        self._running: dict[int, tuple[Transfer, Ended]] = {}
        self._readable: dict[int, Callable[[float], bool]] = {}
        self._epoll = select.epoll()
        self._bell = Bell()
        self._bell.open()
        self._epoll.register(self._bell, select.EPOLLIN)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tftp", daemon=True)
        self._thread.start()

    def add(self, transfer: Transfer, ended: Ended) -> None:
        """Start a transfer; its socket belongs to the pump from now on."""
        self._new.append((transfer, ended))
        self._bell.ring()

    def stop(self, transfer: Transfer, why: str) -> None:
        """End one that was added; `ended` is called for it as ever."""
        self._stopped.append((transfer, why))
        self._bell.ring()

    def close(self) -> None:
        """End every transfer and the thread; returns when it is gone."""
        self._closing = True
        self._bell.ring()
        self._thread.join()
        self._epoll.close()
        self._bell.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # without CAP_SYS_NICE it is as nice as the rest
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        try:
            self._loop()
        except BaseException as error:  # the boundary of the thread: the daemon must hear of it
            self._failed(error)
            raise

    def _loop(self) -> None:
        wait, clock, running, readable = self._wait, time.monotonic, self._running, self._readable
        next_tick = heard = now = 0.0
        while not self._closing:
            events = wait(now - heard)
            now = clock()
            for number, _ in events:
                step = readable.get(number)
                if step is None:  # the event of `add` and `close`
                    self._begin(now)
                    continue
                try:
                    ended = step(now)
                except Exception as error:  # a fault with one laptop's answers is not everybody's
                    ended = self._broke(number, error, now)
                if ended:
                    self._finish(number)
            if events:
                heard = now
            if now >= next_tick:
                many = len(running)
                next_tick = now + (_FINE if many <= _FEW else _TICK_SECONDS * (1 + many // _PER_TICK))
                self._tick(now)
        now = clock()
        self._begin(now)
        for number, (transfer, _) in list(running.items()):
            transfer.stop(Phrase("the server stopped"), now)
            self._finish(number)

    def _wait(self, silent: float) -> list[tuple[int, int]]:
        """The sockets that have something, for at most one tick; `silent`: seconds since one had."""
        poll = self._epoll.poll
        if not self._running:
            return poll(-1, _EVENTS)
        if silent >= _SOON or len(self._running) > _MANY:
            return poll(_TICK_SECONDS, _EVENTS)
        if silent >= _AWAKE:
            select.select([self._epoll], (), (), _FINE)  # epoll itself counts in whole milliseconds
        return poll(0, _EVENTS)

    def _tick(self, now: float) -> None:
        for number, (transfer, _) in list(self._running.items()):
            transfer.tick(now)
            if transfer.outcome is not None:
                self._finish(number)

    def _begin(self, now: float) -> None:
        """Take what `add` and `stop` left."""
        self._bell.hush()
        while self._new:
            self._start(*self._new.popleft(), now)
        while self._stopped:
            transfer, why = self._stopped.popleft()
            number = transfer.sock.fileno()
            if number in self._running and self._running[number][0] is transfer:
                transfer.stop(why, now)
                self._finish(number)

    def _broke(self, number: int, error: Exception, now: float) -> bool:
        log.error("a TFTP transfer broke", exc_info=error)
        self._running[number][0].stop(Phrase("the server broke it off: {error}", error=error), now)
        return True

    def _start(self, transfer: Transfer, ended: Ended, now: float) -> None:
        number = transfer.sock.fileno()
        try:
            self._epoll.register(number, select.EPOLLIN)
        except OSError as error:  # no memory, or too many watches: this one fails, not all
            transfer.stop(Phrase("the server could not send it: {strerror}", strerror=error), now)
            transfer.sock.close()
            ended(transfer)
            return
        self._running[number], self._readable[number] = (transfer, ended), transfer.readable
        transfer.start(now)

    def _finish(self, number: int) -> None:
        transfer, ended = self._running.pop(number)
        del self._readable[number]
        self._epoll.unregister(number)
        transfer.sock.close()
        ended(transfer)
