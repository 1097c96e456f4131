"""Picks the parts of the live system out of an unpacked Debian: programs, libraries, modules, Python.

The unpacked tree is never entered: its programs run through its own loader with its own libraries, so no
root privilege and none of the host's versions are involved.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError
from cloned.live.recipe import Recipe
from cloned.saying import Phrase

_ARCH = "x86_64-linux-gnu"
_LOADER = Path("lib64/ld-linux-x86-64.so.2")
_LIBRARY_FOLDERS = (f"lib/{_ARCH}", f"usr/lib/{_ARCH}", "lib", "usr/lib")
LIVE = "live.squashfs"
"""In the initramfs: all that the kernel need not unpack at boot."""
_PROGRAM_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin")


class Debian:
    """An unpacked Debian system below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        boot = sorted((root / "boot").glob("vmlinuz-*"))
        if not boot:
            raise ClonedError(
                Phrase("no kernel was unpacked to {root}", root=root), "check the package list in recipe.toml"
            )
        self.vmlinuz = boot[-1]
        self.kernel = boot[-1].name.removeprefix("vmlinuz-")
        """Kernel release, e.g. 6.1.0-37-amd64."""
        self.modules = root / "lib/modules" / self.kernel

    def program(self, name: str) -> Path:
        """The file of a program, or ClonedError naming it."""
        for folder in _PROGRAM_FOLDERS:
            path = self.root / folder / name
            if path.is_file() and not path.is_symlink():
                return path
        raise ClonedError(
            Phrase("the live system's recipe names {name}, which no package has", name=name), "correct recipe.toml"
        )

    def library(self, name: str) -> Path:
        """The file of a shared library, or ClonedError naming it."""
        for folder in _LIBRARY_FOLDERS:
            path = self.root / folder / name
            if path.exists():
                return path.resolve()
        raise ClonedError(
            Phrase("the live system needs the library {name}, which no package has", name=name), "correct recipe.toml"
        )

    def run(self, program: str, *args: str | Path, name: str | None = None) -> bytes:
        """Run one of its programs (under another `name`); return its standard output."""
        libraries = ":".join(str(self.root / folder) for folder in _LIBRARY_FOLDERS)
        loader: list[str | Path] = [self.root / _LOADER, "--library-path", libraries, "--argv0", name or program]
        env = {"PYTHONHOME": str(self.root / "usr"), "PATH": "/usr/bin:/bin"}
        return processes.run([*loader, self.program(program), *args], env=env).stdout

    def needs(self, path: Path) -> list[str]:
        """Names of all shared libraries that an ELF file needs, directly or not."""
        libraries = ":".join(str(self.root / folder) for folder in _LIBRARY_FOLDERS)
        loader = self.root / _LOADER
        listed = processes.run([loader, "--library-path", libraries, "--list", path]).stdout.decode()
        return [Path(name).name for name in re.findall(r"^\s+(\S+) =>", listed, re.MULTILINE)]


