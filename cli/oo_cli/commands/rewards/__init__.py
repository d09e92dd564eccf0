"""What reactions are worth. Reactions are stored, rewards derived: a new table revalues all of history.

`oo-ml rewards compare v1 mine.toml` shows what would change; `oo-ml train --rewards mine.toml` learns by it.
"""
