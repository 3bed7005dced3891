"""A mock upstream for benchmarks: chunks of a chat stream at a fixed pace, as cheap as Python allows.

Answers every POST with a stream of `--chunks` events, `--interval-ms` apart, `--burst` at a time; with
`--apart` each event of a burst is a write of its own, as of a provider that flushes after each. Its CPU is
not counted.
"""

import argparse
import asyncio
from typing import cast

import uvloop

EVENT = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"token "},"finish_reason":null}]}\n\n'
)
ROLE = EVENT.replace(b'"content":"token "', b'"role":"assistant","content":""')
STOP = EVENT.replace(b'{"content":"token "}', b"{}").replace(b"null", b'"stop"') + b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(body: bytes) -> bytes:
    """One piece in chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(body), body)


class Paced(asyncio.Protocol):
    """One connection: a request is complete when its declared body has arrived."""

    def __init__(self, chunks: int, interval_s: float, burst: int, *, apart: bool = False) -> None:
        self.chunks = chunks
        self.pieces = [chunk(EVENT)] * burst if apart else [chunk(EVENT) * burst]
        self.burst = burst
        self.interval_s = interval_s
        self.buffer = b""
        self.left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        """Start the stream when the request is whole."""
        self.buffer += data
        head, blank, body = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        if len(body) >= length:
            self.buffer = b""
            self.left = self.chunks
            self.transport.write(HEAD + chunk(ROLE))
            self.loop.call_later(self.interval_s, self.tick)

    def tick(self) -> None:
        """Write the next event, or the end."""
        if self.transport.is_closing():
            return
        if self.left <= 0:
            self.transport.write(chunk(STOP) + b"0\r\n\r\n")
            return
        self.left -= self.burst
        for piece in self.pieces:
            if not self.transport.is_closing():  # the client of a load leaves in the middle
                self.transport.write(piece)
        self.loop.call_later(self.interval_s, self.tick)


async def serve(args: argparse.Namespace) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Paced(args.chunks, args.interval_ms / 1000, args.burst, apart=args.apart),
        "127.0.0.1",
        args.port,
        backlog=1024,
    )
    await server.serve_forever()


def main() -> None:
    """Read the command line and serve."""
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--port", type=int, required=True)
    wanted.add_argument("--chunks", type=int, default=60)
    wanted.add_argument("--interval-ms", type=float, default=2.0)
    wanted.add_argument("--burst", type=int, default=1, help="events written at once")
    wanted.add_argument("--apart", action="store_true", help="each event of a burst in a write of its own")
    args = wanted.parse_args()
    # uvloop gathers what is written in one turn of the loop; the loop of the library writes at once.
    run = asyncio.run if args.apart else uvloop.run
    run(serve(args))


if __name__ == "__main__":
    main()
