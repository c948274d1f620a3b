"""Options from variables and from flags."""

import pytest

from signalling.config import Config


def test_variables_override_defaults() -> None:
    config = Config.from_env(
        {
            "EITHERWAY_PORT": "9000",
            "EITHERWAY_GRACE": "1.5",
            "EITHERWAY_STUN": "false",
            "EITHERWAY_ORIGINS": "https://a.example, https://b.example",
            "UNRELATED": "x",
        }
    )
    assert config == Config(port=9000, grace=1.5, stun=False, origins=("https://a.example", "https://b.example"))


def test_no_variables_are_the_defaults() -> None:
    assert Config.from_env({}) == Config()


@pytest.mark.parametrize(("name", "value"), [("PORT", "x"), ("PORT", "65536"), ("GRACE", "-1"), ("STUN", "perhaps")])
def test_a_bad_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="EITHERWAY_" + name):
        Config.from_env({"EITHERWAY_" + name: value})


def test_flags_override_variables() -> None:
    assert Config(port=9000).changed(port=9001, origins=["https://a.example"]).port == 9001
    with pytest.raises(ValueError, match="--max-peers"):
        Config().changed(max_peers=0)
