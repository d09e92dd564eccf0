"""Off-policy evaluation of tables of logged rounds, our own or others'."""
