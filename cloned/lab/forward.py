"""The page for the browser of the machine: a TCP port on 127.0.0.1 that leads into the server's namespace."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from types import TracebackType

from cloned.lab import kernel


class Forward:
    """Accepts on 127.0.0.1 and connects each client to `target` inside `namespace`."""

    def __init__(self, namespace: Path, target: tuple[str, int], port: int) -> None:
        self._namespace = namespace
        self._target = target
        self._wanted = port
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Forward:
        """Listen on the port wished for, or on any if that is taken."""
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._wanted)
        except OSError:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and drop every client."""
        if self._server is not None:
            self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            return 0
        return int(self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(reader, writer), name="forward")
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await self._connect()
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        finally:
            writer.close()
            there_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        channel = kernel.in_namespace(self._namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        channel.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(channel, self._target)
            return await asyncio.open_connection(sock=channel)
        except BaseException:
            channel.close()
            raise


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carry bytes one way until either side is done."""
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
    except OSError:
        sink.close()
