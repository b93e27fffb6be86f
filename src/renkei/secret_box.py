"""Secrets that must be read again (a second factor's seed, a webhook's key) lie encrypted in the database: its backups alone open nothing.

AES-256-GCM (NIST SP 800-38D) under keys in files beside those that sign tokens; who owns the row and what it is for are bound to
the text, so that a secret copied into another row does not open there.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES, NONCE_BYTES, NAME_BYTES = 32, 12, 4


class CannotOpen(ValueError):
    """Not sealed here, for something else, or by a key that is gone."""


class SecretBox:
    """Seals by the newest key of a folder and opens by every one. Two machines share the folder, as they do signing keys."""

    def __init__(self, keys: Mapping[bytes, bytes]) -> None:
        """keys: 32 bytes each by their 4-byte name, the last of which seals."""
        self._keys = MappingProxyType({name: AESGCM(key) for name, key in keys.items()})
        self._newest = list(self._keys)[-1]

    @classmethod
    def load(cls, folder: Path) -> "SecretBox":
        """The keys ``NNNN.key`` of a folder (mode 0700); the first is made where there is none. Raises ValueError: no key."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (files := sorted(folder.glob("*.key"))):
            files = [_write_first(folder)]
        return cls({_name(file): _read(file) for file in files})

    def seal(self, secret: bytes, purpose: str) -> bytes:
        """Name of the key, nonce and ciphertext. purpose: what it is and whose, such as ``webhook:<id>``."""
        nonce = os.urandom(NONCE_BYTES)
        return self._newest + nonce + self._keys[self._newest].encrypt(nonce, secret, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The secret again. Raises CannotOpen."""
        key = self._keys.get(sealed[:NAME_BYTES])
        if key is None:
            raise CannotOpen("the key is not in the folder")
        nonce, text = sealed[NAME_BYTES : NAME_BYTES + NONCE_BYTES], sealed[NAME_BYTES + NONCE_BYTES :]
        try:
            return key.decrypt(nonce, text, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise CannotOpen("altered, or sealed for another purpose") from error


def _name(file: Path) -> bytes:
    if not (len(file.stem) == NAME_BYTES and file.stem.isdecimal() and file.stem.isascii()):
        raise ValueError(f"{file.name}: a key's file is named by four digits")
    return file.stem.encode()


def _read(file: Path) -> bytes:
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{file.name}: not a key of {KEY_BYTES} bytes")
    return key


def _write_first(folder: Path) -> Path:
    """Whole or not at all, and only once: of two processes that start together, one makes the key both use."""
    draft, file = folder / f".{secrets.token_hex(8)}.new", folder / "0001.key"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(os.urandom(KEY_BYTES))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file
