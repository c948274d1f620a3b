"""What the server answers over plain HTTP."""
