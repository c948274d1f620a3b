"""Keys for tokens in tests, made once."""

from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET: Final = "a secret of more than thirty-two bytes"
OTHER_SECRET: Final = "another one that is as long as it must be"
RSA: Final = rsa.generate_private_key(65_537, 2_048)
ED25519: Final = Ed25519PrivateKey.generate()


def private_pem(key: Any) -> str:
    """The text of a private key's file."""
    form = serialization.PrivateFormat.PKCS8
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return pem.decode()


def public_pem(key: Any) -> str:
    """The text of the file of a private key's public one."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, spki)
    return pem.decode()
