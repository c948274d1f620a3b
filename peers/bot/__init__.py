"""Bots: services that join rooms as peers, and stay there whatever happens."""

from peers.bot.bot import Bot

__all__ = ["Bot"]
