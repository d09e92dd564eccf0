"""What experiments, prompt versions and policies have earned, each with its interval.

Rewards are of closed rounds; the open ones are counted apart. `--html FILE` writes one self-contained page.
"""
