"""A small network with our server in it, for other people's programs to use."""

import pytest

from cloned import live
from cloned.lab.bootlab import boot_lab
from cloned.lab.stock import cache_root
from cloned.netboot.files import build_boot_files


@pytest.fixture(scope="session")
def parts():
    """Boot files and live system, built once and kept."""
    root = cache_root()
    live.build(root / "live", progress=lambda text: None)
    return build_boot_files(root / "boot"), root / "live"


@pytest.fixture
def lab(parts):
    with boot_lab(*parts, laptops=6) as made:
        yield made
