"""Results in the real OCS Inventory server: what its database says afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from cloned.destinations import OcsSettings
from cloned.inventory import rows
from cloned.inventory.sinks.base import Delivery, Surroundings
from cloned.inventory.sinks.memory import FolderMemory
from cloned.inventory.sinks.ocs import Ocs
from tests.servers import real_ocs
from tests.wire.inventory.conftest import ROW

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(bool(real_ocs.missing()), reason=f"not here: {real_ocs.missing()} (make interop-ocs)"),
]
LAPTOPS = (
    "SELECT h.DEVICEID, h.NAME, h.DESCRIPTION, b.SSN, b.SMODEL, a.TAG, s.SERIALNUMBER, n.MACADDR FROM hardware h "
    "JOIN bios b ON b.HARDWARE_ID = h.ID JOIN accountinfo a ON a.HARDWARE_ID = h.ID "
    "JOIN storages s ON s.HARDWARE_ID = h.ID JOIN networks n ON n.HARDWARE_ID = h.ID ORDER BY h.ID"
)


def delivery(**more: object) -> Delivery:
    row = rows.clean(ROW | more)
    return Delivery(row.key, row.laptop, row.attempt, 1, row.data)


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="ocs-") as folder:
        Path(folder).chmod(0o755)  # Apache's children are www-data, and must come through
        with real_ocs.RealOcs(Path(folder)).running() as ocs:
            yield ocs


async def test_a_laptop_is_one_computer_through_all_its_clonings(server, tmp_path):
    settings = OcsSettings.model_validate({"name": "ocs", "type": "ocs", "url": server.url})
    sink = Ocs(settings, Surroundings(memory=FolderMemory(tmp_path)))
    try:
        assert (await sink.send(delivery())).said == ()
        second = await sink.send(delivery(attempt=2, verdict="differs", tag="DM-9999", at="2026-12-24T10:00:00.000Z"))
        other = await sink.send(
            delivery(laptop="b2", serial="PF0BBBB2", tag="DM-0413", macs=["8c:16:45:00:00:02"], product='Élan <14">')
        )
        assert [line.possible for line in await sink.rehearse(delivery())] == [True] * 5
    finally:
        await sink.close()
    assert second.said == ("OCS keeps another TAG than ours: it takes it at the first inventory only",)
    assert other.said == ()
    assert server.rows(LAPTOPS) == [
        ["PF0AAAA1-2026-11-28-19-04-05", "DM-9999", "cloned: school-2026, differs, 2026-12-24", "PF0AAAA1", "20L6S0ABCD",
         "DM-0412", "S3Z9", "8c:16:45:00:00:01"],
        ["PF0BBBB2-2026-11-28-19-04-05", "DM-0413", "cloned: school-2026, verified, 2026-11-28", "PF0BBBB2", 'Élan <14">',
         "DM-0413", "S3Z9", "8c:16:45:00:00:02"],
    ]  # fmt: skip
