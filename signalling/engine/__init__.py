"""The one place that knows private names of python-socketio and python-engineio (versions bounded in pyproject.toml).

`server` makes or adopts a python-socketio server, `websocket` and `queue` replace two of its parts, `packets` bounds
what comes in and spells what goes out.
"""
