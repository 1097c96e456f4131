"""Files as TFTP sends them: one copy each, shared by every transfer, read in threads of this room's own."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakValueDictionary

from cloned.netboot.tftp_wire import Code, TftpError, netascii

_KEPT_BYTES = 128 * 1024 * 1024
_LARGEST_TEXT_BYTES = 1024 * 1024
"""Bytes of a file that is sent as netascii: scripts, whose copy with other line ends is made for it."""


@dataclass(frozen=True)
class Found:
    """A file: `key` names its content for the cache, empty for what was rendered for one laptop."""

    size: int
    read: Callable[[], bytes]
    """Blocking; called in a thread."""
    key: str = ""


@dataclass(frozen=True)
class Content:
    """The bytes of a file, for whoever holds it."""

    data: bytes


class ContentCache:
    """Contents, kept while they are likely to be asked for again (least recently used go first).

    Whatever a transfer still sends is found again too, so that there is never a second copy of a file. Reads in threads
    of its own: those that everybody shares may be busy hashing an image for minutes.
    """

    def __init__(self, limit: int = _KEPT_BYTES) -> None:
        self._limit, self._bytes = limit, 0
        self._threads = ThreadPoolExecutor(2, "netboot-files")
        self._kept: OrderedDict[tuple[str, bool], Content] = OrderedDict()
        self._held: WeakValueDictionary[tuple[str, bool], Content] = WeakValueDictionary()
        self._loading: dict[tuple[str, bool], asyncio.Future[Content]] = {}

    async def content(self, found: Found, *, text: bool) -> Content:
        """`found` as it is, or as netascii if it is `text`. TftpError if it is too large for that; OSError."""
        if text and found.size > _LARGEST_TEXT_BYTES:
            raise TftpError(Code.ILLEGAL, "too large for netascii, use octet")
        name = (found.key, text)
        if not found.key:
            return await self._read(found, text)
        kept = self._kept.get(name) or self._held.get(name)
        if kept is None:
            kept = await asyncio.shield(self._loaded(name, found))
        self._keep(name, kept)
        return kept

    def close(self) -> None:
        """End the threads."""
        for loading in self._loading.values():
            loading.cancel()
        self._threads.shutdown(cancel_futures=True)

    def _loaded(self, name: tuple[str, bool], found: Found) -> asyncio.Future[Content]:
        """The one reading of a file: 24 laptops in one second read it once, and nobody waits for another file's."""
        loading = self._loading.get(name)
        if loading is None:
            loading = self._loading[name] = asyncio.ensure_future(self._read(found, name[1]))
            loading.add_done_callback(lambda done: self._ended(name, done))
        return loading

    def _ended(self, name: tuple[str, bool], done: asyncio.Future[Content]) -> None:
        self._loading.pop(name, None)
        if not done.cancelled():
            done.exception()  # whoever waits gets it; where all went away meanwhile it is nobody's

    async def _read(self, found: Found, text: bool) -> Content:
        data = await asyncio.get_running_loop().run_in_executor(self._threads, found.read)
        return Content(netascii(data) if text else data)

    def _keep(self, name: tuple[str, bool], content: Content) -> None:
        self._held[name] = content
        if name not in self._kept:
            self._kept[name] = content
            self._bytes += len(content.data)
        self._kept.move_to_end(name)
        while self._bytes > self._limit and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= len(old.data)
