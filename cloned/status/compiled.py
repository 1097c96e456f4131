"""Templates, compiled once for all languages and for every start of one version.

Compiling takes 0.4 s of processor, just when laptops and inventories want theirs, and leaves 8 MB of holes in the
heap. So what it gave is kept in a file beside the packed agent; jinja2 says whether it is of the same sources.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import marshal
from pathlib import Path
from types import CodeType

import jinja2
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

log = logging.getLogger(__name__)

_MARK = importlib.util.MAGIC_NUMBER + jinja2.__version__.encode()
"""What compiles them, and for which Python."""
_DIGEST_BYTES = 32


class CompiledTemplates(BytecodeCache):
    """What jinja2 asks for compiled templates. One code object of each serves every language."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}
        """By template and by its source."""
        self._kept: dict[str, bytes] = {}
        """What was read from the file, or is to be written to it; empty once the templates are there."""
        self._made = False
        """Whether something was compiled that the file lacked."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """As jinja2 asks for it."""
        place = bucket.key, bucket.checksum
        if place not in self._codes and bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])  # nothing, where it is of another source
            self._take(bucket)
        bucket.code = self._codes.get(place)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """As jinja2 hands it over."""
        self._kept[bucket.key], self._made = bucket.bytecode_to_string(), True
        self._take(bucket)

    def _take(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code

    def recall(self, file: Path) -> None:
        """Use what a start before kept there, if it is whole and was made by the same programs."""
        try:
            data = file.read_bytes()
        except OSError:
            return
        if data[:_DIGEST_BYTES] == _digest(data[_DIGEST_BYTES:]):
            self._kept = marshal.loads(data[_DIGEST_BYTES:])  # noqa: S302 - it is what we wrote

    def keep(self, file: Path | None) -> None:
        """Keep them there for the next start, unless nothing is new."""
        body, made = marshal.dumps(self._kept), self._made
        self._kept, self._made = {}, False
        if not made or file is None:
            return
        new = file.with_suffix(".new")
        try:
            new.write_bytes(_digest(body) + body)
            new.replace(file)
        except OSError as error:
            log.warning("compiled pages cannot be kept, the next start takes half a second more: %s", error)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(_MARK + body).digest()
