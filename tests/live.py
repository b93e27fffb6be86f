"""The service itself on a free port of this machine, for what must reach it from outside: shells, programs, other threads."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import uvicorn
from fastapi import FastAPI

from renkei.main import create_app
from renkei.settings import Settings


def serve(settings: Settings) -> AbstractContextManager[str]:
    """Its address, while the block runs."""
    return serve_app(lambda _: create_app(settings))


@contextmanager
def serve_app(made_for: Callable[[str], FastAPI], name: str = "127.0.0.1") -> Iterator[str]:
    """The address of an app, while the block runs; the app may be made for it. name: as which this machine is asked."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://{name}:{listening.getsockname()[1]}"
        config = uvicorn.Config(made_for(address), log_config=None, access_log=False, ws="none")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        while not running.started and thread.is_alive():
            time.sleep(0.02)
        yield address
        running.should_exit = True
        thread.join()
