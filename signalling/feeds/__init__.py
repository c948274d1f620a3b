"""The public side of rooms: posts that the server keeps for a while, and those who watch them (no I/O, no clock)."""
