"""Every feature, declared once: context, profile mirror, candidate; feature sets and their fingerprint."""
