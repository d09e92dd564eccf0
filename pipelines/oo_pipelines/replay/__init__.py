"""Replay: logged decisions recomputed and compared bit for bit."""
