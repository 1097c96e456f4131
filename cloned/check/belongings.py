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
from urllib.parse import urlsplit

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
    for path in (page.certificate, page.key):
        if not path.exists():
            yield MissingError(
                Phrase("there is no {path}", path=path), "name a PEM file that the service's user may read"
            )
            return
    try:
        found = x509.load_pem_x509_certificate(page.certificate.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(page.certificate, page.key, password=_no_password)
    except _Locked:
        words = Phrase("{key} is locked with a password, which nobody gives at the start", key=page.key)
        hint = Phrase("openssl pkey -in {key} -out NEW takes it off; give NEW to the service alone", key=page.key)
        yield ClonedError(words, hint)
        return
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
    yield from _times(found, time.time())
    host = urlsplit(page.url or "").hostname
    if host is not None and not _named(found, host):
        words = Phrase("the page's certificate is not for {host}, the name in [page] url", host=host)
        yield warned(words, "browsers warn of it: have one made for that name")


class _Locked(Exception):  # noqa: N818 - what the key is
    """A key asks for a password: OpenSSL would ask whoever sits at the terminal."""


def _no_password() -> str:
    raise _Locked


def _named(certificate: x509.Certificate, host: str) -> bool:
    """Whether browsers take a certificate for this host (RFC 6125): its own name or address, or one star in front."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    known = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    known |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return host in known or f"*.{host.partition('.')[2]}" in known


def _times(found: x509.Certificate, now: float) -> Iterator[Said | ClonedError]:
    """Whether it holds now, and for how long."""
    left, until = found.not_valid_after_utc.timestamp() - now, found.not_valid_before_utc.timestamp() - now
    if until > 0:
        days = max(1, int(until // 86400))
        words = Phrase("the page's certificate does not hold yet: only in {days} {days:day|days}", days=days)
        yield ClonedError(words, "see that the clock is right (timedatectl), or wait")
    elif left < 0:
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
    owner, count = folder.stat().st_uid, 0
    strange, open_to_all, closed = list[Path](), list[Path](), list[Path]()
    for path, seen in _entries(folder, closed):
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
    if closed:
        yield ClonedError(
            Phrase("{files} cannot be looked into by this user", files=_some(closed)),
            "use sudo, or the systemd service",
        )
    outside = _secrets_outside(config)
    if outside:
        yield warned(
            Phrase("{files} can be read by everybody on this machine", files=_some(outside)),
            Phrase("chmod o= {files}", files=" ".join(map(str, outside[:TOLD]))),
        )
    if not strange and not open_to_all and not closed and not outside:
        yield ok(Phrase("{count} {count:file is as it|files are as they} should be", count=count))


def _secrets_outside(config: Config) -> list[Path]:
    """Of the files beside the state that hold secrets those that others may read: the configuration where one stands in
    it, files that secrets are read from, the key of the page's certificate."""
    wanted = [Path(each) for each in config.secret_files]
    if config.page.key is not None:
        wanted.append(config.page.key)
    return [path for path in dict.fromkeys(wanted) if _open_to_all(path)]


def _open_to_all(path: Path) -> bool:
    with suppress(OSError):
        return bool(stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO)
    return False


def _entries(folder: Path, closed: list[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    """Files and folders of the state, without pieces of images, millions that are all made in one way, and without
    links: whose one is says nothing. Folders that we may not look into come into `closed`."""
    for where, folders, names in os.walk(folder, onerror=lambda error: closed.append(Path(str(error.filename)))):
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
