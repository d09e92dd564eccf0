"""What the two KServe servers share: process tuning, the ASGI short cut, problems, the outbox."""
