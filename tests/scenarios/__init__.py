"""The situations that the README's table of transports is about, under load: see `python -m tests.scenarios --help`."""
