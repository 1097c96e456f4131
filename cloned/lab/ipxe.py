"""As much of iPXE's script language as boot scripts use, for thin laptops. Pure: who runs it fetches.

Commands, `||` and `&&`, labels and `goto`, settings with `${name}` and `${name:uristring}`, menus that
take their default unless somebody stands there who chooses. What it does not know is an error, as in iPXE.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin

MAGIC = "#!ipxe"
_STEPS = 2_000


class ScriptError(Exception):
    """The script cannot go on; the words are what iPXE would print."""


class ScriptExit(ScriptError):  # noqa: N818 - it is how a script may end
    """The script ended with `exit N`: iPXE gives up, and the firmware goes on with the laptop's own disk."""


@dataclass(frozen=True)
class ScriptEnd:
    """How a script ended."""

    kernel: str = ""
    """URL; empty where the script leaves to the firmware: the laptop's own disk."""
    arguments: str = ""
    initrds: tuple[str, ...] = ()
    reboot: bool = False


class _Ended(Exception):  # noqa: N818 - how a script ends, not a mistake
    def __init__(self, boot: ScriptEnd) -> None:
        self.boot = boot


@dataclass
class Interpreter:
    """Runs scripts; `fetch` returns the text behind a URL, or raises ScriptError."""

    settings: dict[str, str]
    fetch: Callable[[str], str]
    show: Callable[[str], None] = lambda line: None
    chooses: str = ""
    """The item that somebody at the keyboard chooses wherever it is offered; empty: nobody is there."""
    _kernel: str = ""
    _arguments: str = ""
    _initrds: list[str] = field(default_factory=list)
    _items: list[str] = field(default_factory=list)
    _steps: int = 0

    def run(self, url: str) -> ScriptEnd:
        """Fetch a script and follow it, through every chain, to its end."""
        try:
            self._chain(url)
        except _Ended as end:
            return end.boot
        except ScriptExit:
            return ScriptEnd()
        return ScriptEnd()

    def _chain(self, url: str) -> None:
        text = self.fetch(url)
        if not text.startswith(MAGIC):
            raise ScriptError(f"{url}: not an iPXE script")
        self._script(text.splitlines(), url)

    def _script(self, lines: list[str], url: str) -> None:
        at = 0
        while at < len(lines):
            self._steps += 1
            if self._steps > _STEPS:
                raise ScriptError(f"{url}: the script goes round in circles")
            label = self._line(lines[at].strip(), url)
            if label == "exit":
                return
            at = self._find(lines, label, url) if label else at + 1

    @staticmethod
    def _find(lines: list[str], label: str, url: str) -> int:
        for index, line in enumerate(lines):
            if line.split() and line.split()[0] == f":{label}":
                return index
        raise ScriptError(f"{url}: no label {label}")

    def _line(self, line: str, url: str) -> str | None:
        """Run one line; returns the label to go to, `exit`, or None."""
        if not line or line.startswith(("#", ":")):
            return None
        failed: ScriptError | None = None
        for joint, command in _commands(line):
            if (joint == "||" and failed is None) or (joint == "&&" and failed is not None):
                continue
            try:
                failed = None
                if label := self._command(command, url):
                    return label
            except ScriptError as error:
                failed = error
        if failed is not None:
            raise failed
        return None

    def _command(self, text: str, url: str) -> str | None:
        words = _split(self._expand(text))
        if not words:
            return None
        name, rest = words[0], words[1:]
        if name == "goto":
            return rest[0]
        if name == "exit":
            if rest and rest[0] != "0":
                raise ScriptExit(f"exit {rest[0]}")
            return "exit"
        action = getattr(self, f"_do_{name}", None)
        if action is None:
            raise ScriptError(f"{name}: command not found")
        action(rest, url)
        return None

    def _expand(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name, _, form = match[1].partition(":")
            found = self.settings.get(name.rpartition("/")[2], "")
            if form == "hexhyp":
                return found.replace(":", "-")
            return quote(found, safe="") if form == "uristring" else found

        while (new := re.sub(r"\$\{([^${}]*)\}", value, text)) != text:
            text = new
        return text

    # each command takes its words and the URL of the script it stands in

    def _do_set(self, words: list[str], url: str) -> None:
        self.settings[words[0].rpartition("/")[2]] = " ".join(words[1:])

    def _do_clear(self, words: list[str], url: str) -> None:
        self.settings.pop(words[0], None)

    def _do_isset(self, words: list[str], url: str) -> None:
        if not "".join(words):
            raise ScriptError("isset: not set")

    def _do_iseq(self, words: list[str], url: str) -> None:
        if len(words) != 2 or words[0] != words[1]:
            raise ScriptError("iseq: not equal")

    def _do_echo(self, words: list[str], url: str) -> None:
        self.show(" ".join(words))

    def _nothing(self, words: list[str], url: str) -> None:
        """What needs no doing where nobody watches and nothing has to be waited for."""

    _do_sleep = _do_console = _do_cpair = _do_colour = _do_imgfree = _do_menu = _nothing
    _do_dhcp = _do_ifopen = _do_ifconf = _do_params = _do_param = _do_login = _do_sync = _nothing

    def _do_item(self, words: list[str], url: str) -> None:
        """Gap lines are no choices."""
        if "--gap" not in words:
            names = [word for index, word in enumerate(words) if word[0] != "-" and words[max(index - 1, 0)] != "--key"]
            self._items.append(names[0])

    def _do_choose(self, words: list[str], url: str) -> None:
        """What somebody at the keyboard chooses; where nobody does, the default, after the time-out."""
        options = _options(words, {"--default", "-d", "--timeout", "-t", "--menu", "-m"})
        chosen = options.get("--default") or options.get("-d") or (self._items[0] if self._items else "")
        chosen = self.chooses if self.chooses in self._items else chosen
        self.settings[words[-1]] = chosen
        self._items.clear()

    def _do_prompt(self, words: list[str], url: str) -> None:
        if any(word.startswith(("--timeout", "-t")) for word in words):
            raise ScriptError("prompt: no key was pressed")

    def _do_kernel(self, words: list[str], url: str) -> None:
        words = _bare(words)
        self._kernel, self._arguments = urljoin(url, words[0]), " ".join(words[1:])

    def _do_initrd(self, words: list[str], url: str) -> None:
        self._initrds.append(urljoin(url, _bare(words)[0]))

    def _do_imgargs(self, words: list[str], url: str) -> None:
        self._arguments = " ".join(words[1:])

    def _do_chain(self, words: list[str], url: str) -> None:
        self._chain(urljoin(url, _bare(words)[0]))

    def _do_boot(self, words: list[str], url: str) -> None:
        if not self._kernel:
            raise ScriptError("boot: no image")
        raise _Ended(ScriptEnd(self._kernel, self._arguments, tuple(self._initrds)))

    def _do_sanboot(self, words: list[str], url: str) -> None:
        raise _Ended(ScriptEnd())

    def _do_reboot(self, words: list[str], url: str) -> None:
        raise _Ended(ScriptEnd(reboot=True))

    def _do_poweroff(self, words: list[str], url: str) -> None:
        raise _Ended(ScriptEnd())


def _commands(line: str) -> list[tuple[str, str]]:
    """(joint before it, command): `a || b && c`."""
    parts = re.split(r"(?:^|\s+)(\|\||&&)(?=\s|$)", line)
    joints = ["", *parts[1::2]]
    return list(zip(joints, (part.strip() for part in parts[::2]), strict=True))


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _options(words: list[str], valued: set[str]) -> dict[str, str]:
    return {word: words[index + 1] for index, word in enumerate(words[:-1]) if word in valued}


def _bare(words: list[str]) -> list[str]:
    """Without the options before the first plain word; `--name`, `-n`, `--timeout` and `-t` take a value."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        taken = rest.pop(0)
        if taken in ("--name", "-n", "--timeout", "-t") and rest:
            rest.pop(0)
    if not rest:
        raise ScriptError("an image command without an image")
    return rest
