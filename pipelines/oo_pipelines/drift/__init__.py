"""Whether features look as they did before."""
