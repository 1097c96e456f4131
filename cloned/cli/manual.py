"""Man pages and shell completion, made from click's own commands: `python -m cloned.cli.manual FOLDER` writes them.

`FOLDER/man/cloned.1`, one page more for each command (`cloned-image.1` has its subcommands), and `FOLDER/completion`
for bash, zsh and fish.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from cloned import __version__
from cloned.cli.main import cloned

SHELLS = {"bash": "cloned", "zsh": "_cloned", "fish": "cloned.fish"}
"""Shell → the name under which its completion is looked for."""

EXITS = """\
.SH EXIT STATUS
.TP
0
All well.
.TP
1
What was asked for failed.
.TP
2
Wrong usage, or a configuration that cannot be read.
.TP
3
A part that is needed is missing or cannot be reached.
"""

FILES = """\
.SH FILES
.TP
.I /etc/cloned/cloned.toml
The configuration; every key stands in it with its default.
.TP
.I /var/lib/cloned
Journal, ledger, images, keys.
.TP
.I /run/cloned/control.sock
What the command line speaks through; its group may act.
"""


def main(folder: Path) -> None:
    """Write everything into `folder`."""
    pages, completion = folder / "man", folder / "completion"
    pages.mkdir(parents=True, exist_ok=True)
    completion.mkdir(exist_ok=True)
    for name, text in manual().items():
        (pages / f"{name}.1").write_text(text, encoding="utf-8")
    for shell, name in SHELLS.items():
        (completion / name).write_text(completed(shell), encoding="utf-8")


def completed(shell: str) -> str:
    """The script that a shell reads to complete `cloned`."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(cloned, {}, "cloned", "_CLONED_COMPLETE").source()


def manual() -> dict[str, str]:
    """Name of each page, without its section, and its text."""
    context = click.Context(cloned, info_name="cloned")
    found = dict(_commands(context))
    return {"cloned": _first(context, found)} | {f"cloned-{name}": _page(each) for name, each in found.items()}


def _commands(context: click.Context) -> Iterator[tuple[str, click.Context]]:
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, click.Context(command, info_name=name, parent=context)


def _first(context: click.Context, commands: dict[str, click.Context]) -> str:
    listed = "".join(f".TP\n.BR cloned-{_dash(name)} (1)\n{_text(_brief(each))}\n" for name, each in commands.items())
    return _head("cloned", context) + _body(context) + f".SH COMMANDS\n{listed}" + EXITS + FILES


def _page(context: click.Context) -> str:
    parts = [_head(f"cloned-{context.info_name}", context), _body(context)]
    if isinstance(context.command, click.Group):
        parts.append(".SH COMMANDS\n")
        parts += [_sub(each) for _, each in _commands(context)]
    return "".join([*parts, EXITS, ".SH SEE ALSO\n.BR cloned (1)\n"])


def _sub(context: click.Context) -> str:
    return f".SS {_text(_usage(context))}\n{_words(context)}{_options(context)}"


def _head(name: str, context: click.Context) -> str:
    day = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    brief = _brief(context).rstrip(".")
    said = _text(brief[:1].lower() + brief[1:])
    return (
        f'.TH {_dash(name.upper())} 1 {day} "cloned {__version__}" "cloned"\n'
        f".SH NAME\n{_dash(name)} \\- {said}\n.SH SYNOPSIS\n.B {_text(_usage(context))}\n"
    )


def _body(context: click.Context) -> str:
    options = _options(context)
    return f".SH DESCRIPTION\n{_words(context)}" + (f".SH OPTIONS\n{options}" if options else "")


def _usage(context: click.Context) -> str:
    return " ".join((context.command_path, *context.command.collect_usage_pieces(context)))


def _brief(context: click.Context) -> str:
    return context.command.get_short_help_str(200)


def _words(context: click.Context) -> str:
    paragraphs = textwrap.dedent(context.command.help or "").replace("\b", "").strip().split("\n\n")
    return "\n.PP\n".join(_text(" ".join(each.split())) for each in paragraphs) + "\n"


def _options(context: click.Context) -> str:
    records = [each.get_help_record(context) for each in context.command.get_params(context)]
    return "".join(f".TP\n.B {_text(names)}\n{_text(words)}\n" for names, words in filter(None, records) if words)


def _text(words: str) -> str:
    """Text that roff takes as it is: no line of it is a request, and dashes can be searched for."""
    safe = words.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe[:1] in (".", "'") else safe


def _dash(name: str) -> str:
    return name.replace("-", "\\-")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
