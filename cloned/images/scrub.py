"""Proves stored images one after the other, so that a disk that rots is found before a session, not in it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cloned.core.image_info import ImageInfo
from cloned.errors import ClonedError
from cloned.images.store import ImageStore
from cloned.json_data import JsonObject
from cloned.saying import Phrase

log = logging.getLogger(__name__)


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
        self.proofs: dict[str, Proof] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            image = self._next()
            if image is None or self._busy():
                await asyncio.sleep(min(60.0, self._every))
                continue
            self.proofs[image] = proof = await self.look(image)
            if proof.damaged or proof.why:
                log.error("image %s: %s", image, proof.why)
                if self._found:
                    await self._found(proof)

    def health(self, images: Mapping[str, ImageInfo]) -> dict[str, tuple[bool, Proof | None]]:
        """Each image: whether it can be sent, and when it was proven last."""
        return {name: (not image.unusable, self.proofs.get(name)) for name, image in images.items()}

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
        seen = {name: self.proofs[name].at if name in self.proofs else 0.0 for name in self._store.names()}
        oldest = min(seen, key=lambda name: seen[name], default=None)
        return oldest if oldest is not None and seen[oldest] <= due else None
