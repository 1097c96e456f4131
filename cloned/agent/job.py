"""What the carrying out of every order begins with."""

from __future__ import annotations

from cloned.agent import disks
from cloned.agent.client import DaemonClient
from cloned.agent.options import AgentOptions
from cloned.agent.reporter import Reporter
from cloned.agent.status import Status
from cloned.order_types import Order


class Job:
    """One order on its way; subclasses have a `run` that raises AgentError or Stopped."""

    def __init__(
        self,
        options: AgentOptions,
        client: DaemonClient,
        reporter: Reporter,
        status: Status,
        order: Order,
        told: disks.ToldDisk,
    ) -> None:
        """`told`: facts of the disk that were given, not found (disks.scan)."""
        self._options, self._client, self._reporter, self._status = options, client, reporter, status
        self._order, self._told = order, told

    def _disk(self) -> disks.DiskFacts:
        """The disk that the order names; AgentError if it is not there, or not alone."""
        return disks.choose(self._order["disk"], disks.scan(self._options.only_disk, self._told))
