"""The engine hears of images at once, and of damaged ones soon, without every piece being looked at all the time."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloned.core.workshop import Workshop
from cloned.images.store import ImageStore
from cloned.images.watch import ImageWatch
from tests.images import Disk, Part

pytestmark = pytest.mark.wire  # real programs


class Told:
    """An engine that keeps what it is told."""

    def __init__(self) -> None:
        self.workshop: Any = SimpleNamespace(images={})

    async def submit(self, event: Any) -> Workshop:
        images = dict(self.workshop.images)
        if event.kind == "image":
            images[event.image.name] = event.image
        else:
            del images[event.name]
        self.workshop = SimpleNamespace(images=images)
        return self.workshop  # type: ignore[no-any-return]


async def test_pieces_are_looked_at_only_when_a_manifest_is_new(
    store: ImageStore, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    check = store.check
    monkeypatch.setattr(store, "check", lambda name: (checked.append(name), check(name))[1])
    engine = Told()
    watch = ImageWatch(engine, store)  # type: ignore[arg-type]
    manifest = store.import_image(Disk([Part(1)]).write(memory / "one"))
    for _ in range(3):
        await watch.look()
    assert (set(engine.workshop.images), checked) == ({"one"}, ["one"])
    store.import_image(Disk([Part(1, seed=2)]).write(memory / "two"))
    await watch.look()
    assert (set(engine.workshop.images), checked) == ({"one", "two"}, ["one", "two"])
    lost = store.pieces.path(manifest.pieces[0])
    kept = lost.read_bytes()
    lost.unlink()
    await watch.look(everything=True)
    assert "missing" in engine.workshop.images["one"].unusable
    lost.write_bytes(kept)
    await watch.look()
    assert not engine.workshop.images["one"].unusable
    store.remove("two")
    await watch.look()
    assert set(engine.workshop.images) == {"one"}
