"""What belongs to us and must fit: the page's certificate and key, printers, and whose every file of the state is."""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from cloned.check.findings import Said, ok, skipped, warned
from cloned.check.outside import SOON_SECONDS
from cloned.config import Config
from cloned.errors import ClonedError, MissingError
from cloned.ownership import closed_to, works_in
from cloned.processes import run
from cloned.saying import Phrase

TOLD = 5
"""Files that are named; of more, how many."""
SECRET_NAMES = frozenset({"people.json", "tokens.json", "page.key", "site.key", "pin"})


def certificate(config: Config) -> Iterator[Said | ClonedError]:
    """The page's own certificate: it can be read, its key fits, and it does not end soon."""
    page = config.page
    if page.certificate is None or page.key is None:
        yield skipped("the page has no certificate: it speaks HTTP", "see [page] certificate in the example")
        return
    if closed := closed_to(works_in(config.workshop.state), (page.certificate, page.key)):
        words = Phrase("the service may not read {files}", files=_some(closed))
        yield ClonedError(words, "name a PEM file that the service's user may read")
        return
    try:
        found = x509.load_pem_x509_certificate(page.certificate.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(page.certificate, page.key)
    except ssl.SSLError as error:
        words = Phrase(
            "{key} does not fit {certificate}: {error}", key=page.key, certificate=page.certificate, error=error
        )
        yield ClonedError(words, "name the two files that belong together")
        return
    except (OSError, ValueError) as error:
        words = Phrase("{certificate} cannot be read: {error}", certificate=page.certificate, error=error)
        yield ClonedError(words, "name a PEM file that the service's user may read")
        return
    left = found.not_valid_after_utc.timestamp() - time.time()
    if left < 0:
        yield ClonedError(
            Phrase("the page's certificate ended {days} {days:day|days} ago", days=int(-left // 86400)), "renew it"
        )
    elif left < SOON_SECONDS:
        yield warned(
            Phrase("the page's certificate ends in {days} {days:day|days}", days=int(left // 86400)), "renew it"
        )
    else:
        yield ok(Phrase("the page's certificate holds for {days} {days:day|days}", days=int(left // 86400)))


def printers(config: Config) -> Iterator[Said | ClonedError]:
    """Each printer that the configuration names is one that CUPS knows."""
    wanted = {name for name in (config.print.label, config.print.sheet) if name}
    if not wanted:
        yield skipped("no printer is configured", "[print] label and sheet name CUPS printers")
        return
    if shutil.which("lpstat") is None:
        yield MissingError("lpstat is not installed", "apt-get install cups-client")
        return
    known = run(["lpstat", "-e"], check=False, timeout=8).stdout.decode(errors="replace").split()
    for name in sorted(wanted):
        if name in known:
            yield ok(Phrase("CUPS knows {name}", name=name))
        else:
            yield MissingError(Phrase("CUPS knows no printer {name}", name=name), "lpstat -e lists those that it knows")


def files(config: Config) -> Iterator[Said | ClonedError]:
    """Every file of the state belongs to whoever the folder belongs to, and what is secret is closed to others."""
    folder = config.workshop.state
    if not folder.is_dir():
        yield skipped(Phrase("there is no {folder} yet", folder=folder))
        return
    owner, strange, open_to_all, count = folder.stat().st_uid, [], [], 0
    for path, seen in _entries(folder):
        count += 1
        if seen.st_uid != owner:
            strange.append(path)
        if path.name in SECRET_NAMES and stat.S_IMODE(seen.st_mode) & 0o077:
            open_to_all.append(path)
    if strange:
        words = Phrase(
            "{files} {count:belongs|belong} to somebody else than {folder}",
            files=_some(strange), count=len(strange), folder=folder,
        )  # fmt: skip
        yield ClonedError(words, Phrase("chown -R --reference={folder} {folder}", folder=folder))
    if open_to_all:
        yield warned(Phrase("{files} can be read by others", files=_some(open_to_all)), "chmod 600")
    if not strange and not open_to_all:
        yield ok(Phrase("{count} {count:file is as it|files are as they} should be", count=count))


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Files and folders of the state, without pieces of images, millions that are all made in one way, and without
    links: whose one is says nothing."""
    for where, folders, names in os.walk(folder):
        if Path(where) == folder / "images":
            folders[:] = [name for name in folders if name != ".pieces"]
        for path in (Path(where) / name for name in (*folders, *names)):
            with suppress(FileNotFoundError):  # a daemon that runs has taken it away meanwhile
                seen = path.lstat()
                if not stat.S_ISLNK(seen.st_mode):
                    yield path, seen


def _some(paths: list[Path]) -> str:
    named = ", ".join(map(str, paths[:TOLD]))
    return named if len(paths) <= TOLD else Phrase("{named} and {count} more", named=named, count=len(paths) - TOLD)
