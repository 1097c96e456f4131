"""Reading back: what differs is named, nothing else is."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from cloned.core.laptop import VerdictKind
from cloned.core.verdict import judge
from cloned.disk.manifest import PIECE, Layer, Manifest, Plan

MIB = 1 << 20


@pytest.fixture
def manifest() -> Manifest:
    first = Layer(1, "sda1", "vfat", MIB, 40 * MIB, ((0, 3 * MIB),))
    second = Layer(2, "sda2", "ext4", 41 * MIB, 90 * MIB, ((0, PIECE), (2 * PIECE, 2 * PIECE + 5)))
    plan = Plan("label gpt\n", 512, 200 * MIB, bytes(440), None, (first, second))
    return Manifest("school", plan, tuple(sha256(bytes([n])).digest() for n in range(5)), 200 * MIB)


def test_a_perfect_copy(manifest: Manifest) -> None:
    found = judge(manifest, manifest.expected)
    assert (found.verdict, found.wrong, found.image_hash) == (VerdictKind.VERIFIED, (), manifest.image_hash)


def test_what_differs_is_named_by_partition_and_bytes(manifest: Manifest) -> None:
    pieces = list(manifest.pieces)
    pieces[2] = pieces[3] = sha256(b"other").digest()
    found = judge(manifest, replace(manifest.expected, pieces=tuple(pieces)))
    assert (found.verdict, found.wrong) == (VerdictKind.DIFFERS, (2, 3))
    [where] = found.differs
    assert (where.partition, where.first, where.last, where.pieces) == ("sda2", 2 * PIECE, 4 * PIECE - 1, 2)
    assert found.image_hash not in ("", manifest.image_hash)


def test_a_piece_that_cannot_be_read(manifest: Manifest) -> None:
    found = judge(manifest, replace(manifest.expected, pieces=(b"", *manifest.pieces[1:])))
    assert (found.verdict, found.wrong, found.image_hash) == (VerdictKind.UNREADABLE, (0,), "")


@pytest.mark.parametrize("change", [{"layout": "label dos\n"}, {"boot_code": bytes(32)}, {"gap": bytes(32)}])
def test_layout_boot_code_and_gap_count(manifest: Manifest, change: dict[str, object]) -> None:
    found = judge(manifest, replace(manifest.expected, **change))  # type: ignore[arg-type]
    assert found.verdict is VerdictKind.DIFFERS
    assert found.wrong == ()
    assert found.differs


def test_another_number_of_pieces_is_an_error(manifest: Manifest) -> None:
    with pytest.raises(ValueError, match="4 pieces"):
        judge(manifest, replace(manifest.expected, pieces=manifest.pieces[1:]))
