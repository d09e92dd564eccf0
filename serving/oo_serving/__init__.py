"""This package holds what both KServe servers share: process tuning, the fast path, problems, and the outbox."""
