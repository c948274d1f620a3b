"""Finds the bots that a command line names: `module:bot`."""

import importlib
import os
import sys
from collections.abc import Sequence

from peers.bot.bot import Bot


class CannotLoad(Exception):
    """A bot that cannot be loaded; the text says what to do."""


def load_all(specs: Sequence[str]) -> list[Bot]:
    """The bots of these names, each once. Modules are found from the working directory too. Raises CannotLoad."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    bots: dict[Bot, str] = {}
    for spec in specs:
        bot = load(spec)
        if bot in bots:
            raise CannotLoad(f"{spec} is the bot that {bots[bot]} is: name it once, with several --room")
        bots[bot] = spec
    return list(bots)


def load(spec: str) -> Bot:
    """The bot that `spec` names: `module:attribute`, or `module` for one that is called `bot`. Raises CannotLoad."""
    name, _, attribute = spec.partition(":")
    if name.endswith(".py") or os.sep in name:
        module = name.removesuffix(".py").strip("./").replace(os.sep, ".")
        raise CannotLoad(f"a bot is named by its module, {module}:{attribute or 'bot'}, not by its file, {name}")
    try:
        module_ = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise CannotLoad(
                f"there is no module {error.name!r}, neither installed nor in {os.getcwd()}: "
                "a bot is named as module:bot"
            ) from None
        raise CannotLoad(f"{name} needs the module {error.name!r}, which is not installed") from error
    except ValueError as error:
        raise CannotLoad(f"a bot is named as module:bot, not {spec!r}: {error}") from None
    except ImportError as error:  # what a module says that needs something
        raise CannotLoad(f"{name} cannot be imported: {error}") from None
    except Exception as error:
        raise CannotLoad(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    found = getattr(module_, attribute or "bot", None)
    if isinstance(found, Bot):
        return found
    others = sorted(other for other, value in vars(module_).items() if isinstance(value, Bot))
    hint = f"name one of {', '.join(f'{name}:{other}' for other in others)}" if others else "it has no bot"
    what = "is not there" if found is None else f"is a {type(found).__name__}, not a Bot"
    raise CannotLoad(f"{name}:{attribute or 'bot'} {what}: {hint}")
