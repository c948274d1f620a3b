"""Identity: the key file, and incarnations that only ever grow."""

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from peers.identity import BadIdentity, Identity
from signalling.protocol.ids import PEER_ID, peer_id


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_generated_identity_signs_under_the_key_its_id_is_made_of() -> None:
    identity = Identity.generate()
    assert PEER_ID.fullmatch(identity.id)
    assert identity.id == peer_id(identity.key)
    Ed25519PublicKey.from_public_bytes(identity.key).verify(identity.sign(b"data"), b"data")
    assert identity.id != Identity.generate().id
    assert identity.id in repr(identity)


def test_load_makes_a_private_file_and_finds_the_same_identity_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key.pem"
    made = Identity.load(path)
    assert mode(path) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert Identity.load(path).id == made.id
    assert [file.name for file in path.parent.iterdir()] == ["key.pem"]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_a_file_that_others_may_use_is_refused_with_the_cure(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "key.pem"
    Identity.load(path)
    path.chmod(bits)
    with pytest.raises(BadIdentity, match=f"chmod 600 {path}"):
        Identity.load(path)


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"", "no private key"),
        (b"hello", "no private key"),
        (
            X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "another kind of key",
        ),
        (
            Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
            ),
            "encrypted",
        ),
    ],
)
def test_a_file_that_is_no_plain_ed25519_key_is_refused(tmp_path: Path, pem: bytes, says: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    with pytest.raises(BadIdentity, match=says):
        Identity.load(path)
    assert path.read_bytes() == pem


def test_storing_never_replaces_a_key(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    kept = Identity.load(path)
    with pytest.raises(FileExistsError):
        Identity.generate().store(path)
    assert Identity.load(path).id == kept.id
    assert list(tmp_path.iterdir()) == [path]


def test_two_programs_that_start_at_once_get_the_same_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    store = Identity.store
    other = Identity.generate()

    def beaten(self: Identity, target: str | os.PathLike[str]) -> None:
        store(other, target)
        store(self, target)

    monkeypatch.setattr(Identity, "store", beaten)
    assert Identity.load(path).id == other.id


def test_a_stored_identity_keeps_the_incarnations_it_had(tmp_path: Path) -> None:
    identity = Identity.generate()
    assert identity.next_incarnation("lobby", 5_000) == 5_000
    identity.store(tmp_path / "key.pem")
    assert Identity.load(tmp_path / "key.pem").next_incarnation("lobby", 4_000) == 5_001


@pytest.mark.parametrize("kept", [True, False])
def test_incarnations_grow_whatever_the_clock_does(tmp_path: Path, kept: bool) -> None:
    identity = Identity.load(tmp_path / "key.pem") if kept else Identity.generate()
    given = [identity.next_incarnation("lobby", clock) for clock in (1_000, 1_000, 500, 999, 2_000, 1, 2_001)]
    assert given == [1_000, 1_001, 1_002, 1_003, 2_000, 2_001, 2_002]
    assert identity.next_incarnation("other room", 7) == 7
    assert identity.next_incarnation("lobby", 7, above=9_000) == 9_001


def test_incarnations_outlive_the_program_when_the_clock_is_set_back(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert Identity.load(path).next_incarnation("lobby", 1_700_000_000_000) == 1_700_000_000_000
    assert Identity.load(path).next_incarnation("lobby", 1_600_000_000_000) == 1_700_000_000_001
    beside = tmp_path / "key.pem.incarnations"
    assert json.loads(beside.read_text()) == {"lobby": 1_700_000_000_001}
    assert mode(beside) == 0o600


def test_two_programs_of_one_identity_never_share_an_incarnation(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    one, two = Identity.load(path), Identity.load(path)
    given = [each.next_incarnation("lobby", 1_000) for each in (one, two, one, one, two)]
    assert given == sorted(set(given))


def test_a_number_is_stored_before_it_is_used_and_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.pem"
    identity = Identity.load(path)
    identity.next_incarnation("lobby", 1_000)

    def full(descriptor: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        identity.next_incarnation("lobby", 2_000)
    monkeypatch.undo()
    assert json.loads((tmp_path / "key.pem.incarnations").read_text()) == {"lobby": 1_000}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key.pem", "key.pem.incarnations"]
    assert Identity.load(path).next_incarnation("lobby", 0) == 1_001


@pytest.mark.parametrize("damage", ["", "[]", '{"lobby": "x"}', '{"lobby": -1}', '{"lobby": true}', '{"lobby": 1e300}'])
def test_damaged_incarnations_are_refused_with_the_cure(tmp_path: Path, damage: str) -> None:
    identity = Identity.load(tmp_path / "key.pem")
    (tmp_path / "key.pem.incarnations").write_text(damage)
    with pytest.raises(BadIdentity, match="remove it"):
        identity.next_incarnation("lobby", 1_000)


def test_no_incarnation_is_beyond_what_every_json_carries() -> None:
    identity = Identity.generate()
    assert identity.next_incarnation("lobby", 2**53 - 1) == 2**53 - 1
    with pytest.raises(BadIdentity, match="beyond"):
        identity.next_incarnation("lobby", 1)
