"""The daemon of a lab as its unit starts it: a user of its own, three capabilities, and nothing else of root's.

Where interpreter, sources or the lab's own folders lie in a directory that others may not enter, such as a checkout
below /root, that user gets a view of its own (mount_namespaces(7)): the closed directory shows it the few places that
it needs, where they always are, and nothing else. `python -m cloned.lab.unprivileged VIEW PROGRAM…` makes that view,
gives the limits and becomes the program; it is started as root, in the server's network namespace.
"""

from __future__ import annotations

import json
import os
import pwd
import resource
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cloned.lab import kernel
from cloned.ownership import Access, closed_to

ACCOUNT = "cloned"
"""What systemd/cloned.sysusers calls it; a machine for labs need not have it."""
NUMBER = 64815
"""Of user and group where there is no such account: in the range of those that come and go (systemd, UIDS-GIDS)."""
CAPABILITIES = ("net_bind_service", "net_raw", "net_admin")
"""What systemd/cloned.service gives."""
NICENESS = -10
"""LimitNICE of the unit."""
LIMITS = {resource.RLIMIT_RTPRIO: 10, resource.RLIMIT_NICE: 20 - NICENESS}
"""LimitRTPRIO and LimitNICE of the unit, as setrlimit(2) counts them."""
DESCRIPTORS = 65536
"""LimitNOFILE of the unit."""
UMASK = 0o027
"""UMask of the unit."""
_MOST_LINKS = 40
"""That one path may lead through (path_resolution(7))."""


@dataclass(frozen=True)
class ServiceUser:
    """Who the daemon runs as."""

    uid: int
    gid: int

    @classmethod
    def here(cls) -> ServiceUser:
        """The account of the service, or numbers that no account has."""
        try:
            found = pwd.getpwnam(ACCOUNT)
        except KeyError:
            return cls(NUMBER, NUMBER)
        return cls(found.pw_uid, found.pw_gid)

    def closed(self, paths: Iterable[Path], access: Access, *, wherever: bool = False) -> list[Path]:
        """Which of these are closed to this user, which has no other groups."""
        return closed_to((self.uid, self.gid), paths, access, groups=(), wherever=wherever)

    def command(self) -> list[str]:
        """What drops root's rights but these, and becomes the program whose words follow (setpriv(1))."""
        three = ",".join(["-all", *(f"+{name}" for name in CAPABILITIES)])
        kept = ",".join(f"+{name}" for name in CAPABILITIES)
        who = () if self.uid == 0 else (f"--reuid={self.uid}", f"--regid={self.gid}", f"--ambient-caps={kept}")
        return [
            "setpriv", *who, "--clear-groups", f"--bounding-set={three}", f"--inh-caps={three}",
            "--no-new-privs", "--pdeathsig=KILL",
        ]  # fmt: skip


ROOT = ServiceUser(0, 0)


@dataclass
class View:
    """Closed directories, what of each is shown to whoever may not enter it, and links to where they lead."""

    closed: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Iterable[Path], user: ServiceUser) -> View:
        """What `user` must be shown to reach those of these that are there."""
        made, found = cls(), list[tuple[Path, str]]()
        for path in paths:
            with suppress(FileNotFoundError):
                found += way(path)
        closed = set(user.closed({above for place, _ in found for above in place.parents}, "execute"))
        for place, target in found:
            outer = next((each for each in [*place.parents][::-1] if each in closed), None)
            if outer is not None:
                made._show(str(outer), str(place), target)
        return made

    def _show(self, outer: str, place: str, target: str) -> None:
        shown = self.closed.setdefault(outer, [])
        if target:
            self.links[place] = target
        elif not any(_within(place, each) for each in shown):
            shown[:] = [*(each for each in shown if not _within(each, place)), place]

    def make(self) -> None:
        """Mount it, for us and those that we become alone. As root."""
        kernel.private_mounts()
        held = {place: os.open(place, os.O_PATH) for shown in self.closed.values() for place in shown}
        for outer in self.closed:
            kernel.mount("cloned-lab", outer, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
        for place, handle in held.items():
            _stand_in(Path(place), directory=stat.S_ISDIR(os.fstat(handle).st_mode))
            kernel.mount(f"/proc/self/fd/{handle}", place, flags=kernel.MS_BIND | kernel.MS_REC)
            os.close(handle)
        for place, target in self.links.items():
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # it lies in a place that is shown whole
                Path(place).symlink_to(target)


def _within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder}/")


