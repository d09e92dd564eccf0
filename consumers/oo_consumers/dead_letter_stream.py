"""The stream of dead letters: a message that cannot be processed, as far as one message of the server can hold it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import Header
from oo_contracts.subjects import dlq_subject

from oo_consumers.subscription import DeadLetter

__all__ = ["DeadLetterStream"]

REASON_HEADER = "Oo-Reason"
SUBJECT_HEADER = "Oo-Subject"
TRUNCATED_HEADER = "Oo-Truncated"  # how many bytes there were, when not all of them fit
MAX_HEADER_BYTES = 60_000  # bytes; JetStream takes no more than 64 KiB
HEADER_OVERHEAD_BYTES = 4  # ": " and the end of the line, for each header
HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110


@dataclass(frozen=True, slots=True)
class DeadLetterStream:
    """The stream `dlq.<durable>`: the message as it was, its headers, where it came from and why it is there."""

    js: JetStreamContext
    limit: Callable[[], int]  # bytes that one message may have; the server says so

    async def put(self, durable: str, message: DeadLetter, reason: str) -> None:
        """Publish a message once, even when it is delivered again because its acknowledgement was lost.

        Raises:
            nats.errors.Error: NATS refused the message or is away.
        """
        own = {
            SUBJECT_HEADER: message.subject,
            REASON_HEADER: reason,
            Header.MSG_ID.value: f"{durable}:{message.stream_position}",
        }
        original = {name: _clean(value) for name, value in message.headers.items() if _sendable(name)}
        headers, data = _fit_headers(original, own, message.data, self.limit())
        await self.js.publish(dlq_subject(durable), data, headers=headers)


def _sendable(name: str) -> bool:
    """Return whether NATS lets us send a header of this name.

    It takes more from others: one such header would keep a message from ever being buried.
    """
    return re.fullmatch(HEADER_NAME, name) is not None and not name.startswith("Nats-")


def _clean(value: str) -> str:
    """Return the value as a header can carry it: controls and bytes that are no text become question marks."""
    return "".join(sign if sign.isprintable() else "?" for sign in value)


def _fit_headers(
    original: dict[str, str], own: dict[str, str], data: bytes, limit: int
) -> tuple[dict[str, str], bytes]:
    """Return headers and data within the limits.

    Our headers come on top of what may fill a message already: what does not fit is cut, and a header says so.
    """
    whole = {**original, **own}
    if _size(whole) <= MAX_HEADER_BYTES and _size(whole) + len(data) <= limit:
        return whole, data
    own_truncated = own | {TRUNCATED_HEADER: str(len(data))}
    headers = (
        original | own_truncated if _size(original | own_truncated) <= min(MAX_HEADER_BYTES, limit) else own_truncated
    )
    return headers, data[: max(0, limit - _size(headers))]


def _size(headers: Mapping[str, str]) -> int:
    return 32 + sum(len(name.encode()) + len(value.encode()) + HEADER_OVERHEAD_BYTES for name, value in headers.items())
