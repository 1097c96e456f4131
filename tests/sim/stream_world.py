"""A virtual network of one sender and several receivers around the pure decisions of a stream.

Time is a heap of events; nothing sleeps. Everything that happens follows from the seed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from cloned.stream import packets
from cloned.stream.packets import BURST, DATA_HEADER, HEADER_BYTES, PACKET, PAYLOAD_BYTES, Answer, Mark
from cloned.stream.receiver import Assembly, Frame
from cloned.stream.sender import AHEAD, Burst, StreamSender

SESSION = 0x5EED_0000_0000_5EED
ASK_EVERY = 0.1
PACKET_TIME_SECONDS = 1 / 8000
"""Seconds a packet takes: a tenth of a gigabit, so that small images last."""

ROOM = 12
SOCKET = 30
"""Chunks that wait in a stalled laptop's socket; what comes then is lost."""


@dataclass
class Nature:
    """How a laptop behaves."""

    starts: float = 0.0
    loss: float = 0.0
    asks_lost: float = 0.0
    delay: float = 0.002
    write: float = 0.001
    """Seconds from a complete piece to its memory being free."""
    slots: int = 8
    stalls: list[tuple[float, float]] = field(default_factory=list)
    """(from, seconds): it does nothing, then goes on."""
    resets: list[float] = field(default_factory=list)
    """It loses its memory, and boots again a second later with what is on its disk."""
    vanishes: float = 1e9
    deaf: list[tuple[float, float]] = field(default_factory=list)
    """(from, seconds): multicast does not reach it."""
    damage: float = 0.0


class Laptop:
    """A receiver, its disk and its way to the sender."""

    def __init__(self, world: World, number: int, nature: Nature) -> None:
        self.world, self.number, self.nature = world, number, nature
        self.disk: set[int] = set()
        self.assembly: Assembly | None = None
        self.finished = -1.0
        self.gone = False
        self.stalled_until = 0.0
        self.life = 0
        self.backlog: list[bytes] = []

    def boot(self) -> None:
        wanted = set(range(self.world.pieces)) - self.disk
        receiver = self.world.random.getrandbits(64)
        self.life += 1
        self.assembly = Assembly(SESSION, receiver, self.world.pieces, wanted, self.nature.slots)
        life = self.life
        self.world.at(0.001, lambda: self.ask(life))

    def power_cut(self) -> None:
        self.assembly = None
        self.backlog.clear()
        self.life += 1
        self.world.at(1.0, self.boot)

    def vanish(self) -> None:
        self.assembly = None
        self.gone = True
        self.life += 1

    def hear(self, chunk: bytes) -> None:
        if self.assembly is None:
            return
        if self.stalled():
            if len(self.backlog) < SOCKET:
                self.backlog.append(chunk)
            return
        before = self.assembly.slots
        into = self.assembly.landing()[: len(chunk)]
        into[:] = chunk
        for frame in self.assembly.feed(into, PACKET if len(chunk) > PACKET else len(chunk)):
            self.got(frame)
        assert len(self.assembly.begun) + len(self.assembly.held) <= before

    def answered(self, answer: Answer) -> None:
        if self.assembly is not None:
            self.assembly.heed(answer)

    def stalled(self) -> bool:
        return any(start <= self.world.now < start + length for start, length in self.nature.stalls)

    def got(self, frame: Frame) -> None:
        assert self.assembly is not None
        whole = b"".join(iter(frame.read, b""))
        if not frame.sound():
            self.assembly.again(frame.piece)
            return
        assert whole == self.world.frames[frame.piece]
        life = self.life
        self.world.at(self.nature.write, lambda: self.written(frame.piece, life))

    def written(self, piece: int, life: int) -> None:
        if life != self.life or self.assembly is None:
            return
        self.disk.add(piece)
        self.assembly.release(piece)
        if not self.assembly.left():
            self.finished = self.world.now
            self.world.to_sender(self, self.assembly.bye())
            self.assembly = None

    def ask(self, life: int) -> None:
        if self.assembly is None or life != self.life:
            return
        if not self.stalled():
            for chunk in self.backlog:
                self.hear(chunk)
            self.backlog.clear()
            if self.assembly is None:
                return
            for packet in self.assembly.asks():
                if self.world.random.random() >= self.nature.asks_lost:
                    self.world.to_sender(self, packet)
        self.world.at(ASK_EVERY, lambda: self.ask(life))


