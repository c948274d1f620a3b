"""The signalling server: admits clients, keeps rosters, brokers offers, answers and candidates, relays sealed packets."""
