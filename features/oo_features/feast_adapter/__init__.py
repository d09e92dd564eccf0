"""This package expresses our declarations in Feast's terms; it needs the extra `oo-features[feast]`.

Importing Feast takes 4 s and 200 MB, and changes how this process's sqlite3 writes instants. So nothing that serves
imports this package, and no serving image has Feast. Features are declared here and copied to Feast, never the reverse.
"""
