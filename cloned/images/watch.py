"""Tells the engine which images the store holds, and when one changes or turns out to be damaged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection

from cloned.core.events import ImageGone, ImageInfo, ImageKnown
from cloned.core.secure_boot import BootLoader
from cloned.disk.layout import LayoutError
from cloned.disk.lvm_map import check_places
from cloned.disk.manifest import GAP_LAYER, Plan
from cloned.engine import Engine
from cloned.errors import ImageError
from cloned.images.store import ImageStore

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
"""Seconds between looks at the manifests; another process may import."""
CHECK_SECONDS = 300.0
"""Seconds between looks at every piece of every image, which costs a stat each."""


class ImageWatch:
    """Compares the store with what the engine knows."""

    def __init__(self, engine: Engine, store: ImageStore, classic: Collection[str] = ()) -> None:
        """`classic` names images that go through classic sessions by somebody's wish."""
        self._engine, self._store, self._classic = engine, store, classic
        self._last: dict[str, tuple[int, ImageInfo]] = {}
        """Name to the time its manifest was written (ns), and what was found then."""
        self._signers: dict[str, tuple[BootLoader, ...]] = {}
        self._checked = float("-inf")

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self, *, everything: bool = False) -> None:
        """Submit what changed since the engine last heard; with `everything` look at every piece now."""
        if everything or time.monotonic() - self._checked >= CHECK_SECONDS:
            self._last, self._checked = {}, time.monotonic()
        found = await asyncio.to_thread(self._read)
        known = self._engine.workshop.images
        for image in found.values():
            if known.get(image.name) != image:
                log.info("image %s: %s", image.name, image.unusable or image.image_hash)
                await self._engine.submit(ImageKnown(image))
        for name in set(known) - set(found):
            await self._engine.submit(ImageGone(name))

    def _read(self) -> dict[str, ImageInfo]:
        """What the store holds; only images whose manifest is new are looked at closely."""
        found: dict[str, tuple[int, ImageInfo]] = {}
        for name in self._store.names():
            written, before = self._store.written(name), self._last.get(name)
            same = before is not None and before[0] == written and not before[1].unusable
            found[name] = before if before is not None and same else (written, self._info(name))
        self._last = found
        return {name: info for name, (_, info) in found.items()}

    def _info(self, name: str) -> ImageInfo:
        """An image as decisions need it; a damaged one is known, and known to be unusable."""
        try:
            manifest = self._store.manifest(name)
            self._store.check(name)
        except ImageError as error:
            before = self._engine.workshop.images.get(name)
            image_hash = before.image_hash if before is not None else ""
            return ImageInfo(name, image_hash, 0, 0, unusable=str(error))
        plan = manifest.plan
        classic = plan.classic or name in self._classic
        return ImageInfo(
            name=name,
            image_hash=manifest.image_hash,
            used=plan.map.used,
            min_size=plan.min_size,
            sector_size=plan.sector_size,
            classic=classic,
            unusable=self._unusable(name, plan) if classic else "",
            streams=sum(layer.name != GAP_LAYER for layer in plan.layers),
            boot=self._store.boot_entries(name),
            warnings=tuple(self._store.warnings(name)),
            loaders=self._loaders(name, manifest.image_hash),
        )

    def _loaders(self, name: str, image_hash: str) -> tuple[BootLoader, ...]:
        """Who signed its boot loaders: looked at once, for an image of one hash has one content."""
        before = self._signers.get(image_hash)
        found = self._store.loaders(name) if before is None else before
        self._signers = {**self._signers, image_hash: found}
        return found

    def _unusable(self, name: str, plan: Plan) -> str:
        """Why a classic session cannot send an image, or nobody could read it back; empty if all is well."""
        try:
            self._store.saved_parts(name)
            check_places(plan)
            return self._store.unsendable(name)
        except (ImageError, LayoutError) as error:
            return str(error)
