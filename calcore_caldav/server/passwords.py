# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords (argon2id) and tokens: hashing, checking, making."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

# Of OWASP's recommendations for argon2id, which protect alike, the one with the least memory: it is the quickest
# here, and a worker with many threads stays small.
_HASHER: Final = PasswordHasher(time_cost=5, memory_cost=7168, parallelism=1)
_NOBODY: Final = (
    "$argon2id$v=19$m=7168,t=5,p=1$Y2FsY29yZS1ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
TOKEN_PREFIX: Final = "calcore_"  # noqa: S105
_REMEMBERED: Final = 10_000


def hash_password(password: str) -> str:
    """A salted argon2id hash in PHC format."""
    return _HASHER.hash(password)


def is_password_hash(text: str) -> bool:
    """Whether `text` is an argon2 hash in PHC format that can be checked."""
    try:
        _HASHER.verify(text, "")
    except VerifyMismatchError:
        return True
    except (InvalidHashError, VerificationError):
        return False
    return True


class PasswordCheck:
    """Checks passwords; one that was right is remembered, so that a request doesn't pay for argon2.

    Remembered is a digest with a key of this process over hash and password: a changed hash is another
    digest, and memory holds nothing that could be tried offline. Shared by threads.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}

    def verify(self, name: str, password_hash: str | None, password: str) -> bool:
        """Whether the password is right; takes as long for a name that doesn't exist (no hash)."""
        if password_hash is None:
            matches(_NOBODY, password)
            return False
        text = f"{name}\0{password_hash}\0{password}".encode(errors="surrogatepass")
        digest = hashlib.blake2b(text, key=self._key, digest_size=32).digest()
        if hmac.compare_digest(self._right.get(name, b""), digest):
            return True
        if not matches(password_hash, password):
            return False
        if len(self._right) >= _REMEMBERED:
            self._right.clear()
        self._right[name] = digest
        return True


def matches(password_hash: str, password: str) -> bool:
    """Whether the password is the hashed one; always pays for argon2."""
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError, UnicodeError):
        return False


def new_token() -> str:
    """A token with 256 random bits; its prefix lets people and secret scanners recognise it."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """What is stored of a token: tokens are random, so a fast digest is enough."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def is_token(text: str) -> bool:
    """Whether the text looks like a token of ours."""
    return text.startswith(TOKEN_PREFIX)


def password_problem(password: str) -> str | None:
    """Why a password cannot be used, or None."""
    if not password:
        return "is empty"
    if any(ord(c) < 32 for c in password):
        return "contains a control character"
    return None
