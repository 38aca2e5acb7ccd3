# SPDX-License-Identifier: Apache-2.0
"""One weir, its origins and its keys, for all end-to-end tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "harness"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from house import House  # noqa: E402


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean_origin(request):
    """Every test begins with an origin that has no script and no counts."""
    if "house" in request.fixturenames:
        house = request.getfixturevalue("house")
        house.origin.reset()
        house.sealed.reset()
    yield
