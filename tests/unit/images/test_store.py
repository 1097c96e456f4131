"""Importing, proving, exporting and removing, with images written by tests/images.py."""

import asyncio
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from cloned.disk.layout import Layout
from cloned.errors import ClonedError, ImageError, UsageError
from cloned.images.export import export
from cloned.images.manifest import StoppedError, WorkProgress
from cloned.images.saved import read_image
from cloned.images.store import ImageStore
from tests.images import BIG, Disk, Part

pytestmark = pytest.mark.wire  # real programs


def tree(path: Path) -> dict[str, int]:
    return {
        str(one.relative_to(path)): one.stat().st_size
        for one in path.rglob("*")
        if one.is_file() and one.name != ".lock"
    }


def used_bytes(store: ImageStore, name: str) -> list[bytes]:
    manifest, first, found = store.manifest(name), 0, []
    for layer in manifest.plan.layers:
        pieces = manifest.pieces[first : first + layer.piece_count]
        found.append(b"".join(store.pieces.data(piece) for piece in pieces))
        first += layer.piece_count
    return found


def test_import(store: ImageStore, memory: Path) -> None:
    disk = Disk([Part(1, used=BIG), Part(2, kind="dd", blocks=600, comp="gz", fs="dd")])
    seen: list[WorkProgress] = []
    manifest = store.import_image(disk.write(memory / "school"), progress=seen.append)
    assert store.names() == ["school"]
    assert used_bytes(store, "school") == [disk.parts[0].data, disk.parts[1].stream()]
    assert Layout.parse(manifest.plan.layout) == disk.layout
    assert manifest.plan.boot_code == b"\xebboot".ljust(440, b"\x90")
    assert manifest.plan.gap is None
    assert [list(layer.extents) for layer in manifest.plan.layers] == [
        [(0, 4 * 4096), (100 * 4096, 1100 * 4096), (2040 * 4096, 8 * 4096)],
        [(0, 600 * 4096)],
    ]
    assert seen[-1].done == seen[-1].total
    store.check("school")
    assert store.verify_image("school") == []
    assert ImageStore(store.root).manifest("school") == manifest
    assert store.details("school")["used"] == (1112 + 600) * 4096


@pytest.mark.wire  # runs real compressors, one after the other
@pytest.mark.parametrize(
    "part",
    [
        Part(1, comp="gz"),
        Part(1, comp="bz2"),
        Part(1, comp="xz"),
        Part(1, comp="uncomp"),
        Part(1, split=100_000, used=BIG),
        Part(1, kind="v1"),
        Part(1, kind="v1-wide"),
        Part(1, kind="v2-plain", used=BIG),
        Part(1, strip=1),
        Part(1, strip=10000),
        Part(1, kind="v1", used=((5, 1),)),
        Part(1, kind="v1-wide", used=((5, 1),)),
        Part(1, used=()),
        Part(1, block_size=512, blocks=9, used=((0, 9),)),
        Part(1, used=((0, 2048),)),
    ],
    ids=lambda part: f"{part.kind}-{part.comp}-{part.strip}-{len(part.used)}-{part.split}",
)
def test_kinds_of_streams(part: Part, store: ImageStore, memory: Path) -> None:
    store.import_image(Disk([part]).write(memory / "one"))
    assert used_bytes(store, "one") == [part.data]


def test_the_hash_does_not_depend_on_how_it_was_saved(store: ImageStore, memory: Path) -> None:
    hashes = set()
    for number, kind in enumerate(("v1", "v2", "v2-plain")):
        disk = Disk([Part(1, kind=kind, comp="uncomp" if number else "gz")], sums=())
        hashes.add(store.import_image(disk.write(memory / f"image{number}")).image_hash)
    assert len(hashes) == 1


def test_mbr_with_gap(store: ImageStore, memory: Path) -> None:
    disk = Disk([Part(1), Part(2)], label="dos")
    manifest = store.import_image(disk.write(memory / "old"))
    assert manifest.plan.gap == b"stage 1.5".ljust(62 * 512, b"\0")
    assert Layout.parse(manifest.plan.layout) == disk.layout


