"""Templates are compiled once for all languages and starts; what was kept of other sources or programs, or is damaged,
is compiled again."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from cloned.status import compiled
from cloned.status.compiled import CompiledTemplates


def drawn(cache: CompiledTemplates, source: str, word: str = "you") -> str:
    """What a template gives in an environment of its own."""
    jinja = Environment(loader=DictLoader({"page": source}), bytecode_cache=cache, autoescape=True)
    jinja.globals["word"] = word
    return jinja.get_template("page").render()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every source that jinja2 compiles."""
    told, compile_it = [], Environment.compile

    def noted(self: Environment, source: str, *rest: object, **named: object) -> object:
        told.append(source)
        return compile_it(self, source, *rest, **named)

    monkeypatch.setattr(Environment, "compile", noted)
    return told


@pytest.fixture
def kept(tmp_path: Path, counted: list[str]) -> Path:
    """What a first start left."""
    first, place = CompiledTemplates(), tmp_path / "pages.bin"
    assert [drawn(first, "for {{ word }}", word) for word in ("you", "me")] == ["for you", "for me"]
    assert counted == ["for {{ word }}"]
    first.keep(place)
    counted.clear()
    return place


def next_start(place: Path, source: str = "for {{ word }}") -> str:
    """What the next one draws; it keeps what it had to compile."""
    cache = CompiledTemplates()
    cache.recall(place)
    said = drawn(cache, source)
    cache.keep(place)
    return said


def test_the_next_start_compiles_nothing_and_writes_nothing(kept: Path, counted: list[str]) -> None:
    before = kept.stat().st_mtime_ns
    assert next_start(kept) == "for you"
    assert (counted, kept.stat().st_mtime_ns) == ([], before)


def test_another_source_is_compiled_and_kept_in_its_place(kept: Path, counted: list[str]) -> None:
    assert [next_start(kept, "to {{ word }}") for _ in range(2)] == ["to you", "to you"]
    assert counted == ["to {{ word }}"]


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_what_is_damaged_is_compiled_again(kept: Path, counted: list[str], damage: bytes | None) -> None:
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage is None else damage)
    assert next_start(kept) == "for you"
    assert counted == ["for {{ word }}"]
    assert kept.read_bytes() == whole


def test_what_other_programs_compiled_is_compiled_again(
    kept: Path, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_MARK", b"another Python")
    assert next_start(kept) == "for you"
    assert counted == ["for {{ word }}"]


def test_where_nothing_can_be_kept_it_is_said_and_pages_are_drawn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert next_start(tmp_path / "not there" / "pages.bin") == "for you"
    assert "compiled pages cannot be kept" in caplog.text
