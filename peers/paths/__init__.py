"""The ways for packets to travel: relay and direct."""
