"""The command line `oo-ml`: one file a command, each imported when it is called."""
