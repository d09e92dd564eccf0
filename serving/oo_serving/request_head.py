"""The head of an outgoing request: its line and its headers, of which no part can end the line that it is in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

__all__ = ["Headers", "header_value", "is_header_value", "request_head"]

Headers = Iterable[tuple[bytes, bytes]]
VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")
_name = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_value = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch  # RFC 9110: no control but the tab
_target = re.compile(rb"[\x21-\x7e]+").fullmatch  # of a request, and a host


def header_value(text: str) -> bytes:
    """Return any text as a header value, in which whatever is not visible ASCII is percent-encoded.

    So different texts stay different.

    >>> header_value("r-1"), header_value("a b\\r\\nx: 1")
    (b'r-1', b'a%20b%0D%0Ax:%201')
    """
    return quote(text, safe=VISIBLE_ASCII, errors="replace").encode("ascii")


def is_header_value(value: bytes) -> bool:
    """Whether bytes can be sent as a header value as they are."""
    return _value(value) is not None


def request_head(method: bytes, target: bytes, host: bytes, headers: Headers) -> bytes:
    """Return the request up to its body.

    Raises:
        ValueError: a part would end its line, or is no header; callers make texts fit by `header_value`.
    """
    if not (_name(method) and _target(target) and _target(host)):
        raise ValueError(f"cannot be asked for: {target!r} at {host!r}")
    lines = [b"%s %s HTTP/1.1" % (method, target), b"host: %s" % host]
    for name, value in headers:
        if not (_name(name) and _value(value)):
            raise ValueError(f"cannot be sent as a header: {name!r}")  # its value may be a secret
        lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join([*lines, b"\r\n"])
