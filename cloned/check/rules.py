"""Triage rules: whether they can all be meant, and name images that there are."""

from __future__ import annotations

from collections.abc import Iterator

from cloned.check.findings import Said, ok, warned
from cloned.config import Config
from cloned.errors import ClonedError
from cloned.images.store import ImageStore
from cloned.saying import Phrase


def triage(config: Config) -> Iterator[Said | ClonedError]:
    """Rules that contradict each other or themselves, and images that are not in the store."""
    rules, doubts = config.triage.rules(), config.triage.doubts()
    for doubt in doubts:
        yield ClonedError(Phrase("[[triage.rule]] {doubt}", doubt=doubt), "change one of them, or take it out")
    names = ImageStore(config.workshop.state / "images").names()
    lacking = [rule for rule in rules if rule.image and rule.image not in names]
    for rule in lacking:
        yield warned(
            Phrase("[[triage.rule]] {name}: there is no image {image}", name=rule.name, image=rule.image),
            "import it, or name another",
        )
    if not doubts and not lacking:
        yield ok(Phrase("{count} {count:rule|rules}, none against another", count=len(rules)))