class InitramfsTree:
    """The initramfs being put together below `root`, and what live.squashfs holds below `packed`."""

    def __init__(self, root: Path, packed: Path, debian: Debian, recipe: Recipe) -> None:
        self.root, self.packed, self.debian, self.recipe = root, packed, debian, recipe

    def assemble(self) -> None:
        """Put everything in its place."""
        self._skeleton()
        for name in self.recipe.first:
            self._install(self.debian.program(name), "usr/bin")
        first = self._files()
        for name in self.recipe.programs:
            self._install(self.debian.program(name), "usr/bin")
        for name in self.recipe.libraries:
            self._install(self.debian.library(name), f"usr/lib/{_ARCH}", name)
        for path in [*sorted(self._files() - first), self._python(), *self._modules()]:
            self._pack(path)
        self._links()
        shutil.copytree(self.recipe.tree, self.root, dirs_exist_ok=True)

    def add_firmware(self) -> None:
        """Add what the chosen modules ask for, as far as the packages have it."""
        modules = [self.debian.modules / name for name in self.module_names()]
        source, target = self.debian.root / "lib/firmware", self.packed / "usr/lib/firmware"
        for name in firmware_names(self.debian, modules):
            if (source / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2((source / name).resolve(), target / name)
        (self.root / "usr/lib/firmware").symlink_to("/live/usr/lib/firmware")

    def squash(self) -> Path:
        """Write live.squashfs beside the tree; the file."""
        options = ("-comp", "zstd", "-Xcompression-level", "19", "-b", "128K", "-noappend", "-no-progress", "-quiet")
        same = ("-all-root", "-all-time", "0", "-mkfs-time", "0", "-no-xattrs", "-no-exports")
        target = self.root.with_name(LIVE)
        self.debian.run("mksquashfs", self.packed, target, *options, *same)
        return target

    def _skeleton(self) -> None:
        empty = ("etc", "proc", "sys", "dev", "run", "tmp", "mnt", "live")
        for name in ("usr/bin", "usr/lib64", f"usr/lib/{_ARCH}", *empty):
            (self.root / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64"):
            (self.root / name).symlink_to(f"usr/{name}")
        (self.root / "sbin").symlink_to("usr/bin")
        (self.root / "usr/sbin").symlink_to("bin")
        shutil.copy2((self.debian.root / _LOADER).resolve(), self.root / "usr/lib64/ld-linux-x86-64.so.2")

    def _install(self, path: Path, folder: str, name: str | None = None) -> None:
        """Copy an ELF file and the libraries it needs."""
        target = self.root / folder / (name or path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
        for library in self.debian.needs(path):
            place = self.root / f"usr/lib/{_ARCH}" / library
            if not place.exists() and not library.startswith("ld-linux"):
                shutil.copy2(self.debian.library(library), place)

    def _files(self) -> set[Path]:
        """Files of programs and libraries so far, relative to the root."""
        folders = (self.root / "usr/bin", self.root / f"usr/lib/{_ARCH}")
        return {path.relative_to(self.root) for folder in folders for path in folder.iterdir()}

    def _pack(self, path: Path) -> None:
        """Move a file or folder to what is packed; a link to where it will be stays in its place."""
        target = self.packed / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).rename(target)
        (self.root / path).symlink_to(Path("/live") / path)

    def _links(self) -> None:
        """Other names of programs, and busybox for every name that no real program has."""
        for name, target in self.recipe.links.items():
            (self.root / "usr/bin" / name).symlink_to(target)
        for name in self.debian.run("busybox", "--list").decode().split():
            place = self.root / "usr/bin" / name
            if not place.exists() and not place.is_symlink():
                place.symlink_to("busybox")

    def _python(self) -> Path:
        """The standard library compiled once and for all, without sources, and zstandard; where it is."""
        version = self.debian.program("python3.11").name
        source, target = self.debian.root / "usr/lib" / version, self.root / "usr/lib" / version
        shutil.copytree(source, target, ignore=self._unwanted_python, symlinks=False)
        for name in self.recipe.python_extensions:
            for path in (source / "lib-dynload").glob(f"{name}.cpython-*.so"):
                self._install(path, f"usr/lib/{version}/lib-dynload")
        (target / "lib-dynload").mkdir(exist_ok=True)
        zstandard = self.debian.root / "usr/lib/python3/dist-packages/zstandard"
        (target / "zstandard").mkdir()
        shutil.copy2(zstandard / "__init__.py", target / "zstandard")
        for path in zstandard.glob("backend_c.*.so"):
            self._install(path, f"usr/lib/{version}/zstandard")
        self._compile(version)
        return target.relative_to(self.root)

    def _unwanted_python(self, folder: str, names: list[str]) -> Iterable[str]:
        inside = Path(folder)
        if inside.name == "encodings":
            return [name for name in names if name.removesuffix(".py") not in self.recipe.encodings]
        top = inside == self.debian.root / "usr/lib" / inside.name and inside.name.startswith("python3")
        skip = self.recipe.python_skip if top else frozenset({"test", "tests", "__pycache__", "distutils"})
        return [name for name in names if name.removesuffix(".py") in skip or not _is_python(inside / name)]

    def _compile(self, version: str) -> None:
        """Leave only .pyc files that are taken as they are: no source is looked for, no time compared."""
        folder = self.root / "usr/lib" / version
        options = ("-q", "-b", "-o", "0", "--invalidation-mode", "unchecked-hash", "-s", str(self.root), "-p", "/")
        self.debian.run(version, "-I", "-S", "-B", "-m", "compileall", *options, folder)
        for source in folder.rglob("*.py"):
            source.unlink()

    def _modules(self) -> list[Path]:
        """The kernel modules that the recipe names, what they depend on, and an index of them.

        Returns those that are not needed to reach live.squashfs.
        """
        self.debian.run("kmod", "-b", self.debian.root, self.debian.kernel, name="depmod")
        target = self.root / "usr/lib/modules" / self.debian.kernel
        for name in self.module_names():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.debian.modules / name, target / name)
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            shutil.copy2(self.debian.modules / name, target / name)
        self.debian.run("kmod", "-b", self.root, self.debian.kernel, name="depmod")
        for path in target.glob("modules.*"):  # kmod reads the binary indexes, and softdep as text
            if path.suffix != ".bin" and path.name != "modules.softdep":
                path.unlink()
        (target / "modules.symbols.bin").unlink()
        first = [f"kernel/{name}" for name in self.recipe.first_modules]
        return [target.relative_to(self.root) / name for name in self.module_names() if name not in first]

    def module_names(self) -> list[str]:
        """Paths of the wanted modules, `kernel/…/name.ko`, in order."""
        depends = _dependencies((self.debian.modules / "modules.dep").read_text())
        wanted: set[str] = set()
        for glob in self.recipe.modules:
            found = [name for name in depends if fnmatch(name, f"kernel/{glob}") and not self._skipped(name)]
            wanted.update(*([name, *depends[name]] for name in found))
        return sorted(wanted)

    def _skipped(self, name: str) -> bool:
        return any(fnmatch(name, f"kernel/{glob}") for glob in self.recipe.modules_skip)


def firmware_names(debian: Debian, modules: Iterable[Path]) -> list[str]:
    """Files below /lib/firmware that modules ask for by name, as `modinfo -F firmware` says."""
    named = debian.run("kmod", "-F", "firmware", *modules, name="modinfo").decode().split()
    return sorted(set(named))


def _dependencies(text: str) -> dict[str, list[str]]:
    """modules.dep: `path: path path …`, the dependencies complete."""
    lines = (line.partition(":") for line in text.splitlines())
    return {name: rest.split() for name, _, rest in lines}


def _is_python(path: Path) -> bool:
    return path.is_dir() or path.suffix == ".py"
