"""What the agent was started for: from its command line, or from the kernel's.

Imports next to nothing: this runs before the first sign of life of an old laptop.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from cloned.saying import Phrase

USAGE = 2
HELP = """usage: agent.pyz [--only-disk DEVICE [--facts FILE]] [--boot URL] [--gate URL]

Restores a disk as a `cloned` server orders. Runs only where the kernel command line has cloned.boot=URL, as the
live system's does, or with --only-disk, after which no other disk exists for it."""
REFUSAL = (
    "agent: this machine was not started from the network by cloned, so nothing here is touched "
    "(no cloned.boot=URL on the kernel command line, no --only-disk DEVICE)"
)


class OptionError(Exception):
    """Wrong usage; the message is one line for the person at the keyboard."""


class AgentOptions:
    """Where the server is, and what the agent may touch."""

    def __init__(
        self, boot: str, only_disk: str = "", facts: str = "", gate: str = "", boot_mac: str = "", want: str = ""
    ) -> None:
        self.host, self.port, self.token = split_boot(boot)
        self.only_disk = only_disk
        """The one disk that exists for the agent; empty in the live system."""
        self.facts = facts
        self.gate = gate
        self.boot_mac = boot_mac
        self.want = want
        """What was chosen in the boot menu: clone, capture, hardware, memtest, erase."""

    @property
    def live(self) -> bool:
        """Whether this is the live system on a laptop of flesh and blood."""
        return not self.only_disk


def parse(args: Sequence[str], kernel_line: str) -> AgentOptions:
    """Options from the command line (without the program's name) and the kernel's; UsageError if it must not run."""
    given = _pairs(args)
    words = kernel_words(kernel_line)
    if "cloned.boot" not in words and "--only-disk" not in given:
        raise OptionError(REFUSAL)
    if "--facts" in given and "--only-disk" not in given:
        raise OptionError("agent: --facts goes with --only-disk")
    boot = given.get("--boot") or words.get("cloned.boot", "")
    if not boot:
        raise OptionError("agent: say which server: --boot http://SERVER:PORT/TOKEN")
    gate = given.get("--gate") or words.get("cloned.gate", "")
    return AgentOptions(
        boot,
        given.get("--only-disk", ""),
        given.get("--facts", ""),
        gate,
        boot_mac(words),
        words.get("cloned.want", ""),
    )


def kernel_words(line: str) -> Mapping[str, str]:
    """The words of a kernel command line; those without a value have an empty one."""
    return {name: value for name, _, value in (word.partition("=") for word in line.split())}


def boot_mac(words: Mapping[str, str]) -> str:
    """The network card the firmware booted through: BOOTIF=01-aa-bb-… (PXELINUX's form)."""
    raw = words.get("BOOTIF", "").lower().replace("-", ":")
    return raw.removeprefix("01:") if len(raw) == len("01:") + 17 else raw


def split_boot(url: str) -> tuple[str, int, str]:
    """http://SERVER:PORT/TOKEN as its three parts; UsageError if it is nothing of the kind."""
    scheme, _, rest = url.partition("://")
    address, _, token = rest.partition("/")
    host, _, port = address.rpartition(":") if ":" in address else (address, "", "80")
    if scheme != "http" or not host or not port.isdigit() or not token:
        raise OptionError(Phrase("agent: {url} is not http://SERVER:PORT/TOKEN", url=repr(url)))
    return host, int(port), token


def _pairs(args: Sequence[str]) -> dict[str, str]:
    known = ("--only-disk", "--boot", "--gate", "--facts")
    given: dict[str, str] = {}
    rest = list(args)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in ("-h", "--help"):
            raise OptionError(HELP)
        if name not in known or not (equals or rest):
            raise OptionError(Phrase("agent: {name} is not understood; see --help", name=repr(name)))
        given[name] = value if equals else rest.pop(0)
    return given


def kernel_line() -> str:
    """The running kernel's command line."""
    with open("/proc/cmdline", encoding="ascii", errors="replace") as file:
        return file.read()


def complain(error: OptionError) -> int:
    """Print one line in the workshop's language and return the exit status for wrong usage."""
    from cloned.agent.spoken import drawable, say  # only where nothing runs

    asked = str(error) == HELP
    print(drawable(say(error.args[0])), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else USAGE
