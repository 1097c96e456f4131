"""Stored images are proven again and again."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cloned.core.image_info import ImageInfo
from cloned.errors import ImageError
from cloned.images.scrub import Proof, Scrub, keep, kept
from cloned.images.store import ImageStore
from cloned.saying import Phrase
from tests.images import Disk, Part
from tests.waiting import until

pytestmark = pytest.mark.wire  # real programs


async def test_rot_is_found_and_repaired(store: ImageStore, memory: Path) -> None:
    source = Disk([Part(1)]).write(memory / "image")
    manifest = store.import_image(source)
    store.import_image(Disk([Part(1, seed=2)]).write(memory / "sound"))
    rotten = store.pieces.path(manifest.pieces[0])
    rotten.write_bytes(rotten.read_bytes()[:-1] + b"x")
    store.check("image")
    found: list[Proof] = []
    idle = asyncio.Event()

    async def note(proof: Proof) -> None:
        found.append(proof)

    def busy() -> bool:
        if len(scrub.proofs) == 2:
            idle.set()
        return idle.is_set()

    scrub = Scrub(store, 0, busy, note)
    task = asyncio.create_task(scrub.run())
    await asyncio.wait_for(idle.wait(), 10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [(proof.image, proof.damaged) for proof in found] == [("image", 1)]
    assert not scrub.proofs["sound"].damaged
    with pytest.raises(ImageError, match="is missing"):
        store.check("image")
    store.import_image(source)
    store.check("image")


async def test_not_while_busy(store: ImageStore, memory: Path) -> None:
    store.import_image(Disk([Part(1)]).write(memory / "image"))
    asked: list[bool] = []
    scrub = Scrub(store, 0.01, busy=lambda: not asked.append(True))
    task = asyncio.create_task(scrub.run())
    await until(lambda: len(asked) > 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert scrub.proofs == {}


async def test_what_is_damaged_and_not_ours_to_take_out_is_said_once(
    store: ImageStore, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = store.import_image(Disk([Part(1)]).write(memory / "image"))
    store.pieces.path(manifest.pieces[0]).write_bytes(b"x")

    def refused(name: str, pieces: list[int]) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(store.pieces.path(manifest.pieces[0])))

    monkeypatch.setattr(store, "discard", refused)
    proof = await Scrub(store, 3600).look("image")
    assert (proof.damaged, "Permission denied" in proof.why) == (1, True)


async def test_a_proof_is_known_to_the_next_daemon_until_the_image_is_taken_in_anew(
    store: ImageStore, memory: Path
) -> None:
    source = Disk([Part(1)]).write(memory / "image")
    manifest = store.import_image(source)
    assert kept(store, "image") is None
    whole = await Scrub(store, 1e6).look("image")
    keep(store, whole)
    assert kept(store, "image") == whole
    assert Scrub(store, 1e6)._next() is None  # it was read a moment ago
    rotten = store.pieces.path(manifest.pieces[0])
    rotten.write_bytes(rotten.read_bytes()[:-1] + b"x")
    patrol = Scrub(store, 0)
    patrol.proofs["image"] = damaged = await patrol.look("image")
    keep(store, damaged)
    assert isinstance(damaged.why, Phrase)
    assert kept(store, "image") == damaged
    told = patrol.health({"image": ImageInfo("image", "", 0, 0)})["image"][1]
    assert told is not None
    assert told.damaged == 1
    store.import_image(source)  # which proves it
    assert kept(store, "image") is None
    told = patrol.health({"image": ImageInfo("image", "", 0, 0)})["image"][1]
    assert told is not None
    assert not told.damaged
    assert told.at == pytest.approx(time.time(), abs=60)
    assert patrol._next() == "image"


def test_what_stands_in_a_proof_s_place_is_none(store: ImageStore, memory: Path) -> None:
    store.import_image(Disk([Part(1)]).write(memory / "image"))
    for text in ("", "[]", "{}", '{"at": "x"}', '{"at": 9e99, "damaged": [], "why": ""}'):
        (store.root / "image" / "proof.json").write_text(text)
        assert kept(store, "image") is None