def test_shared_pieces_are_stored_once_and_kept(store: ImageStore, memory: Path) -> None:
    first = store.import_image(Disk([Part(1, used=BIG), Part(2, seed=2)]).write(memory / "first"))
    store.import_image(Disk([Part(1, used=BIG)]).write(memory / "second"))
    count = len(list(store.pieces.all()))
    assert count == len(set(first.pieces))
    assert store.remove("first") > 0
    store.check("second")
    assert store.verify_image("second") == []
    assert store.remove("second") > 0
    assert tree(store.root) == {}


def test_export_gives_the_streams_back(store: ImageStore, memory: Path) -> None:
    raw = Part(2, kind="dd", fs="dd", blocks=100)
    disk = Disk([Part(1, strip=7, used=BIG), raw, Part(3, kind="v2-plain", comp="gz")])
    store.import_image(disk.write(memory / "image"))
    out = export(store, "image", memory / "out")
    assert (out / "disk").read_text() == "sda\n"
    again = ImageStore(memory / "again")
    assert again.import_image(out).image_hash == store.manifest("image").image_hash
    origin = {part["name"]: part["header"] for part in again.origin("out")["parts"]}
    assert origin == {part["name"]: part["header"] for part in store.origin("image")["parts"]}
    with pytest.raises(UsageError):
        export(store, "image", out)


@pytest.mark.parametrize("keep", ["copy", "link"])
def test_kept_files_export_exactly(keep: str, store: ImageStore, memory: Path) -> None:
    source = Disk().write(memory / "image")
    store.import_image(source, keep=keep)  # type: ignore[arg-type]
    assert store.original("image") == store.root / "image" / "clonezilla"
    out = export(store, "image", memory / "out")
    assert tree(out) == tree(source)


