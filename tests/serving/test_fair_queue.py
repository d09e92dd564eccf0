"""The queue against a plain model of it: order, bounds, and who is refused."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from oo_serving.fair_queue import FairQueue, PendingMessage

CAPACITY, MAX_BYTES = 6, 60
messages = st.tuples(st.sampled_from("abcdef"), st.integers(0, 30))
steps = st.lists(st.one_of(messages, st.just("pop"), st.just("fail")), max_size=60)


def message(place, sender, size=1):
    return PendingMessage("s", f"{place}", b"x" * size, sender)


def filled(*senders, capacity=CAPACITY, size=1):
    queue = FairQueue(capacity, 1_000_000)
    refused = [item for place, sender in enumerate(senders) for item in queue.append(message(place, sender, size))]
    return [queue.popleft().event_id for _ in range(len(queue))], [item.event_id for item in refused]


def test_one_sender_alone_is_refused_what_is_too_much():
    assert filled(*"aaaaaaaa") == (list("012345"), list("67"))


def test_the_noisy_makes_room_for_the_quiet_with_its_newest():
    assert filled(*"aaaaaabcd") == (list("012678"), list("543"))


def test_the_newest_of_equals_is_refused():
    assert filled(*"abcdefg") == (list("012345"), ["6"])


def test_many_bytes_are_a_large_share_too():
    queue = FairQueue(100, 1_000)
    for place in range(9):
        queue.append(message(place, "large", 100))

    for place in range(20, 50):
        assert all(item.sender == "large" for item in queue.append(message(place, f"small-{place}", 10)))


def test_many_names_push_out_nobodys_only_message():
    """However large it is, and however small theirs are."""
    queue = FairQueue(100, 1_000_000)
    for place in range(50):
        queue.append(message(place, f"honest-{place}", 12_000))

    for place in range(50, 500):
        refused = queue.append(message(place, f"name-{place}", 600))
        assert [item.event_id for item in refused] == ([f"{place}"] if place >= 100 else [])


def test_a_share_that_was_sent_is_no_share_any_more():
    queue = FairQueue(4, 1_000)
    for place in range(4):
        queue.append(message(place, "a"))
    for _ in range(4):
        queue.popleft()

    refused = [item for place, sender in enumerate("abbbb") for item in queue.append(message(place, sender))]

    assert [(item.sender, item.event_id) for item in refused] == [("b", "4")]


@given(steps)
def test_order_and_bounds_hold_whatever_happens(steps):
    queue, expected, number = FairQueue(CAPACITY, MAX_BYTES), [], 0
    for step in steps:
        if step == "fail":  # a batch that was taken and not published
            batch = [queue.popleft() for _ in range(min(2, len(queue)))]
            queue.restore(batch)
        elif step == "pop":
            if len(queue):
                assert queue.popleft() == expected.pop(0)
        else:
            number += 1
            added = message(number, *step)
            expected.append(added)
            for refused in queue.append(added):
                counts = Counter(item.sender for item in expected)
                sizes = Counter()
                for item in expected:
                    sizes[item.sender] += len(item.data)
                parts = counts if len(expected) > CAPACITY else sizes
                assert parts[refused.sender] == max(parts.values())
                assert refused == [item for item in expected if item.sender == refused.sender][-1]
                expected.remove(refused)
        assert len(queue) == len(expected) <= CAPACITY
        assert queue.size == sum(len(item.data) for item in expected) <= MAX_BYTES
    assert [queue.popleft() for _ in range(len(queue))] == expected
