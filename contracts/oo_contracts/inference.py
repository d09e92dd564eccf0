"""This module names the headers in which a transformer describes its call to the predictors.

A mirrored copy may arrive so late that its caller has left; its body is never read
then, and these headers alone identify it.
"""

from __future__ import annotations

__all__ = ["DEADLINE_HEADER", "JSON_LENGTH_HEADER", "REQUEST_ID_HEADER", "TENSORS_CONTENT_TYPE"]

REQUEST_ID_HEADER = b"x-oo-request-id"  # of the decision, percent-encoded; gateways replace x-request-id
DEADLINE_HEADER = b"x-oo-deadline"  # Unix seconds until when an answer is of use, by the transformer's clock

# The binary tensor extension of the Open Inference Protocol: raw tensors follow the JSON, and a header says where.
JSON_LENGTH_HEADER = b"inference-header-content-length"  # bytes of the JSON that stands before the tensors
TENSORS_CONTENT_TYPE = b"application/octet-stream"
