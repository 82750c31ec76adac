"""A certificate authority for one test run, made with the openssl command."""

import subprocess
from pathlib import Path


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)


def make_key(path: Path) -> None:
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path))


def make_public_key(key: Path, path: Path) -> None:
    openssl("pkey", "-in", str(key), "-pubout", "-out", str(path))


class Authority:
    """Certificates and keys in PEM files inside `folder`; `certificate` is the authority's own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.certificate = folder / "ca.crt"
        self.key = folder / "ca.key"
        make_key(self.key)
        openssl("req", "-new", "-x509", "-days", "2", "-subj", "/CN=lastgasp test CA",
                "-addext", "keyUsage=critical,keyCertSign",
                "-key", str(self.key), "-out", str(self.certificate))

    def issue(self, name: str, subject: str, usage: str,
              alternatives: str = "") -> tuple[Path, Path]:
        """Returns (certificate, key); usage is serverAuth or clientAuth, alternatives as in
        subjectAltName ("IP:127.0.0.1,DNS:localhost")."""
        certificate, key, request, extensions = (
            self.folder / f"{name}.{suffix}" for suffix in ("crt", "key", "csr", "ext"))
        make_key(key)
        openssl("req", "-new", "-subj", subject, "-key", str(key), "-out", str(request))
        extensions.write_text(f"extendedKeyUsage={usage}\n"
                              + (f"subjectAltName={alternatives}\n" if alternatives else ""))
        openssl("x509", "-req", "-days", "2", "-in", str(request), "-extfile", str(extensions),
                "-CA", str(self.certificate), "-CAkey", str(self.key), "-out", str(certificate))
        return certificate, key
