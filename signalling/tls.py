"""TLS: the server's certificate, read again while it runs."""

import ssl
from pathlib import Path

from signalling.config import Config


class Certificate:
    """A certificate and its key in PEM files, and the context that serves them: TLS 1.2 or newer."""

    def __init__(self, certificate: str, key: str = "") -> None:
        """Raises ValueError that says which file to mend."""
        self._certificate = certificate
        self._key = key or certificate
        self.context = self._load()

    @classmethod
    def of(cls, config: Config) -> "Certificate | None":
        """The one that is configured; None: plain http. Raises ValueError."""
        if config.tls_cert:
            return cls(config.tls_cert, config.tls_key)
        if config.tls_key:
            raise ValueError("--tls-key: a certificate belongs to it, give --tls-cert too")
        return None

    def reload(self) -> None:
        """Reads the files again; connections that begin from now on get what is in them.

        Raises ValueError for what cannot be used, and goes on with what there was.
        """
        self._load()  # into a context of its own first: half of a new pair would be in use otherwise
        self.context.load_cert_chain(self._certificate, self._key, _no_password)

    def _load(self) -> ssl.SSLContext:
        for option, file in (("--tls-cert", self._certificate), ("--tls-key", self._key)):
            try:
                Path(file).read_bytes()
            except OSError as error:
                raise ValueError(f"{option}: {file} cannot be read: {error.strerror or error}") from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certificate, self._key, _no_password)
        except (ssl.SSLError, ValueError) as error:
            why = getattr(error, "reason", None) or str(error)
            raise ValueError(
                f"--tls-cert, --tls-key: no certificate and private key in PEM that belong together, without a "
                f"password: {self._certificate}, {self._key} ({why})"
            ) from None
        return context


def _no_password() -> str:
    """OpenSSL would ask whoever sits at the terminal."""
    return ""
