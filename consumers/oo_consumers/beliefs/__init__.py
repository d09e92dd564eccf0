"""What the policies believe: a fold over the rewards of closed rounds, kept in a bucket, rebuilt from the streams."""