def _stand_in(place: Path, *, directory: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if directory:
        place.mkdir(exist_ok=True)
    else:
        place.touch()


def way(path: Path) -> Iterator[tuple[Path, str]]:
    """Every link that `path` leads through, with what it holds, and last the place itself, with "" (namei(1)).

    OSError where it leads nowhere.
    """
    at, left, links = Path("/"), list(path.absolute().parts[1:]), 0
    while left:
        name = left.pop(0)
        if name == "..":
            at = at.parent
            continue
        if not (at / name).is_symlink():
            at = at / name
            continue
        target, links = os.readlink(at / name), links + 1  # noqa: PTH115 - as it was written
        yield at / name, target
        if links > _MOST_LINKS:
            raise OSError(f"{path} leads in circles")
        if target.startswith("/"):
            at = Path("/")
        left = [part for part in Path(target).parts if part != "/"] + left
    at.lstat()
    yield at, ""


def unreadable(paths: Iterable[Path], user: ServiceUser) -> Path | None:
    """The first of these, or of what lies right in them, that `user` may not read wherever it is shown."""
    every = [each for path in paths for each in (path, *(path.iterdir() if path.is_dir() else ()))]
    unread = user.closed(every, "read", wherever=True)
    shut = user.closed([each for each in every if each.is_dir()], "execute", wherever=True)
    return next((each for each in every if each in unread or each in shut), None)


def program_places() -> list[Path]:
    """What this interpreter reads: itself, its library, what is installed for it, and this package with its files."""
    package = Path(__file__).parents[1]
    roots = {sys.prefix, sys.base_prefix, str(package.parent)}
    installed = {path for path in sys.path if any(_within(path, root) for root in roots)}
    places = map(Path, sorted({sys.executable, *roots, *installed, *map(str, _data(package))}))
    return [path for path in (*places, package) if path.exists()]


def _data(package: Path) -> Iterator[Path]:
    """Folders with files, beside the package in a checkout (cloned/assets.py), and the package's own."""
    yield from (package.parent / name for name in ("pxe", "images", "web", "systemd"))
    yield from (each for each in package.iterdir() if each.is_dir())


def python_path() -> str:
    """PYTHONPATH with which a program that is started anywhere finds this package, also in a checkout."""
    own, given = Path(__file__).parents[2], os.environ.get("PYTHONPATH", "")
    return ":".join(filter(None, [str(own) if (own / "pyproject.toml").is_file() else "", given]))


def start(program: list[str], user: ServiceUser, shown: Iterable[Path], descriptors: int = DESCRIPTORS) -> list[str]:
    """The command that becomes `program` with the service's rights; `shown`: what it needs besides the interpreter."""
    path = [Path(each) for each in python_path().split(":") if each]
    view = View() if user.uid == 0 else View.of([*program_places(), *path, *shown], user)
    told = json.dumps({"closed": view.closed, "links": view.links, "descriptors": descriptors})
    return [sys.executable, "-m", __name__, told, *user.command(), *program]


def _limits(descriptors: int) -> None:
    """As in the unit: with the precedence it allows, the daemon takes its own."""
    held = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        for what, most in {**LIMITS, resource.RLIMIT_NOFILE: descriptors}.items():
            resource.setrlimit(what, (most, most))
    except (ValueError, OSError):  # nobody here has CAP_SYS_RESOURCE
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(descriptors, held),) * 2)
        _come_first()


def _come_first() -> None:
    """Give what the daemon may not take: our niceness, and our session's (sched(7), autogroup), which its programs
    leave. SCHED_RR cannot be given in advance: it goes without."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        if os.getsid(0) == os.getpid():
            Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def become(told: Mapping[str, object], program: list[str]) -> None:
    """In the child: make the view, take the limits, become the program."""
    if told["closed"]:
        View(told["closed"], told["links"]).make()  # type: ignore[arg-type]
    _limits(int(str(told["descriptors"])))
    os.umask(UMASK)
    os.chdir("/")
    os.execvp(program[0], program)  # noqa: S606 - what our caller asked for


if __name__ == "__main__":
    become(json.loads(sys.argv[1]), sys.argv[2:])
