"""Our declarations in Feast's terms, of the extra `oo-features[feast]`: import a module of this only when asked.

Importing Feast takes 4 s and 200 MB, and changes how this process's sqlite3 writes instants. Nothing that serves
imports it, and no serving image has it. Feast is told what is declared here and is never the home of it.
"""