def test_same_image_again_repairs(store: ImageStore, memory: Path) -> None:
    source = Disk().write(memory / "image")
    manifest = store.import_image(source)
    rotten = store.pieces.path(manifest.pieces[0])
    data = bytearray(rotten.read_bytes())
    data[len(data) // 2] ^= 1
    rotten.write_bytes(data)
    store.check("image")
    assert store.verify_image("image") == [0]
    assert store.damaged_files("image", [0]) == [rotten]
    store.pieces.path(manifest.pieces[1]).unlink()
    with pytest.raises(ImageError, match=manifest.pieces[1].hex()):
        store.check("image")
    store.import_image(source)
    assert store.verify_image("image") == []
    store.check("image")


def test_another_image_of_that_name_is_refused(store: ImageStore, memory: Path) -> None:
    store.import_image(Disk().write(memory / "image"))
    before = tree(store.root)
    with pytest.raises(UsageError, match="another image"):
        store.import_image(Disk([Part(1, seed=9)]).write(memory / "other"), name="image")
    assert tree(store.root) == before


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\nb", "-x", ".x", "x" * 65, "a b", "$(x)", "ü"])
def test_evil_names_of_images(name: str, store: ImageStore, memory: Path) -> None:
    source = Disk([Part(1)]).write(memory / "image")
    with pytest.raises(UsageError):
        store.import_image(source, name=name)
    with pytest.raises(ImageError):
        store.manifest(name)
    assert not store.root.exists()


def test_stop_and_take_up_again(store: ImageStore, memory: Path) -> None:
    source = Disk([Part(1), Part(2, seed=2), Part(3, seed=3)]).write(memory / "image")
    seen: list[str] = []

    def stop() -> bool:
        return "sda3" in seen

    with pytest.raises(StoppedError):
        store.import_image(source, progress=lambda step: seen.append(step.part), should_stop=stop)
    assert store.names() == []
    (source / "sda1.ext4-ptcl-img.zst").touch()
    first = read_image(source).parts[0].files[0]
    os.utime(first, ns=(5, 5))
    seen.clear()
    manifest = store.import_image(source, progress=lambda step: seen.append(step.part))
    assert manifest.image_hash == ImageStore(memory / "fresh").import_image(source).image_hash
    assert not (store.root / ".incoming" / "image").exists()


def test_tidy_removes_what_nobody_uses(store: ImageStore, memory: Path) -> None:
    source = Disk([Part(1), Part(2, seed=2)]).write(memory / "image")
    seen: list[str] = []
    with pytest.raises(StoppedError):
        store.import_image(source, progress=lambda step: seen.append(step.part), should_stop=lambda: "sda2" in seen)
    assert list(store.pieces.all())
    assert store.tidy() > 0
    assert tree(store.root) == {}


def test_a_stopped_import_can_be_given_up(store: ImageStore, memory: Path) -> None:
    """What others share or have noted stays."""

    def stopped(name: str, seeds: tuple[int, ...]) -> None:
        source = Disk([Part(number, seed=seed) for number, seed in enumerate(seeds, 1)]).write(memory / name)
        seen: list[str] = []
        with pytest.raises(StoppedError):
            store.import_image(source, progress=lambda step: seen.append(step.part), should_stop=lambda: "sda2" in seen)

    store.import_image(Disk([Part(1)]).write(memory / "whole"))
    whole = set(store.pieces.all())
    stopped("other", (5, 6))
    kept = set(store.pieces.all())
    stopped("image", (1, 2))
    stopped("third", (7, 8))
    assert store.remove("third") > 0
    with pytest.raises(ImageError, match="no image"):
        store.remove("third")
    store.abandon("image")
    assert whole < set(store.pieces.all()) <= kept
    assert store.verify_image("whole") == []
    assert [path.name for path in (store.root / ".incoming").iterdir()] == ["other"]


def test_one_writer_at_a_time(store: ImageStore, memory: Path) -> None:
    source = Disk([Part(1)]).write(memory / "image")

    def nested(_: WorkProgress) -> None:
        with pytest.raises(ClonedError, match="another import"):
            ImageStore(store.root).tidy()

    store.import_image(source, progress=nested)


async def test_async_import_and_verify(store: ImageStore, memory: Path) -> None:
    manifest = await store.import_directory(Disk().write(memory / "image"), "other-name")
    assert manifest.name == "other-name"
    assert await store.verify("other-name") == []


async def test_a_proof_can_be_stopped(store: ImageStore, memory: Path) -> None:
    """Cancelling does not wait for the rest: a daemon that ends would hang on it."""
    parts = [Part(number, seed=number, used=BIG) for number in (1, 2, 3)]
    store.import_image(Disk(parts).write(memory / "image"))
    looked: list[bytes] = []
    data, begun, go = store.pieces.data, threading.Event(), threading.Event()

    def slow(digest: bytes) -> bytes:
        looked.append(digest)
        begun.set()
        go.wait(10)
        return data(digest)

    store.pieces.data = slow  # type: ignore[method-assign]
    work = asyncio.create_task(store.verify("image"))
    await asyncio.to_thread(begun.wait, 10)
    work.cancel()
    asyncio.get_running_loop().call_later(0.2, go.set)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert len(looked) <= (os.cpu_count() or 1)
    with pytest.raises(StoppedError):
        store.verify_image("image", should_stop=lambda: True)
    assert ImageStore(store.root).verify_image("image") == []


def test_a_changed_manifest_is_noticed(store: ImageStore, memory: Path) -> None:
    store.import_image(Disk([Part(1)]).write(memory / "image"))
    path = store.root / "image" / "manifest.json"
    data = json.loads(path.read_text())
    data["plan"]["layers"][0]["extents"][0] += 4096
    path.write_text(json.dumps(data))
    with pytest.raises(ImageError, match=r"manifest\.json"):
        ImageStore(store.root).check("image")


def test_no_image(store: ImageStore) -> None:
    assert store.names() == []
    with pytest.raises(ImageError, match="no image"):
        store.check("nothing")


def test_old_dump_takes_the_id_from_the_mbr(memory: Path) -> None:
    disk = Disk([Part(1)], label="dos", swap=False, sums=())
    path = disk.write(memory / "image")
    (path / "sda-pt.sf").write_text(
        "# partition table of /dev/sda\nunit: sectors\n\n/dev/sda1 : start=     2048, size=    16384, Id=83\n"
    )
    (path / "sda-mbr").write_bytes(bytes(440) + bytes.fromhex("10dc0ec1") + bytes(66) + b"\x55\xaa")
    assert read_image(path).layout == disk.layout
    shutil.rmtree(path)
