"""The signalling server: admits clients, keeps rosters, brokers signals, relays sealed packets."""
