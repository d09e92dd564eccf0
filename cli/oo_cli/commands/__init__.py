"""The commands of `oo-ml`: a module each, whose function `run` is the command and whose name is its own."""
