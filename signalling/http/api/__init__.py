"""The HTTP API, `/api/v1`: rooms, their members, their feeds and tokens, for programs that speak no Socket.IO."""
