"""TLS on both addresses: curl, openssl and Python's own."""

import shutil
import socket
import ssl
import subprocess
import time

import pytest

from harness.raw import read_all
from harness.wait import until

ROUTE = '[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nupstream = "api"\n'


def openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Certificates for localhost: `first` and `second` are good, `old` was."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("first", "second"):
        openssl(
            *("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split()),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", f"nsComment={name}"),
            *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")),
        )
    openssl("req", "-new", "-key", str(folder / "first.key"), "-subj", "/CN=localhost", "-out", str(folder / "csr"))
    (folder / "ca").mkdir()
    (folder / "ca" / "index").touch()
    (folder / "ca" / "serial").write_text("01")
    (folder / "ca.conf").write_text(
        f"[ca]\ndefault_ca=c\n[c]\ndatabase={folder}/ca/index\nserial={folder}/ca/serial\nnew_certs_dir={folder}/ca\n"
        "default_md=sha256\npolicy=p\nx509_extensions=e\n[e]\nbasicConstraints=CA:FALSE\n[p]\ncommonName=supplied\n"
    )
    openssl(
        *("ca", "-batch", "-config", str(folder / "ca.conf"), "-selfsign", "-keyfile", str(folder / "first.key")),
        *("-in", str(folder / "csr"), "-out", str(folder / "old.pem"), "-startdate", "20200101000000Z"),
        *("-enddate", "20200201000000Z", "-notext"),
    )
    return folder


@pytest.fixture
def served(made, tmp_path):
    """The files that a server is told of."""
    shutil.copy(made / "first.pem", tmp_path / "cert.pem")
    shutil.copy(made / "first.key", tmp_path / "key.pem")
    return tmp_path


def environment(folder, **more):
    files = {"CERT": str(folder / "cert.pem"), "KEY": str(folder / "key.pem")}
    return {**{f"COUNTERSIGN__LISTEN__TLS__{name}": value for name, value in files.items()}, **more}


def client(ca, **options) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    for name, value in options.items():
        setattr(context, name, value)
    return context


def connect(server, context, session=None):
    return context.wrap_socket(socket.create_connection(server.address, timeout=10), server_hostname="localhost", session=session)


def ask(connection) -> bytes:
    connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return read_all(connection)


@pytest.mark.parametrize(("option", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_is_served_in_the_version_that_it_prefers(start, made, served, option, version):
    server = start(ROUTE, **environment(served))
    url = f"https://localhost:{server.home.public}/thing?a=b"
    done = subprocess.run(
        ["curl", "-sS", option, "--cacert", str(made / "first.pem"), "-d", "body", "-w", "\n%{http_version} %{http_code}", url],
        capture_output=True,
        text=True,
    )
    assert done.stdout.endswith(f"\n{version} 200"), done
    assert '"target": "/thing?a=b"' in done.stdout
    assert '["x-forwarded-proto", "https"]' in done.stdout.lower()
    assert f'["x-forwarded-host", "localhost:{server.home.public}"]' in done.stdout.lower()


def test_old_versions_of_tls_are_refused_and_tls_1_2_is_not(start, made, served):
    server = start(ROUTE, **environment(served))
    for version, served_there in [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)]:
        context = client(made / "first.pem", minimum_version=version, maximum_version=version)
        with connect(server, context) as connection:
            assert (b" 200 " in ask(connection)) is served_there
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.home.public}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        input="",
        capture_output=True,
        text=True,
    )
    assert "alert" in done.stderr and "Cipher is (NONE)" in done.stdout


def test_a_session_is_resumed(start, made, served):
    server = start(ROUTE, **environment(served))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client(made / "first.pem", minimum_version=version, maximum_version=version)
        with connect(server, context) as connection:
            ask(connection)
            session = connection.session
        with connect(server, context, session) as connection:
            assert connection.session_reused


def test_a_certificate_that_is_renewed_is_served_and_connections_stay(start, made, served):
    server = start(ROUTE, **environment(served))
    before = connect(server, client(made / "first.pem"))
    # First the one, then the other: for a moment they do not fit.
    shutil.copy(made / "second.pem", served / "cert.pem")
    until("the mismatch is told", lambda: "a certificate was not renewed" in server.log(), 10)
    connect(server, client(made / "first.pem")).close()
    shutil.copy(made / "second.key", served / "key.pem")

    def renewed():
        try:
            connect(server, client(made / "second.pem")).close()
        except ssl.SSLError:
            return False
        return True

    until("the second certificate is served", renewed, 10)
    assert b" 200 " in ask(before)


@pytest.mark.parametrize(
    ("cert", "key", "told"),
    [
        ("first.pem", "second.key", ["is not that of the certificate"]),
        ("old.pem", "first.key", ["has expired"]),
        ("old.pem", "second.key", ["has expired", "is not that of the certificate"]),
        ("missing.pem", "missing.key", ["missing.pem cannot be read", "missing.key cannot be read"]),
        ("first.key", "first.pem", ["has 0 certificates", "cannot be read as PEM"]),
    ],
)
def test_a_certificate_that_cannot_be_served_is_told_before_anything_is(make_home, made, monkeypatch, cert, key, told):
    home = make_home(ROUTE)
    for name, file in (("CERT", cert), ("KEY", key)):
        monkeypatch.setenv(f"COUNTERSIGN__LISTEN__TLS__{name}", str(made / file))
    for words in (("check",), ("serve",)):
        done = home.run(*words)
        assert done.returncode == 1
        assert all(text in done.stdout + done.stderr for text in told), done


def test_a_handshake_that_takes_too_long_is_cut_off(start, served):
    server = start('[limits]\ntls_handshake = "1s"\n' + ROUTE, **environment(served))
    began = time.monotonic()
    with socket.create_connection(server.address, timeout=10) as silent:
        silent.sendall(b"\x16\x03\x01")
        assert read_all(silent) == b""
    assert 0.9 < time.monotonic() - began < 5


def test_the_admin_side_speaks_tls_too(start, made, served):
    admin = {name.replace("LISTEN__TLS", "LISTEN__ADMIN_TLS"): value for name, value in environment(served).items()}
    server = start(ROUTE, **admin)
    assert server.admin("/readyz").body == b"ok\n"
    with socket.create_connection(("127.0.0.1", server.home.admin), timeout=10) as plain:
        plain.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP/1.1" not in read_all(plain)
