"""What travels on a link: frames, values, messages."""
