"""The whole system on one machine, and the oo-ml command line."""
