"""`/generate` through the ingress: a tip in words, by a prompt version that comes back."""

from __future__ import annotations

import uuid

import pytest
from nats_reader import events
from waiting import eventually

ASK = {
    "user_id": "u-1",
    "timezone": "Europe/Berlin",
    "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4, "due": {"date": "2026-11-22"}}],
    "candidate": {"id": "c-1", "kind": "task", "task_id": "t-1"},
}


@pytest.mark.parametrize(
    ("asked", "used"), [({}, "v1"), ({"prompt_version": "v1"}, "v1"), ({"prompt_version": "v2"}, "v2")]
)
def test_a_tip_says_which_prompt_wrote_it(stack, asked, used):
    request = f"g-{uuid.uuid4()}"

    reply = stack.post("/generate", ASK | asked | {"request_id": request})

    tip = reply.json()
    assert reply.status_code == 200
    assert tip["tip"].strip()
    assert tip["prompt_version"] == used
    logged = events(stack, "decisions.generate", lambda event: event["request_id"] == request)
    assert [event["prompt_version"] for event in logged] == [used]


def test_an_unknown_version_is_refused_with_the_known_ones(stack):
    reply = stack.post("/generate", ASK | {"prompt_version": "v999"})

    problem = reply.json()
    assert reply.status_code == 422
    assert problem["errors"][0]["pointer"] == "/prompt_version"
    assert all(version in problem["errors"][0]["detail"] for version in ("v1", "v2"))


def test_the_local_model_writes_tips(stack):
    replies = []  # on a busy machine the template is often quicker

    def written():
        replies.append(stack.post("/generate", ASK | {"prompt_version": "v1"}).json())
        return replies[-1]["fallback"] is None and replies[-1]["usage"]["completion_tokens"] > 0

    assert eventually(written, patience=120), replies
