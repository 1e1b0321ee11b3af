"""Floor 2: the send limit."""
