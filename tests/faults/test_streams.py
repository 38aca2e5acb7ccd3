# SPDX-License-Identifier: Apache-2.0
"""Many streams at once: none breaks, memory stays within its limit, and what
does not fit is refused in so many words. `make soak` opens 20,000."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import streams  # noqa: E402


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    # Half of them must be more than two workers may let in between two looks
    # at their memory (256 calls each), however fast they come.
    options = streams.parse(["--streams", "1500", "--gap", "1000",
                             "--events", "6"])
    return {one["phase"]: one for one in
            streams.measure(options, tmp_path_factory.mktemp("streams"))}


def test_all_stay_open_where_there_is_room(found):
    assert found["ample"]["faults"] == []


def test_what_does_not_fit_is_refused_and_the_rest_ends_well(found):
    assert found["tight"]["faults"] == []
