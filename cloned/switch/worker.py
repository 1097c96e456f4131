"""The process that reads the switches for the daemon: its loop never waits for pysnmp.

`SwitchWorker` is the daemon's end; `python -m cloned.switch` is the other. They exchange
pickled Questions and Answers over a pipe, each after its length in four octets. Tables stay with
the worker; the daemon gets what they mean.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import pickle  # only between us and our own child
import struct
import sys
import time
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cloned.errors import SwitchError
from cloned.processes import end_process, spawn_piped
from cloned.quoting import one_line_each
from cloned.saying import Phrase
from cloned.switch.ports import Rules, SwitchView, understand
from cloned.switch.snmp.credentials import Address, Credentials
from cloned.switch.snmp.faults import SilentError, WrongKeysError
from cloned.switch.snmp.oids import ERRORS
from cloned.switch.snmp.raw import Raw
from cloned.switch.snmp.reader import Reader
from cloned.switch.tables import build

log = logging.getLogger(__name__)

State = Literal["ok", "silent", "wrong-keys", "refused"]
_LENGTH = struct.Struct("!I")
PATIENCE_SECONDS = 60.0
"""Seconds after which a worker that does not answer is given up: a reading takes 20 at most."""


@dataclass(frozen=True)
class Watched:
    """A switch to look at."""

    address: Address
    credentials: Credentials
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class Question:
    """Look at a switch: at all tables, or only at those that change if they were read before."""

    number: int
    watched: Watched
    whole: bool


@dataclass(frozen=True)
class SwitchAnswer:
    """What a look gave; `view` is None where there was no answer, and `error` says why."""

    number: int
    state: State
    view: SwitchView | None = None
    whole: bool = False
    """Whether all tables were read."""
    seconds: float = 0.0
    error: str = ""
    hint: str = ""


class SwitchWorker:
    """The daemon's end. Starts the process when it is first needed, and again if it ended."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[SwitchAnswer]] = {}
        self._numbers = itertools.count(1)

    async def look(self, watched: Watched, *, whole: bool) -> SwitchAnswer:
        """Look at one switch; several looks may be under way. Never raises for the switch's or the process's sake."""
        number = next(self._numbers)
        answer: asyncio.Future[SwitchAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._send(Question(number, watched, whole))
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await answer
        except (TimeoutError, OSError):
            await self.close()
            ended = Phrase("the reader of switch {address} ended", address=watched.address)
            return SwitchAnswer(number, "refused", error=ended, hint=Phrase("it is started again"))
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the process and wait for its end."""
        process, self._process = self._process, None
        if process is None:
            return
        await end_process(process)
        if self._listening is not None:
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None

    async def _send(self, question: Question) -> None:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self.close()
                self._process = await spawn_piped([sys.executable, "-m", "cloned.switch"])
                self._listening = asyncio.create_task(self._listen(self._process), name="switch.worker")
            stdin = self._process.stdin
            assert stdin is not None
            stdin.write(_packed(question))
            await stdin.drain()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hand out answers until the process ends; then nobody waits in vain."""
        assert process.stdout is not None
        try:
            while (answer := await _unpacked(process.stdout)) is not None:
                waiting = self._waiting.get(answer.number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(BrokenPipeError(Phrase("the reader of switches ended")))


def _packed(message: Question | SwitchAnswer) -> bytes:
    data = pickle.dumps(message)
    return _LENGTH.pack(len(data)) + data


async def _unpacked(stream: asyncio.StreamReader) -> Any:
    """The next message; None at the end of the stream."""
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return pickle.loads(await stream.readexactly(length))  # noqa: S301 - see above
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


FRESH_SECONDS = 10.0
"""Seconds for which a whole reading need not bring error counters anew."""


class Looker:
    """The worker's memory of one switch: its reader and its tables."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self._reader = Reader(watched.address, watched.credentials)
        self._raw: Raw | None = None
        self._counted = 0.0
        """When error counters were read last."""
        self._busy = asyncio.Lock()

    async def answer(self, question: Question) -> SwitchAnswer:
        """Look as asked, one question after the other."""
        async with self._busy:
            try:
                return await self._looked(question)
            except SwitchError as error:
                return SwitchAnswer(question.number, _state(error), error=error.message, hint=error.hint)
            except Exception:  # one switch that we can't cope with must not stop the others
                log.exception("switch %s", self.watched.address)
                what = Phrase("what switch {address} says could not be understood", address=self.watched.address)
                return SwitchAnswer(
                    question.number, "refused", error=what, hint=Phrase("report it, with the daemon's log")
                )

    async def _looked(self, question: Question) -> SwitchAnswer:
        began = time.monotonic()
        known = None if question.whole else self._raw
        if known is not None:
            self._counted = began
        whole = known is None
        self._raw = raw = await (self._whole() if known is None else self._reader.refresh(known))
        view = understand(build(str(self.watched.address), raw), question.watched.rules)
        return SwitchAnswer(question.number, "ok", view, whole, time.monotonic() - began)

    async def _whole(self) -> Raw:
        """Every table; error counters as they were last, where that was a moment ago."""
        last, now = self._raw, time.monotonic()
        if last is None or now - self._counted > FRESH_SECONDS:
            self._counted = now
            return await self._reader.read(errors=True)
        raw = await self._reader.read()
        return replace(raw, cells={**{each.name: last.column(each) for each in ERRORS}, **raw.cells})


def _state(error: SwitchError) -> State:
    if isinstance(error, SilentError):
        return "silent"
    return "wrong-keys" if isinstance(error, WrongKeysError) else "refused"


async def serve() -> None:
    """Answer questions from standard input until it ends."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), sys.stdin.buffer)
    lookers: dict[tuple[Address, Credentials], Looker] = {}
    under_way: set[asyncio.Task[None]] = set()
    while (question := await _unpacked(stream)) is not None:
        key = question.watched.address, question.watched.credentials
        looker = lookers.setdefault(key, Looker(question.watched))
        task = loop.create_task(_answered(looker, question))
        under_way.add(task)
        task.add_done_callback(under_way.discard)


async def _answered(looker: Looker, question: Question) -> None:
    answer = await looker.answer(question)
    sys.stdout.buffer.write(_packed(answer))
    sys.stdout.buffer.flush()


def main() -> None:
    """The worker's process."""
    handler = one_line_each(logging.StreamHandler(sys.stderr), "%(levelname)s %(name)s: %(message)s")
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    asyncio.run(serve())
