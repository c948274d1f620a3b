"""The peer library: rooms of peers, over WebRTC data channels or over the server."""
