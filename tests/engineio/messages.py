"""Messages that any Socket.IO server answers: a CONNECT to a namespace that it does not have, which is refused."""


def question(number: int) -> str:
    """One message."""
    return f"40/nowhere-{number},"


def is_answer(packet: str, number: int) -> bool:
    """Whether this is what is said to it."""
    return packet.startswith(f"44/nowhere-{number},")


GREETING = "40/custom,"
"""A CONNECT to the namespace of the application."""
EVENT = '451-/custom,["message",{"_placeholder":true,"num":0}]'
"""An event of which a binary packet follows, and comes back."""
EVENT_BACK = '451-/custom,["message-back",{"_placeholder":true,"num":0}]'
