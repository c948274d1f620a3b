"""Values in the vectors' JSON: what JSON has stands for itself, what it lacks is an object with one key.

{"bytes": "00ff"}   bytes, in hex           {"float": "0.5"}   a float (also "nan", "inf", "-inf", "-0.0")
{"map": [["key", value], ...]}              a map, in the order of its keys
"""

from typing import Any


def to_json(value: Any) -> Any:
    """A value as the vectors write it."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, dict):
        return {"map": [[key, to_json(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any) -> Any:
    """The value that the vectors mean."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if isinstance(value, dict):
        ((tag, content),) = value.items()
        if tag == "bytes":
            return bytes.fromhex(content)
        if tag == "float":
            return float(content)
        return {key: from_json(item) for key, item in content}
    return value
