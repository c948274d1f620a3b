"""The switches, a module for each part of the protocol."""
