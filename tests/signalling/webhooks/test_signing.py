"""Signatures, compared with the library of those who wrote the specification."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from signalling.webhooks.signing import headers, new_id, new_secret, read_secret, sign
from tests.signalling.webhooks.receivers import SECRET


@given(st.binary(min_size=24, max_size=64), st.integers(0, 2**33), st.text())
def test_they_are_those_of_the_library(key: bytes, timestamp: int, text: str) -> None:
    theirs = Webhook(key).sign("msg_1", datetime.fromtimestamp(timestamp, UTC), text)
    assert sign([key], "msg_1", timestamp, text.encode()) == theirs


def test_the_example_of_the_specification() -> None:
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_key_signs() -> None:
    one, two = read_secret(SECRET), read_secret(new_secret())
    assert sign([one, two], "a", 1, b"") == f"{sign([one], 'a', 1, b'')} {sign([two], 'a', 1, b'')}"
    assert sign([], "a", 1, b"") == ""


def test_secrets() -> None:
    assert len(read_secret(new_secret())) == 32
    assert new_secret() != new_secret()
    assert read_secret("whsec_" + "QUFB" * 11 + "QQ") == read_secret("whsec_" + "QUFB" * 11 + "QQ==")
    for wrong, why in (
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with 'whsec_'"),
        ("whsec_not base64!", "is base64"),
        ("whsec_QUFB", "has 24 to 64 bytes, this one 3"),
        ("whsec_" + "QUFB" * 22, "has 24 to 64 bytes, this one 66"),
    ):
        with pytest.raises(ValueError, match=why) as raised:
            read_secret(wrong)
        assert wrong not in str(raised.value)
        read_secret(str(raised.value).rpartition(" ")[2])  # what it offers instead


def test_ids_have_no_dot_which_separates_what_is_signed() -> None:
    ids = {new_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert not [id for id in ids if "." in id or not id.startswith("msg_")]
    assert headers("msg_1", 7, "v1,x")["webhook-timestamp"] == "7"
