import pytest

from cloned.agent import spoken
from cloned.agent.options import HELP, REFUSAL, AgentOptions, OptionError, complain, parse, split_boot
from cloned.languages import language

BOOT = "cloned.boot=http://192.0.2.1:8069/abc"


def refused(args: list[str], line: str = "") -> str:
    with pytest.raises(OptionError) as error:
        parse(args, line)
    return str(error.value)


def test_the_kernel_line_says_it_all() -> None:
    options = parse([], f"BOOT_IMAGE=vmlinuz {BOOT} cloned.gate=http://192.0.2.1/g BOOTIF=01-52-54-00-AA-bb-cc quiet\n")
    assert (options.host, options.port, options.token) == ("192.0.2.1", 8069, "abc")
    assert (options.gate, options.boot_mac, options.live) == ("http://192.0.2.1/g", "52:54:00:aa:bb:cc", True)


def test_one_disk_and_no_other() -> None:
    options = parse(["--only-disk", "/dev/loop3", "--boot=http://h/t", "--facts", "f.json"], "")
    assert (options.only_disk, options.facts, options.port, options.live) == ("/dev/loop3", "f.json", 80, False)


def test_a_normal_machine_is_refused() -> None:
    assert refused([], "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet") == REFUSAL
    assert refused(["--boot", "http://h/t"]) == REFUSAL
    assert "\n" not in REFUSAL


def test_wrong_usage_is_one_line() -> None:
    assert "server" in refused(["--only-disk", "/dev/loop0"])
    assert "--facts goes with" in refused(["--facts", "x"], BOOT)
    assert "--foo" in refused(["--foo"], BOOT)
    assert "--boot" in refused(["--boot"], BOOT)


@pytest.mark.parametrize("url", ["", "http://", "http://h", "http://h/", "ftp://h/t", "https://h/t", "http://h:x/t"])
def test_a_boot_url_has_three_parts(url: str) -> None:
    with pytest.raises(OptionError):
        split_boot(url)


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert complain(OptionError(HELP)) == 0
    assert complain(OptionError("no")) == 2
    out, err = capsys.readouterr()
    assert (out.startswith("usage"), err) == (True, "no\n")


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_help_and_refusal_are_in_the_workshops_language(
    code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoken, "_PACKED", {text: language(code).say(text) for text in (HELP, REFUSAL)})
    assert complain(OptionError(HELP)) == 0
    assert complain(OptionError(REFUSAL)) == 2
    out, err = capsys.readouterr()
    assert (out.split()[0], err.split()[0]) == (
        {"nl": "gebruik:", "fr": "usage"}[code],
        {"nl": "agent:", "fr": "agent"}[code],
    )
    for word in ("agent.pyz", "--only-disk", "cloned.boot=URL"):
        assert word in out
    assert "touched" not in err
    assert "--only-disk" in err


def test_a_mac_without_a_hardware_type_is_taken_too() -> None:
    assert AgentOptions("http://h/t").boot_mac == ""
    assert parse([], f"{BOOT} BOOTIF=52-54-00-00-00-01").boot_mac == "52:54:00:00:00:01"
