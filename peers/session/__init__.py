"""The session of a link: no input or output, no clock, no randomness of its own.

Where the rules of docs/protocol.md live:

    S1, S2, K2, K3  binding, handshake, link_core      which session this is, and its keys
    K4              seal, sealed                       packets sealed and opened
    S3, S6          lane, flight                       numbers, what goes again and when
    S4              credit, sender, receiver           windows, credit, order, whole messages
    S4, S5          unsequenced                        acknowledgements, pings, pongs, datagrams
    S5, S7          watch, liveness                    when to ping, suspect and trust
    S6, S7          routing                            which path, and how much room it has
    S8              flushes, byes                      how things end
    S10             everywhere: PeerLied (events)      a peer that lies
    constants       rules

`session.Session` puts S3 to S8 together.
"""
