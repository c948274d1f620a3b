"""The command `eitherway`."""
