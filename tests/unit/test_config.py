"""The configuration: the example shows every key, and mistakes are told all at once, with lines."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from cloned.assets import root
from cloned.config import Config
from cloned.config_file import load, parse
from cloned.destinations import KINDS
from cloned.errors import Exit, UsageError

EXAMPLE = (root("systemd") / "cloned.toml.example").read_text()


def uncommented() -> str:
    """The example with every key and table switched on."""
    return re.sub(r"^# (?=\[|[a-z_0-9]+ = )", "", EXAMPLE, flags=re.MULTILINE)


def parts(annotation: object) -> list[object]:
    """A type and all that it is made of."""
    return [annotation, *(each for inner in typing.get_args(annotation) for each in parts(inner))]


def models(model: type[BaseModel]) -> set[type[BaseModel]]:
    found = {model}
    for field in model.model_fields.values():
        for part in parts(field.annotation):
            if isinstance(part, type) and not isinstance(part, types.GenericAlias) and issubclass(part, BaseModel):
                found |= models(part)
    return found


def test_the_example_is_all_defaults() -> None:
    assert parse(EXAMPLE) == Config()


def test_the_example_with_everything_switched_on_is_understood() -> None:
    config = parse(uncommented())
    assert config.switch[0].address == "192.168.77.2"
    assert {sink.type for sink in config.sink} == set(KINDS)


@pytest.mark.parametrize("model", sorted(models(Config) - {Config}, key=lambda each: each.__name__))
def test_the_example_shows_every_key(model: type[BaseModel]) -> None:
    text = uncommented()
    assert not [
        name
        for name in model.model_fields
        if not re.search(rf"^\[*\w*\.?{name}\b", text, re.MULTILINE) and f".{name}]" not in text
    ]


def test_every_mistake_is_told_with_its_line() -> None:
    text = '[sessions]\nports = 0\n\n[page]\ncolour = "red"\n\n[[sink]]\nname = "a"\ntype = "webhook"\n'
    with pytest.raises(UsageError) as caught:
        parse(text, "x.toml")
    told = str(caught.value)
    assert "x.toml:2: sessions.ports" in told
    assert "x.toml:5: page.colour: there is no such key" in told
    assert "x.toml:7: sink[0]: sink a: a webhook needs url" in told
    assert caught.value.exit is Exit.USAGE


def test_secrets_are_not_repeated_in_errors() -> None:
    with pytest.raises(UsageError) as caught:
        parse('[[switch]]\naddress = 5\ncommunity = "hush"\nv3_auth_key = ["hush"]\n')
    assert "hush" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothere\.toml"):
        load(tmp_path / "nothere.toml")


def test_broken_toml_names_the_line() -> None:
    with pytest.raises(UsageError, match="line 2"):
        parse("[page]\nport =\n", "x.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[triage.rule]]\nname = "a"\n', "triage.rule[0]: rule a has no condition"),
        ('[[triage.rule]]\nname = "a"\ndisk = "odd"\n', "x.toml:3: triage.rule[0].disk"),
        ('[[triage.rule]]\nname = "a"\ncamera = "perhaps"\n', "x.toml:3: triage.rule[0].camera"),
        ('[triage]\nwithout = ["nosuch"]\n', "no rule that ships is called nosuch"),
        ("[sessions]\nconfirmation_hours = nan\n", "x.toml:2: sessions.confirmation_hours"),
        ("[sessions]\nconfirmation_hours = inf\n", "x.toml:2: sessions.confirmation_hours"),
        ("[sessions]\nheadway_seconds = 99999999999\n", "x.toml:2: sessions.headway_seconds"),
        ("[images]\nverify_hours = inf\n", "x.toml:2: images.verify_hours"),
        ('[[images.rule]]\nimage = "a"\nmin_disk_gb = -inf\n', "x.toml:3: images.rule[0].min_disk_gb"),
        ('[[images.rule]]\nimage = "a"\nmin_disk_gb = 5\nmax_disk_gb = 4\n', "max_disk_gb (4.0) is below"),
        ('[boot]\nkernel_parameters = "quiet\\ninit=/bin/sh"\n', "x.toml:2: boot.kernel_parameters"),
        ('[[boot.model]]\nkernel_parameters = "a\\u0000b"\n', "x.toml:2: boot.model[0].kernel_parameters"),
        ('[[boot.model]]\nconsole = "wide"\n', "x.toml:2: boot.model[0].console"),
        ('[page]\ntokens = { desk = "secret-token" }\n', "x.toml:2: page.tokens: the SHA-256 of the token of desk"),
        ('[page]\nurl = "cloned.example.org"\n', "x.toml:2: page.url: a URL that begins with http"),
        ('[page]\nurl = "http://:80"\n', "x.toml:2: page.url"),
        ('[page]\nhosts = ["http://cloned"]\n', "x.toml:2: page.hosts: names of hosts"),
        ('[page]\naddress = "everywhere"\n', "x.toml:2: page.address: an IP address"),
        ('[network]\ninterfaces = ["a/b"]\n', "x.toml:2: network.interfaces"),
        (
            '[[dhcp.lease]]\ninterface = "e"\nfirst = "10.0.0.2"\nlast = "10.0.0.9"\nseconds = 99999999999\n',
            "x.toml:5: dhcp.lease[0].seconds",
        ),
        ("[page]\nport =\n", "x.toml:2:"),
        ('[[sink]]\nname = "a"\ntype = "webhook"\nurl = "hooks/secret-token"\nsecret = "x"\n', "url begins with http"),
        (
            '[[sink]]\nname = "a"\ntype = "webhook"\nurl = "http://host:99999/secret-token"\nsecret = "x"\n',
            "url begins with http",
        ),
        (
            '[[sink]]\nname = "a"\ntype = "webhook"\nurl = "http://a..b/secret-token"\nsecret = "x"\n',
            "url begins with http",
        ),
        (
            '[[sink]]\nname = "a"\ntype = "webhook"\nurl = "http://host:0/secret-token"\nsecret = "x"\n',
            "url begins with http",
        ),
        (
            '[[sink]]\nname = "a"\ntype = "webhook"\nurl = "http://ho st/secret-token"\nsecret = "x"\n',
            "url begins with http",
        ),
        (
            '[[sink]]\nname = "a"\ntype = "webhook"\nurl = "http://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example/secret-token"\nsecret = "x"\n',
            "url begins with http",
        ),
        ('[[switch]]\naddress = "a"\n[[switch]]\naddress = "a"\n', "two [[switch]] called a"),
    ],
)
def test_what_could_not_work_is_told_before_it_does_not(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "x.toml")
    assert told in str(caught.value)
    assert "secret-token" not in str(caught.value)
    assert caught.value.exit is Exit.USAGE


def test_no_nesting_of_a_file_makes_us_stumble() -> None:
    with pytest.raises(UsageError):
        parse("a = " + "[" * 100_000, "x.toml")


def test_a_byte_that_is_no_utf_8_is_told_with_its_line(tmp_path):
    path = tmp_path / "cloned.toml"
    path.write_bytes(b'[workshop]\nlanguage = "nl"\nname = "caf\xe9"\n')
    with pytest.raises(UsageError) as told:
        load(path)
    assert told.value.message == f"{path}:3: the byte 0xe9 is no UTF-8"
