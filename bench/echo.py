"""A server that does nothing: what the generator reaches against it is what the generator itself can do.

``python -m bench.echo <status> <bytes>`` prints its port and serves until its standard input ends.
"""

import asyncio
import sys
from typing import Any

from bench.load import Message, fast_loop


class Echo(asyncio.Protocol):
    """The same answer to every request, when the request is whole."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.message = answer, Message()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a whole request."""
        if self.message.feed(data):
            self.message = Message()
            self.transport.write(self.answer)


async def _serve(status: str, size: int) -> None:
    head = f"HTTP/1.1 {status} OK\r\n" + (f"content-length: {size}\r\n" if size else "") + "\r\n"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(head.encode() + b"x" * size), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=fast_loop) as runner:
        runner.run(_serve(sys.argv[1], int(sys.argv[2])))
