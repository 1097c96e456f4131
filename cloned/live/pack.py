"""Builds the test pack: programs and drivers for the tests of parts, as a second file beside the live system.

Laptops fetch it only where tests are asked for (agent/test_pack.py), so the boot stays as small as it is. It is made
for one kernel: its index of modules takes the place of the live system's and knows the modules of both.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from cloned import assets, processes
from cloned.errors import ClonedError, MissingError
from cloned.languages import to_translate
from cloned.live import recipe as recipes
from cloned.live.build import LiveInfo
from cloned.live.built import Built
from cloned.live.rootfs import Debian, firmware_names
from cloned.saying import Phrase

NAME = "tests.squashfs"
"""Served to laptops as /live/tests.squashfs."""
_ROOM = 2000 * 1024 * 1024
_ARCH = "x86_64-linux-gnu"


@dataclass(frozen=True, kw_only=True)
class PackInfo(Built):
    """A test pack that was built; its digest is of the recipe and the kernel."""

    FILE = "tests.json"
    ABSENT = to_translate("there is no test pack in {folder}")
    DAMAGED = to_translate("the test pack in {folder} is damaged")
    HINT = to_translate("run `cloned live build`")

    kernel: str
    """Release that its drivers are for."""
    firmware: bool
    bytes: int

    @property
    def squashfs(self) -> Path:
        """The file."""
        return self.folder / NAME

    def whole(self) -> bool:
        """Whether the file has its size."""
        return self.squashfs.stat().st_size == self.bytes


@dataclass(frozen=True)
class PackRecipe:
    """What goes in; see the comments in pxe/pack/recipe.toml."""

    packages: tuple[str, ...]
    programs: tuple[str, ...]
    share: tuple[str, ...]
    modules: tuple[str, ...]
    modules_skip: tuple[str, ...]
    components: tuple[str, ...]
    firmware_skip: tuple[str, ...]
    firmware: bool


def load(firmware: bool, where: Path | None = None) -> PackRecipe:
    """Read the recipe in the folder `where`, the shipped one by default; with firmware, or without."""
    data = tomllib.loads(((where or assets.root("pxe") / "pack") / "recipe.toml").read_text())
    more = data["firmware"] if firmware else {"components": [], "packages": [], "modules": []}
    return PackRecipe(
        packages=(*data["packages"], *more["packages"]),
        programs=tuple(data["programs"]),
        share=tuple(data["share"]),
        modules=_globs([*data["modules"]["globs"], *more["modules"]]),
        modules_skip=tuple(data["modules"]["skip"]),
        components=("main", *more["components"]),
        firmware_skip=tuple(data["firmware"]["skip"]),
        firmware=firmware,
    )


def info(folder: Path) -> PackInfo:
    """Describe the test pack in `folder`; MissingError if there is none or it is not whole."""
    return PackInfo.read(folder)


def build(system: LiveInfo, *, force: bool = False, progress: Callable[[str], None] = lambda _: None) -> PackInfo:
    """Build the pack beside a live system and for its kernel, unless what is there came from the same recipe.

    Takes a minute and the network. What was there stays until the new one is whole. MissingError or ClonedError
    with the next step, also where Debian has another kernel by now than the live system.
    """
    digest = _digest(system)
    if not force and (there := PackInfo.current(system.folder, digest)) is not None:
        return there
    with tempfile.TemporaryDirectory(prefix="cloned-pack-") as scratch:
        if shutil.disk_usage(scratch).free < _ROOM:
            raise MissingError(
                Phrase("too little room in {scratch}", scratch=scratch), "set TMPDIR to where 2 GB are free"
            )
        progress("fetching what tests need")
        recipe = load(system.firmware)
        debian = Debian(_unpack(Path(scratch) / "debian", system.suite, recipe))
        if debian.kernel != system.kernel:
            raise ClonedError(
                Phrase("Debian has kernel {new} by now, the live system {old}", new=debian.kernel, old=system.kernel),
                "build the live system again: cloned live build --again",
            )
        progress("putting the test pack together")
        tree = PackTree(Path(scratch) / "tree", debian, recipe)
        tree.assemble()
        progress("compressing the test pack")
        made = tree.squash()
        said = {"kernel": system.kernel, "firmware": system.firmware, "digest": digest}
        return PackInfo.publish(system.folder, {NAME: made}, **said, bytes=made.stat().st_size)


def _digest(system: LiveInfo) -> str:
    """What the outcome depends on: both recipes, this code, the kernel."""
    own = (assets.root("pxe") / "pack" / "recipe.toml").read_bytes() + Path(__file__).read_bytes()
    return hashlib.sha256(f"{system.digest} {system.kernel} {system.firmware}\n".encode() + own).hexdigest()


def _unpack(target: Path, suite: str, recipe: PackRecipe) -> Path:
    """Fetch and unpack the packages; nothing of them is configured or run."""
    live = recipes.load()
    packages = dict.fromkeys((*recipe.packages, *live.packages))  # of the live system's: to know what it has
    processes.run([
        "mmdebstrap", "--variant=extract", "--quiet", f"--include={','.join(packages)}",
        f"--components={','.join(recipe.components)}", "--format=directory", suite, target,
    ], env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=1800)  # fmt: skip
    return target


class PackTree:
    """What will be the squashfs, below `root`: everything under usr/, as it stands on a laptop."""

    def __init__(self, root: Path, debian: Debian, recipe: PackRecipe) -> None:
        self.root, self.debian, self.recipe = root, debian, recipe
        self._live = recipes.load()

    def assemble(self) -> None:
        """Put everything in its place."""
        had = self._live_libraries()
        for name in self.recipe.programs:
            if name not in self._live.programs:
                self._program(name, had)
        for name in self.recipe.share:
            shutil.copytree(self.debian.root / "usr" / name, self.root / "usr" / name, symlinks=True)
        modules = self._modules()
        if self.recipe.firmware:
            self._firmware(modules)

    def squash(self) -> Path:
        """Write the file beside the tree; where it is."""
        options = ("-comp", "zstd", "-Xcompression-level", "19", "-b", "256K", "-noappend", "-no-progress", "-quiet")
        same = ("-all-root", "-all-time", "0", "-mkfs-time", "0", "-no-xattrs", "-no-exports")
        target = self.root.with_name(NAME)
        self.debian.run("mksquashfs", self.root, target, *options, *same)
        return target

    def _live_libraries(self) -> set[str]:
        """Libraries that lie in the live system already."""
        found = set(self._live.libraries)
        for name in (*self._live.first, *self._live.programs):
            found.update(self.debian.needs(self.debian.program(name)))
        return found

    def _program(self, name: str, had: set[str]) -> None:
        """A program and the libraries that nobody brought yet; a link as the program it leads to."""
        self._copy(_program(self.debian, name), f"usr/bin/{name}")
        for library in self.debian.needs(self.root / f"usr/bin/{name}"):
            place = f"usr/lib/{_ARCH}/{library}"
            if library not in had and not library.startswith("ld-linux") and not (self.root / place).exists():
                self._copy(self.debian.library(library), place)

    def _copy(self, source: Path, place: str) -> None:
        (self.root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, self.root / place)

    def _modules(self) -> list[Path]:
        """The drivers, and an index of the live system's and these; those of the pack."""
        folder = self.root / "usr/lib/modules" / self.debian.kernel
        self.debian.run("kmod", "-b", self.debian.root, self.debian.kernel, name="depmod")
        depends = dependencies((self.debian.modules / "modules.dep").read_text())
        there = wanted(depends, self._live.modules, self._live.modules_skip)
        names = there | wanted(depends, self.recipe.modules, self.recipe.modules_skip)
        for name in (*sorted(names), "modules.order", "modules.builtin", "modules.builtin.modinfo"):
            self._copy(self.debian.modules / name, f"usr/lib/modules/{self.debian.kernel}/{name}")
        (self.root / "lib").symlink_to("usr/lib")
        self.debian.run("kmod", "-b", self.root, self.debian.kernel, name="depmod")
        (self.root / "lib").unlink()
        for path in folder.glob("modules.*"):  # kmod reads the binary indexes, and softdep as text
            if path.suffix != ".bin" and path.name != "modules.softdep":
                path.unlink()
        for name in there:
            (folder / name).unlink()
        return [folder / name for name in sorted(names - there)]

    def _firmware(self, modules: list[Path]) -> None:
        """What the drivers ask for, as far as the packages have it."""
        source = self.debian.root / "lib/firmware"
        for name in firmware_names(self.debian, modules):
            unwanted = any(fnmatch(name, glob) for glob in self.recipe.firmware_skip)
            for path in () if unwanted else source.glob(name):
                if path.is_file():
                    self._copy(path.resolve(), f"usr/lib/firmware/{path.relative_to(source)}")


def _program(debian: Debian, name: str) -> Path:
    """The file of a program, links followed inside the tree; ClonedError if no package has it."""
    for folder in ("usr/sbin", "usr/bin", "sbin", "bin"):
        path = debian.root / folder / name
        if path.is_symlink() and (path.parent / path.readlink()).is_file():
            return path.parent / path.readlink()
    return debian.program(name)


def wanted(depends: dict[str, list[str]], globs: Iterable[str], skip: Iterable[str]) -> set[str]:
    """Modules (`kernel/…/name.ko`) that fit one of the globs and none to skip, with all they depend on."""
    skip = tuple(skip)
    found: set[str] = set()
    for glob in globs:
        fit = [name for name in depends if fnmatch(name, f"kernel/{glob}")]
        found.update(
            *([name, *depends[name]] for name in fit if not any(fnmatch(name, f"kernel/{each}") for each in skip))
        )
    return found


def dependencies(text: str) -> dict[str, list[str]]:
    """modules.dep: `path: path path …`, the dependencies complete."""
    lines = (line.partition(":") for line in text.splitlines())
    return {name: rest.split() for name, _, rest in lines}


def _globs(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(glob for text in texts for glob in recipes.braces(text))
