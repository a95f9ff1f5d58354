"""The server's entry point: a request gets a thread when it is there, not before.

Under plain WSGI a thread waits for the body, so as many half-sent requests as there are
threads stop the server for everybody. Here the event loop reads the body, holds each
client to a pace, keeps large ones on disk, and only then calls Django in a thread.
"""

import asyncio
import io
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, Protocol

from registry.errors import DomainError, TooLarge, Unavailable, kind_of, no_room

MEBIBYTE = 1024**2
SMALL = 64 * 1024  # read in one go
IN_MEMORY = MEBIBYTE  # a larger body goes to a temporary file
LARGEST_BODY = 1024 * MEBIBYTE
ALL_BODIES = 4096 * MEBIBYTE  # on disk at one moment, or strangers could fill it
PATIENCE = 10.0  # seconds in which a client may send nothing at all …
PACE = 10_000  # … and the bytes a second it has to reach after that
WAIT = 5  # seconds after which some of those bodies are through
WHOLE_ANSWER = MEBIBYTE  # a longer one is passed on piece by piece

Headers = list[tuple[str, str]]
PROBLEM: Headers = [
    ("content-type", "application/problem+json"),
    ("connection", "close"),
]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TooSlow(DomainError):
    """The body came slower than anybody may be."""

    status = 408
    title = "Request timeout"


def _refuse(protocol: Any, error: DomainError) -> None:
    """The request did not arrive whole; the client is told why, as Django would."""
    about = {"type": kind_of(error.title), "title": error.title}
    text = json.dumps(about | {"status": error.status, "detail": error.detail})
    wait = [("retry-after", str(error.retry_after))] if error.retry_after else []
    protocol.response_str(error.status, [*PROBLEM, *wait], text)


class Scope(Protocol):
    """What granian tells about a request."""

    proto: str
    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None
    headers: Any


class Front:
    """An RSGI application around a WSGI one."""

    def __init__(self, application: Application, *, threads: int) -> None:
        self.application = application
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self.held = 0  # bytes of bodies on their way

    async def __rsgi__(self, scope: Scope, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(None)
            return
        loop = asyncio.get_running_loop()
        body = Body(self)
        try:
            await body.read(scope, protocol)
            call = Call(scope, body.file, body.size, protocol=protocol, loop=loop)
            await loop.run_in_executor(self.threads, call.run, self.application)
            if call.whole is not None:
                _answer(protocol, scope, call.status, call.headers, call.whole)
        except DomainError as error:
            _refuse(protocol, error)
        finally:
            body.close()


class Body:
    """A request's body, read at the client's pace but not slower than ours."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.file: IO[bytes] = io.BytesIO()
        self.size = 0

    async def read(self, scope: Scope, protocol: Any) -> None:
        announced = _length(scope.headers.get("content-length"))
        if not announced and "transfer-encoding" not in scope.headers:
            return
        try:
            if announced is not None and announced <= SMALL:
                await self._keep(await asyncio.wait_for(protocol(), PATIENCE))
            else:
                await self._in_pieces(aiter(protocol))
        except TimeoutError:
            raise TooSlow("The body came too slowly; send it again.") from None
        except RuntimeError:  # granian's word for a client that went away
            raise DomainError("The body did not arrive whole.") from None
        if announced is not None and self.size != announced:
            raise DomainError("The body did not arrive whole.")
        self.file.seek(0)

    async def _in_pieces(self, pieces: AsyncIterator[bytes]) -> None:
        started = time.monotonic()
        while True:
            in_time = started + PATIENCE + self.size / PACE - time.monotonic()
            try:
                wait = max(min(PATIENCE, in_time), 0.01)
                await self._keep(await asyncio.wait_for(anext(pieces), wait))
            except StopAsyncIteration:
                return

    async def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        self.front.held += len(piece)
        if self.size > LARGEST_BODY:
            raise TooLarge("A body may have 1 GB; send it in parts.")
        if self.front.held > ALL_BODIES:
            raise Unavailable(
                "Too many large bodies at once; try again later.",
                retry_after=WAIT,
            )
        if self.size <= IN_MEMORY:
            self.file.write(piece)
            return
        loop = asyncio.get_running_loop()
        try:
            if isinstance(self.file, io.BytesIO):
                begun = self.file.getvalue()
                self.file = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
                self.file.write(begun)
            await loop.run_in_executor(None, self.file.write, piece)
        except OSError as error:
            if room := no_room(error):
                raise room from error
            raise

    def close(self) -> None:
        self.front.held -= self.size
        with suppress(
            OSError
        ):  # on a full disk what is still to be written fails again
            self.file.close()


class Call:
    """One call of the WSGI application, in a thread."""

    def __init__(
        self,
        scope: Scope,
        body: IO[bytes],
        size: int,
        *,
        protocol: Any,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.environ = _environ(scope, body, size)
        self.protocol = protocol
        self.loop = loop
        self.status = 500
        self.headers: Headers = []
        self.whole: bytes | None = None  # else the answer has been passed on

    def run(self, application: Application) -> None:
        answer = application(self.environ, self._start)
        try:
            length = _length(dict(self.headers).get("content-length"))
            if length is not None and length <= WHOLE_ANSWER:
                self.whole = b"".join(answer)
            elif self.environ["REQUEST_METHOD"] == "HEAD":
                self.whole = b""
            else:
                self._stream(answer)
        finally:
            if close := getattr(answer, "close", None):
                close()

    def _start(self, status: str, headers: Headers, exc_info: Any = None) -> None:
        self.status = int(status[:3])
        self.headers = [(name.lower(), value) for name, value in headers]

    def _stream(self, answer: Iterable[bytes]) -> None:
        """Passes pieces on; a client that stops reading loses its answer."""
        transport = self.protocol.response_stream(self.status, self.headers)
        for piece in answer:
            if not piece:
                continue
            sent = asyncio.run_coroutine_threadsafe(_send(transport, piece), self.loop)
            try:
                sent.result(timeout=3 * PATIENCE)
            except TimeoutError:
                sent.cancel()
                return
            except RuntimeError:  # the client went away
                return


async def _send(transport: Any, piece: bytes) -> None:
    await transport.send_bytes(piece)


def _answer(
    protocol: Any, scope: Scope, status: int, headers: Headers, body: bytes
) -> None:
    if scope.method == "HEAD" or not body:
        protocol.response_empty(status, headers)
    else:
        protocol.response_bytes(status, headers, body)


def _length(header: str | None) -> int | None:
    return int(header) if header and header.isascii() and header.isdigit() else None


def _environ(scope: Scope, body: IO[bytes], size: int) -> dict[str, Any]:
    """PEP 3333. The length is what arrived, so that chunked bodies have one too."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        # X_Forwarded_For must not pass for X-Forwarded-For.
        if "_" in name or name in {
            "content-type",
            "content-length",
            "transfer-encoding",
        }:
            continue
        key = "HTTP_" + name.upper().replace("-", "_")
        if key in environ:
            value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
        environ[key] = value
    if "HTTP_HOST" not in environ and scope.authority:  # HTTP/2
        environ["HTTP_HOST"] = scope.authority
    if content_type := scope.headers.get("content-type"):
        environ["CONTENT_TYPE"] = content_type
    environ["CONTENT_LENGTH"] = str(size)
    return environ


def application() -> Front:
    """For `granian --interface rsgi --factory mlsystem.front:application`."""
    from django.conf import settings

    from mlsystem.wsgi import application as django

    return Front(django, threads=settings.WEB_THREADS)
