"""The session of a link: no input or output, no clock, no randomness of its own."""
