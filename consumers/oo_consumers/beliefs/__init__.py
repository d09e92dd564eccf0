"""The beliefs of policies: a fold over the rewards of closed rounds, stored in a bucket and rebuilt from the
streams."""
