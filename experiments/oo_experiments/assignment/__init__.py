"""This package is the assignment of users to variants, and the experiments that define them."""
