"""The server, real, on a loopback port."""
