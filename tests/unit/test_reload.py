"""What a changed configuration changes at once, and what waits for a restart."""

from __future__ import annotations

import pytest

from cloned.config import Config
from cloned.reload import at_once, changed, merged


def config(**sections: object) -> Config:
    return Config.model_validate(sections)


@pytest.mark.parametrize(
    ("sections", "key", "now"),
    [
        ({"sessions": {"confirm": "auto", "image": "school"}}, "sessions.confirm", True),
        ({"images": {"rule": [{"image": "school"}]}}, "images.rule", True),
        ({"finish": {"grow": False}}, "finish.grow", True),
        ({"page": {"port": 8081}}, "page.port", False),
        ({"network": {"interfaces": ["eth7"]}}, "network.interfaces", False),
        ({"switch": [{"address": "10.0.0.2"}]}, "switch", False),
    ],
)
def test_each_key_is_named_and_known_to_wait_or_not(sections: dict[str, object], key: str, now: bool) -> None:
    old, new = config(), config(**sections)
    assert key in changed(old, new)
    assert at_once(key) is now
    after = merged(old, new)
    assert (key in changed(old, after)) is now
    assert changed(merged(after, old), old) == []


def test_nothing_changed_is_nothing() -> None:
    assert changed(config(), config()) == []


def test_part_of_a_section_is_taken_and_the_rest_waits() -> None:
    old, new = config(), config(sessions={"image": "school", "ports": 3})
    after = merged(old, new)
    assert (after.sessions.image, after.sessions.ports) == ("school", old.sessions.ports)
