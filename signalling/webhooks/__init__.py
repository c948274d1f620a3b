"""Webhooks: what happens in rooms, told to other services by HTTP requests (Standard Webhooks)."""