class World:
    """One run."""

    def __init__(
        self,
        seed: int,
        pieces: int,
        natures: Iterable[Nature],
        *,
        deaths: Iterable[tuple[float, float]] = (),
        packets: int | None = None,
    ) -> None:
        """`deaths`: (when, for how long) the sender is away; `packets`: of each piece, or of all sizes if None."""
        self.random = Random(seed)
        self.now = 0.0
        self.pieces = pieces
        sizes = (
            (PAYLOAD_BYTES * packets,)
            if packets
            else (300, PAYLOAD_BYTES * 3, PAYLOAD_BYTES * 7 + 11, PAYLOAD_BYTES * 60 + 500)
        )
        self.frames = [self.random.randbytes(self.random.choice(sizes)) for _ in range(pieces)]
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.sent = 0
        self.dropped = 0
        self.sender: StreamSender | None = None
        self.in_memory: dict[int, bytearray] = {}
        self.generation = 0
        self.tamper: Callable[[bytes], Iterable[bytes]] | None = None
        self.laptops = [Laptop(self, number, nature) for number, nature in enumerate(natures)]
        self._schedule(deaths)

    def _schedule(self, deaths: Iterable[tuple[float, float]]) -> None:
        self.start_sender()
        for at, down in deaths:
            self.at(at, self.kill_sender)
            self.at(at + down, self.start_sender)
        for laptop in self.laptops:
            self.at(laptop.nature.starts, laptop.boot)
            self.at(laptop.nature.vanishes, laptop.vanish)
            for when in laptop.nature.resets:
                self.at(when, laptop.power_cut)

    def at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay, next(self._order), what))

    # -- the sender -------------------------------------------------------------------------------

    def start_sender(self) -> None:
        self.generation += 1
        self.sender = StreamSender(SESSION, self.pieces, self.random.getrandbits(32), ROOM)
        generation = self.generation
        self.at(0, lambda: self.turn(generation))

    def kill_sender(self) -> None:
        self.sender = None
        self.in_memory.clear()
        self.generation += 1

    def to_sender(self, laptop: Laptop, packet: bytes) -> None:
        self.at(laptop.nature.delay, lambda: self.heard(laptop, packet))

    def heard(self, laptop: Laptop, packet: bytes) -> None:
        if self.sender is None:
            return
        request = packets.read_request(packet, SESSION, self.pieces)
        assert request is not None
        answer = self.sender.hear(request, self.now)
        if answer is not None and self.random.random() >= laptop.nature.asks_lost:
            self.at(laptop.nature.delay, lambda: laptop.answered(answer))

    def turn(self, generation: int) -> None:
        if generation != self.generation or self.sender is None:
            return
        for piece in self.sender.to_load(self.now):
            self.at(0.002, lambda piece=piece: self.load(piece, generation))  # type: ignore[misc]
        self.at_pace = self.now
        item = self.sender.next(self.now)
        busy = 0.002
        if isinstance(item, Burst):
            self.multicast(self.encode(item))
            busy = len(item.indexes) * PACKET_TIME_SECONDS
            self.sent += len(item.indexes)
        elif isinstance(item, Mark):
            self.multicast([packets.mark(item)])
        if int(self.now * 4) != int((self.now + busy) * 4):
            self.sender.samples(self.now)
        self.at(busy, lambda: self.turn(generation))

    def load(self, piece: int, generation: int) -> None:
        if generation == self.generation and self.sender is not None:
            frame = self.frames[piece]
            count = packets.packet_count(len(frame))
            top = packets.prefix(SESSION, piece, count, packets.frame_crc(frame))
            self.in_memory[piece] = packets.packetize(top, frame)
            for gone in self.sender.loaded(piece, count):
                del self.in_memory[gone]
            assert len(self.in_memory) <= ROOM + AHEAD

    def encode(self, burst: Burst) -> list[bytes]:
        assert self.sender is not None
        buffer = self.in_memory[burst.piece]
        for sequence, index in enumerate(burst.indexes, burst.sequence):
            packets.stamp(buffer, index, index + 1, self.sender.epoch, sequence)
        return [bytes(buffer[index * PACKET : (index + 1) * PACKET]) for index in burst.indexes]

    def multicast(self, sent: list[bytes]) -> None:
        if self.tamper is not None:
            sent = [other for packet in sent for other in self.tamper(packet)]
        for laptop in self.laptops:
            if laptop.assembly is None:
                continue
            nature = laptop.nature
            if any(start <= self.now < start + length for start, length in nature.deaf):
                continue
            kept = [packet for packet in sent if not nature.loss or self.random.random() >= nature.loss]
            self.dropped += len(sent) - len(kept)
            if nature.damage and kept and self.random.random() < nature.damage:
                kept[0] = self.damaged(kept[0])
            if kept:
                life = laptop.life
                self.at(nature.delay, lambda laptop=laptop, kept=kept, life=life: self.arrive(laptop, kept, life))  # type: ignore[misc]

    def damaged(self, packet: bytes) -> bytes:
        at = self.random.randrange(len(packet))
        return packet[:at] + bytes((packet[at] ^ 1 << self.random.randrange(8),)) + packet[at + 1 :]

    def arrive(self, laptop: Laptop, sent: list[bytes], life: int) -> None:
        """As receive offload gives them: packets of full size in one piece."""
        if laptop.life != life:
            return
        run: list[bytes] = []
        for packet in sent:
            run.append(packet)
            if len(packet) != PACKET or len(run) == BURST:
                laptop.hear(b"".join(run))
                run = []
        if run:
            laptop.hear(b"".join(run))

    # -- the run ----------------------------------------------------------------------------------

    def run(self, limit: float = 120.0) -> None:
        """Until every laptop that is not gone is done; fails if that takes longer than `limit` simulated seconds."""
        while not all(laptop.finished >= 0 or laptop.gone for laptop in self.laptops):
            assert self._events, "nothing happens any more"
            self.now, _, what = heapq.heappop(self._events)
            assert self.now < limit, self.story()
            what()

    def story(self) -> str:
        """Who is still waiting for what."""
        return "; ".join(
            f"laptop {laptop.number} wants {bin(laptop.assembly.wants)} begun {list(laptop.assembly.begun)} "
            f"held {laptop.assembly.held} {laptop.nature}"
            for laptop in self.laptops
            if laptop.assembly is not None
        )

    @property
    def packets(self) -> int:
        """Packets that the image takes once."""
        return sum(packets.packet_count(len(frame)) for frame in self.frames)


assert DATA_HEADER.size == HEADER_BYTES
