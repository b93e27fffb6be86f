"""``python -m renkei.schemas.bulk.aside``: a process that reads and checks rows for a worker, and ends with it.

It is asked on its standard input and answers on its standard output, in pickles with their length before them. It imports
nothing that knows of a database, and its environment names none: what it reads was written by strangers.
"""

import gc
import pickle
import signal
import struct
import sys
from typing import IO, Any
from uuid import UUID

from renkei.catalogue import load_catalogue
from renkei.catalogue.models import document_validator
from renkei.errors import Invalid
from renkei.schemas.bulk.files import BadFile
from renkei.schemas.bulk.reading import Batch, Files
from renkei.vocabulary import RecordKind

LENGTH = struct.Struct("!Q")


def give(stream: IO[bytes], value: object) -> None:
    """Write one value."""
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def take(stream: IO[bytes]) -> Any:
    """Read one value. Raises EOFError when the other side is gone."""
    content = _exactly(stream, *LENGTH.unpack(_exactly(stream, LENGTH.size)))
    return pickle.loads(content)  # noqa: S301 - by a pipe that only the worker and this process of its own hold


def _exactly(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return content


def main() -> None:
    """Answer until nobody asks."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # sent to all processes of a service: the worker ends this one
    for kind in RecordKind:
        document_validator(kind, load_catalogue())
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    files, asked, told = Files(), sys.stdin.buffer, sys.stdout.buffer
    give(told, None)  # ready
    while True:
        try:
            said = take(asked)
        except EOFError:
            return
        give(told, _answer(files, said))


def _answer(files: Files, said: Batch | UUID) -> object:
    if isinstance(said, UUID):
        files.forget(said)
        return None
    try:
        return files.read(said)
    except (BadFile, Invalid) as error:
        return error


if __name__ == "__main__":
    main()
