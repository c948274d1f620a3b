"""The peer library: rooms of peers that talk over WebRTC data channels or, when the network forbids it, over the server."""
