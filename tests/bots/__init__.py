"""Tests of bots: what their handlers may rely on, and that nothing a handler does stops the others."""
