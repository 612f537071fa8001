"""A small HTTP/1.1 server on asyncio, made for misbehaving: late status lines, resets, garbage, silence.

A handler answers with a `Response`, with a `Stream` (whose status line is sent only with its first bytes), or raises `HangUp`.
With TLS, a plain HTTP request gets a 307, as Argo CD's does.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import traceback
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import structlog

from simulator.shapes import REASONS, Json

log = structlog.get_logger(__name__)
_MAX_BODY, _MAX_HEAD = 50_000_000, 65536


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    path: str = ""
    query: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path, self.query = unquote(parts.path), parse_qs(parts.query, keep_blank_values=True)

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def has(self, name: str) -> bool:
        return name in self.query

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    @property
    def wants_events(self) -> bool:
        return self.header("accept") == "text/event-stream"

    @property
    def takes_gzip(self) -> bool:
        return "gzip" in self.header("accept-encoding") and not self.wants_events


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, status: int = 200) -> "Response":
        headers = {"Grpc-Metadata-Content-Type": "application/grpc"} if status == 200 else {}
        return cls(status, json.dumps(document, separators=(",", ":")).encode(), headers=headers)

    @classmethod
    def text(cls, text: str, status: int) -> "Response":
        return cls(status, text.encode() + b"\n", "text/plain; charset=utf-8", {"X-Content-Type-Options": "nosniff"})


@dataclass
class Stream:
    """Chunks sent as they come, under status 200."""

    chunks: AsyncGenerator[bytes, None]
    content_type: str = "application/json"


class HangUp(Exception):
    """Close the connection without another word; `reset` sends a TCP reset instead of an end."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


Answer = Response | Stream
Handler = Callable[[Request], Awaitable[Answer]]


class Server:
    def __init__(self, handler: Handler, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._host, self._tls = host, tls
        self.port = port
        self._listener: asyncio.Server | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    async def start(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self._host, self.port))
        self._socket.listen(256)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(self._socket))

    async def stop_listening(self) -> None:
        """New connections are refused; those that are open live on."""
        if self._accepting:
            self._accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._accepting
        if self._socket:
            self._socket.close()
            self._socket = None

    async def close_connections(self) -> None:
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def stop(self) -> None:
        await self.stop_listening()
        await self.close_connections()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._connection(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _connection(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        try:
            is_plain = self._tls is not None and await self._speaks_plain(connection)
            reader = asyncio.StreamReader(limit=_MAX_HEAD, loop=loop)
            protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
            context = None if is_plain else self._tls
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        except (OSError, ssl.SSLError):
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        session = _Connection(reader, writer, self._redirect if is_plain else self._handler)
        try:
            await session.serve()
        except HangUp as hang_up:
            _hang_up(writer, reset=hang_up.reset)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError, ValueError):
            pass  # the client went away, or does not speak HTTP
        except Exception:  # the outermost loop: the other connections live on
            log.error("connection_failed", trace=traceback.format_exc())
        finally:
            writer.close()

    async def _speaks_plain(self, connection: socket.socket) -> bool:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(connection, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(connection)
        return connection.recv(1, socket.MSG_PEEK) not in (b"\x16", b"")

    async def _redirect(self, request: Request) -> Answer:
        return Response(307, b"", "text/html", {"Location": f"{self.url}{request.target}", "Connection": "close"})


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
        self._reader, self._writer, self._handler = reader, writer, handler
        self._read_ahead = b""

    async def serve(self) -> None:
        while True:
            request = await self._request()
            if request is None:
                return
            answer = await self._or_gone(self._handler(request))
            if isinstance(answer, Stream):
                await self._or_gone(self._stream(request, answer))
            else:
                self._respond(request, answer)
            await self._writer.drain()
            if request.header("connection").lower() == "close":
                return

    async def _request(self) -> Request | None:
        head = self._read_ahead
        self._read_ahead = b""
        try:
            head += await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Request(method, target, headers, await self._body(headers))

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while size := int((await self._reader.readline()).split(b";")[0], 16):
                parts.append(await self._reader.readexactly(size))
                await self._reader.readline()
            await self._reader.readline()
            return b"".join(parts)
        length = int(headers.get("content-length") or 0)
        if length > _MAX_BODY:
            raise HangUp
        return await self._reader.readexactly(length) if length else b""

    async def _or_gone(self, work: Awaitable[Any]) -> Any:
        """The work's result, given up when the client goes away meanwhile."""
        task = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait({task, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and watching.done():
                self._read_ahead += watching.result()
                if not self._read_ahead:
                    raise HangUp
            return await task
        finally:
            task.cancel()
            if not watching.done():
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
            elif not watching.cancelled() and not watching.exception() and not self._read_ahead:
                self._read_ahead = watching.result()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    def _respond(self, request: Request, answer: Response) -> None:
        body, headers = answer.body, {"Content-Type": answer.content_type, **answer.headers}
        if request.takes_gzip and body:
            compressor = zlib.compressobj(wbits=31)
            body = compressor.compress(body) + compressor.flush()
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        self._write_head(answer.status, {**headers, "Content-Length": str(len(body))})
        self._writer.write(body)

    def _write_head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'OK' if status == 200 else 'Status')}", *(f"{k}: {v}" for k, v in headers.items())]
        self._writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    async def _stream(self, request: Request, answer: Stream) -> None:
        """Nothing at all is written before the first chunk is there."""
        compressor = zlib.compressobj(wbits=31) if request.takes_gzip else None
        headers = {"Content-Type": answer.content_type, "Transfer-Encoding": "chunked"}
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"} if compressor else {}
        has_begun = False
        async with contextlib.aclosing(answer.chunks) as chunks:
            async for chunk in chunks:
                if not has_begun:
                    has_begun = True
                    self._write_head(200, headers)
                self._write_chunk(compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH) if compressor else chunk)
                await self._writer.drain()
        if not has_begun:
            self._write_head(200, headers)
        if compressor:
            self._write_chunk(compressor.flush())
        self._writer.write(b"0\r\n\r\n")

    def _write_chunk(self, chunk: bytes) -> None:
        if chunk:
            self._writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")


def _hang_up(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    raw = writer.get_extra_info("socket")
    if reset and raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def as_json(body: bytes) -> Json:
    """The body as a mapping; an empty one is {}. Raises ValueError."""
    document = json.loads(body or b"{}")
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document
