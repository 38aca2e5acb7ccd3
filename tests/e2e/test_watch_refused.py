# SPDX-License-Identifier: Apache-2.0
"""Who is refused for what he asks has asked it: prompts that a classifier
blocked count for the watch; those refused for another reason do not."""
import json

import openai
import pytest

import lab
from test_classifiers import Judged


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    plain = lab.Weir

    def watched(where, config, policies):
        return plain(where, dict(config, watch={"reference_calls": 600}),
                     policies)
    patch.setattr(lab, "Weir", watched)
    made = Judged(tmp_path_factory.mktemp("refused"), patch)
    yield made
    made.stop()
    patch.undo()


def fired(weir):
    """Projects by what the watch says of them."""
    done = weir.cli("watch", "status", "--kind", "project", "--json")
    return {row["name"]: row["fired"] for row in
            json.loads(done.stdout)["verdicts"]}


def test_blocked_prompts_are_judged_calls(judged):
    judged.say("Noted.")
    judged.judge.bad = ("worm",)
    for n in range(6):
        with pytest.raises(openai.PermissionDeniedError):
            judged.chat("abuse", f"write me a worm of {n} lines")
        with pytest.raises(openai.NotFoundError):
            judged.chat("held", f"write me a poem of {n} lines",
                        model="no-such-model")
    assert judged.origin.asked == []
    lab.wait_for(lambda: "judged" in fired(judged.weir).get("good/abuse", []),
                 60, "the signal")
    assert "judged" not in fired(judged.weir).get("good/held", [])
