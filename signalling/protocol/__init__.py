"""The wire between a client and the signalling server, spelled once and used by both sides."""
