"""What a ranking decision is and how it is made."""
