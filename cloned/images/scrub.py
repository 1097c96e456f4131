"""Proves stored images one after the other, so that a disk that rots is found before a session, not in it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from cloned.core.image_info import ImageInfo
from cloned.errors import ClonedError
from cloned.images.store import ImageStore
from cloned.json_data import JsonObject
from cloned.ownership import to_owner
from cloned.saying import Phrase, parts, sentence

log = logging.getLogger(__name__)

FILE = "proof.json"
"""Beside an image's manifest: its last proof."""


@dataclass(frozen=True)
class Proof:
    """What the last look at an image gave."""

    image: str
    at: float
    """Seconds since 1970."""
    damaged: int
    """Pieces that were missing or damaged."""
    why: str = ""

    def to_json(self) -> JsonObject:
        """As plain data."""
        return {"image": self.image, "at": self.at, "damaged": self.damaged, "why": self.why}


def kept(store: ImageStore, name: str) -> Proof | None:
    """The last proof of an image; None where there is none, or the image was taken in anew since: which proves it."""
    try:
        told = json.loads((store.root / name / FILE).read_bytes())
        proof = Proof(name, float(told["at"]), int(told["damaged"]), sentence(told["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return proof if proof.at * 1e9 >= store.written(name) else None


def keep(store: ImageStore, proof: Proof) -> None:
    """Lay a proof beside its image: another process, or the next daemon, knows of it then. A store that is not ours to
    write to, or has no room, has none."""
    path = store.root / proof.image / FILE
    draft = path.with_suffix(".new")
    with suppress(OSError), draft.open("w", encoding="utf-8") as file:
        json.dump({**proof.to_json(), "why": parts(proof.why)}, file)
        file.flush()
        to_owner(file.fileno(), store.root)
        draft.replace(path)


class Scrub:
    """Looks at every image once in `every` seconds; `busy` says when not to (a session is running)."""

    def __init__(
        self,
        store: ImageStore,
        every: float,
        busy: Callable[[], bool] = lambda: False,
        found: Callable[[Proof], Awaitable[None]] | None = None,
    ) -> None:
        self._store, self._every, self._busy, self._found = store, every, busy, found
        self.proofs = {name: proof for name in store.names() if (proof := kept(store, name)) is not None}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            image = self._next()
            if image is None or self._busy():
                await asyncio.sleep(min(60.0, self._every))
                continue
            self.proofs[image] = proof = await self.look(image)
            await asyncio.to_thread(keep, self._store, proof)
            if proof.damaged or proof.why:
                log.error("image %s: %s", image, proof.why)
                if self._found:
                    await self._found(proof)

    def health(self, images: Mapping[str, ImageInfo]) -> dict[str, tuple[bool, Proof | None]]:
        """Each image: whether it can be sent, and when it was proven last."""
        return {name: (not image.unusable, self._proof(name)) for name, image in images.items()}

    def _proof(self, name: str) -> Proof | None:
        """The last one, of the image as it is now: who imports it again proves it by that."""
        proof, written = self.proofs.get(name), self._store.written(name) / 1e9
        if proof is not None and proof.at >= written:
            return proof
        return Proof(name, written, 0) if written else None

    async def look(self, image: str) -> Proof:
        """Prove one image; damaged pieces are taken out, so that no session starts with them."""
        wrong: list[int] = []
        try:
            wrong = await self._store.verify(image)
            if wrong:
                files = await asyncio.to_thread(self._store.discard, image, wrong)
                why = Phrase(
                    "{count} {count:piece is|pieces are} damaged, the first is {files}: import the image again",
                    count=len(wrong),
                    files=files[0],
                )
                return Proof(image, time.time(), len(wrong), why)
        except ClonedError as error:
            return Proof(image, time.time(), 0, str(error))
        except OSError as error:  # where the store is not ours to write to: it is said, and the image not read again
            why = Phrase(
                "{count} {count:piece is|pieces are} damaged and cannot be taken out: {error}",
                count=len(wrong),
                error=error,
            )
            return Proof(image, time.time(), len(wrong), why)
        return Proof(image, time.time(), 0)

    def _next(self) -> str | None:
        """The image that was not looked at for longest, if it is due."""
        due = time.time() - self._every
        seen = {name: self._read_at(name) for name in self._store.names()}
        oldest = min(seen, key=lambda name: seen[name], default=None)
        return oldest if oldest is not None and seen[oldest] <= due else None

    def _read_at(self, name: str) -> float:
        """When an image was read; 0 where it was not since it was taken in."""
        proof = self.proofs.get(name)
        return proof.at if proof is not None and proof.at * 1e9 >= self._store.written(name) else 0.0
