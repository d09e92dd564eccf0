"""This module names the headers in which a transformer describes its call to the predictors.

A mirrored copy may arrive so late that its caller has left; its body is never read
then, and these headers alone identify it.
"""

from __future__ import annotations

__all__ = ["DEADLINE_HEADER", "REQUEST_ID_HEADER"]

REQUEST_ID_HEADER = b"x-oo-request-id"  # of the decision, percent-encoded; gateways replace x-request-id
DEADLINE_HEADER = b"x-oo-deadline"  # Unix seconds until when an answer is of use, by the transformer's clock
