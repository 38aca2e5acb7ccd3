# SPDX-License-Identifier: Apache-2.0
"""Options and houses of the fault tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "harness"))
from house import House  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--rounds", type=int, default=10,
                     help="rounds of kill -9 (10; the soak takes 200)")
    parser.addoption("--seed", type=int, default=None,
                     help="of the order and the moments of the kills")


@pytest.fixture
def make_house(tmp_path):
    """Builds houses and takes them down, whatever became of them."""
    made = []

    def make(**more):
        where = tmp_path / f"house{len(made)}"
        where.mkdir()
        made.append(House(where, **more))
        return made[-1]

    yield make
    for house in made:
        house.stop()
