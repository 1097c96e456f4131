"""The real OCS Inventory server of Debian's packages, with MariaDB and Apache of its own, on ports of its own.

Packages: ocsinventory-server, mariadb-server, apache2, libxml-parser-perl; the schema comes from the package
ocsinventory-reports, unpacked under `var/ocsinventory-reports` and not installed (`make interop-ocs` does all that).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import block_until

CONFIG = Path("/etc/apache2/conf-available/ocsinventory-server.conf")
PROGRAMS = ("mariadbd", "mariadb", "mariadb-install-db", "apache2")
MODULES = ("mpm_prefork", "authz_core", "authz_host", "authn_core", "authn_file", "auth_basic", "authz_user", "perl")


def schema() -> Path:
    """Where the SQL of ocsinventory-reports was unpacked."""
    return Path(os.environ.get("CLONED_CACHE", "var")) / "ocsinventory-reports/usr/share/ocsinventory-reports/files"


def missing() -> str:
    """What is not there, "" where all is."""
    gone = [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    places = [str(path) for path in (CONFIG, schema() / "ocsbase.sql") if not path.exists()]
    return ", ".join(gone + places)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealOcs:
    """`url` is where agents post; `rows` asks its database."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.db_port = folder, free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}/ocsinventory"
        self._client = ["mariadb", "--no-defaults", "-uroot", f"-S{folder}/db.sock"]

    def rows(self, query: str) -> list[list[str]]:
        told = subprocess.run(
            [*self._client, "-N", "-B", "ocsweb", "-e", query], capture_output=True, text=True, check=True
        )
        return [line.split("\t") for line in told.stdout.splitlines()]

    @contextlib.contextmanager
    def running(self) -> Iterator[RealOcs]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._database())
            stack.enter_context(self._apache())
            yield self

    @contextlib.contextmanager
    def _database(self) -> Iterator[None]:
        data = self.folder / "data"
        install = ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db",
                   "--auth-root-authentication-method=normal"]  # fmt: skip
        subprocess.run(install, check=True, capture_output=True)
        serve = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={self.folder}/db.sock",
                 f"--port={self.db_port}", "--bind-address=127.0.0.1", "--sql-mode="]  # fmt: skip
        with (self.folder / "db.log").open("wb") as log, subprocess.Popen(serve, stdout=log, stderr=log) as process:
            try:
                block_until(
                    lambda: subprocess.run([*self._client, "-e", "select 1"], capture_output=True).returncode == 0
                )
                self._fill()
                yield
            finally:
                process.terminate()

    def _fill(self) -> None:
        users = "".join(
            f"CREATE USER 'ocs'@'{host}' IDENTIFIED BY 'ocs'; GRANT ALL ON ocsweb.* TO 'ocs'@'{host}';"
            for host in ("%", "localhost")
        )
        subprocess.run([*self._client, "-e", f"CREATE DATABASE ocsweb; {users}"], check=True)
        steps = sorted((schema() / "update").glob("*.sql"), key=lambda path: int(path.stem))
        for path in (schema() / "ocsbase.sql", *steps):  # its installer, too, goes over what is there already
            with path.open("rb") as file:
                subprocess.run([*self._client, "-f", "ocsweb"], stdin=file, capture_output=True, check=False)

    @contextlib.contextmanager
    def _apache(self) -> Iterator[None]:
        log = self.folder / "log"
        log.mkdir()
        shutil.chown(log, "www-data")
        told = CONFIG.read_text()
        for old, new in (
            ("OCS_DB_HOST localhost", "OCS_DB_HOST 127.0.0.1"),
            ("OCS_DB_PORT 3306", f"OCS_DB_PORT {self.db_port}"),
            ('"/var/log/ocsinventory-server/"', f'"{log}/"'),
        ):
            assert old in told
            told = told.replace(old, new)
        (self.folder / "ocs.conf").write_text(told)
        modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
        (self.folder / "httpd.conf").write_text(
            f"ServerRoot {self.folder}\nServerName localhost\nPidFile {self.folder}/apache.pid\nErrorLog {log}/error\n"
            f"Listen 127.0.0.1:{self.port}\n{modules}User www-data\nGroup www-data\nStartServers 2\nInclude {self.folder}/ocs.conf\n"
        )
        serve = ["apache2", "-f", str(self.folder / "httpd.conf"), "-D", "FOREGROUND"]
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        own = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "start_new_session": True,
        }  # it ends its whole group
        with subprocess.Popen(serve, env=environment, **own) as process:
            try:
                block_until(self._answers)
                yield
            finally:
                process.terminate()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
