# SPDX-License-Identifier: Apache-2.0
"""bench/farm in a small size: many small accounts that act as one, among
ordinary tenants, through nginx, module, writer and control."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "control"))
import farm  # noqa: E402
import lab  # noqa: E402

SIZE = dict(farm=240, ordinary=40, alike=16, busy=2, calls=80,
            busy_calls=400, seconds=15, share=(0.15, 0.19))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = lab.data_dir()
    if data is None:
        pytest.skip("WEIR_DATA is absent: no traces, no prompts")
    made = farm.Run(tmp_path_factory.mktemp("farm"), data, farm.Size(**SIZE))
    try:
        made.start()
        made.play()
        made.look()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def found(run):
    return farm.judge(run)


def test_every_call_is_answered_and_counted_once(run):
    assert run.statuses == {200: len(run.plan)}
    assert run.last_figures["again"] == 0
    assert run.last_figures["calls"] == len(run.plan)


def test_the_farm_is_found_and_hardly_anybody_else(found):
    assert found["recall"] > 0.5, found
    assert found["precision"] >= 0.95, found


def test_no_account_is_found_alone(found):
    assert found["felt_alone"] == []
    # The line of a case is passed by three windows in a thousand.
    assert found["farm_over_the_line_alone"] <= 12
    assert found["benign_over_the_line_alone"] <= 2


def test_who_is_slowed_is_the_farm_and_no_ordinary_tenant(run, found):
    met = farm.enforce(run, found)
    assert met["members_met"] == met["members_probed"] > 0
    assert met["ordinary_met"] == 0
