"""PINs and passwords, kept as scrypt hashes (RFC 7914) and never as they are.

A hash is `scrypt$N$r$p$SALT$HASH`, salt and hash in hexadecimal, so that the cost may rise and old ones still count.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

COST, BLOCK, LANES = 2**15, 8, 3
"""N, r and p as OWASP's cheat sheet advises: 32 MiB and about a quarter of a second for each try."""
SALT, LENGTH = 16, 32
"""Bytes of either."""
LONGEST = 200
"""Characters of a password that are looked at."""
MOST_MEMORY = 256 * 1024 * 1024


def hashed(secret: str) -> str:
    """What is kept of a PIN or password."""
    salt = secrets.token_bytes(SALT)
    return f"scrypt${COST}${BLOCK}${LANES}${salt.hex()}${_derived(secret, salt, COST, BLOCK, LANES).hex()}"


def matches(secret: str, kept: str) -> bool:
    """Whether this is the secret that was hashed. Takes a quarter of a second: call it outside the loop."""
    try:
        kind, cost, block, lanes, salt, known = kept.split("$")
        found = _derived(secret, bytes.fromhex(salt), int(cost), int(block), int(lanes))
    except ValueError:
        return False
    return kind == "scrypt" and hmac.compare_digest(found, bytes.fromhex(known))


def _derived(secret: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    data = secret[:LONGEST].encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=cost, r=block, p=lanes, maxmem=MOST_MEMORY, dklen=LENGTH)
