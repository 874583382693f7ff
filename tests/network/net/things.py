# SPDX-License-Identifier: Apache-2.0
"""What servers and programs need: certificates, keys, a repository, a database, static programs.
What the programs are given is in a directory of its own, and readable by everybody."""

import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import zipfile

from net.addresses import IDN, NGINX, ONLY6, SHELL, WEB, WEB6

VISITOR = 65533  # the user of the servers, under this number
# ssh(1) wants a key of its own user to be readable by nobody else, and asks nothing of another's.
STRANGER = 65532
NEEDED = ("openssl", "ssh-keygen", "sshd", "git", "gcc", "musl-gcc", "node", "setpriv", "nginx",
          "gtlsserver", "javac", "keytool")
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "jail-42"
OPENSSL = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
subjectAltName = ${ENV::NAMES}
"""
SSHD = """ListenAddress {shell}
HostKey {{directory}}/host.key
PidFile none
AuthorizedKeysFile {{directory}}/home/.ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
""".format(shell=SHELL)
NGINX_CONFIG = """daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/nginx;
    proxy_temp_path {directory}/nginx;
    fastcgi_temp_path {directory}/nginx;
    uwsgi_temp_path {directory}/nginx;
    scgi_temp_path {directory}/nginx;
    ssl_certificate {directory}/keys/nginx.pem;
    ssl_certificate_key {directory}/keys/nginx.key;
    server {{
        listen {address}:80;
        listen {address}:443 ssl http2;
        location = / {{ return 200 "$server_protocol $host $ssl_server_name\\n"; }}
        location / {{ root {directory}/site; }}
    }}
}}
"""
# The server shows each to who asks for that name alone.
CERTIFICATES = {
    "web": f"DNS:web.example.com, DNS:six.example.com, DNS:other.example.com, IP:{WEB}, "
           f"IP:{WEB6}, IP:{ONLY6}, DNS:{IDN}",
    "wild": "DNS:*.wild.example.com, DNS:b.c.wild.example.com",
    "db": "DNS:db.example.com",
    "nginx": "DNS:nginx.example.com",
}


def account(directory):
    """The line of the user in /etc/passwd."""
    return f"visitor:x:{VISITOR}:{VISITOR}::{directory}/home:/bin/sh\n"


def do(*argv, **options):
    """The output; what it says besides is of interest where it fails."""
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode:
        raise SystemExit(f"Bail out! {argv}: {done.stderr}")
    return done.stdout


def certify(directory, given):
    (directory / "openssl.conf").write_text(OPENSSL, encoding="ascii")
    keys = directory / "keys"
    keys.mkdir(mode=0o755)
    made = ["openssl", "req", "-x509", "-config", directory / "openssl.conf", "-days", "2",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    do(*made, "-extensions", "authority", "-subj", "/CN=an authority", "-keyout", keys / "ca.key",
       "-out", given / "ca.pem", env={**os.environ, "NAMES": "DNS:none.example"})
    for name, covered in CERTIFICATES.items():
        do(*made, "-extensions", "server", "-subj", f"/CN={name}", "-CA", given / "ca.pem",
           "-CAkey", keys / "ca.key", "-keyout", keys / f"{name}.key", "-out",
           keys / f"{name}.pem", env={**os.environ, "NAMES": covered})
    return keys


def shell_keys(directory, given):
    home = directory / "home"
    (home / ".ssh").mkdir(parents=True)
    do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", given / "key")
    os.chown(given / "key", STRANGER, STRANGER)
    (given / "key").chmod(0o644)
    (home / ".ssh/authorized_keys").write_text((given / "key.pub").read_text())
    do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", directory / "host.key")
    public = (directory / "host.key.pub").read_text()
    (given / "known_hosts").write_text(f"ssh.example.com {' '.join(public.split()[:2])}\n")
    (directory / "sshd.conf").write_text(SSHD.format(directory=directory), encoding="ascii")
    (home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")


def repository(directory):
    """Large enough that its answer comes in several pieces."""
    tree, bare = directory / "tree", directory / "git/tool.git"
    tree.mkdir()
    (tree / "README").write_text("cloned\n")
    (tree / "noise").write_bytes(os.urandom(300000))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", tree]
    do(*git, "-c", "init.defaultBranch=main", "init", "-q")
    do(*git, "add", ".")
    do(*git, "commit", "-q", "-m", "first")
    do(*git, "clone", "-q", "--bare", tree, bare)


def npm_package(site):
    """The answer of a registry, and what it leads to."""
    (site / "npm").mkdir(parents=True)
    described = {"name": "greet", "version": "1.0.0", "main": "i.js",
                 "dist": {"tarball": "https://web.example.com/npm/greet-1.0.0.tgz"}}
    (site / "npm/greet").write_text(json.dumps({
        "name": "greet", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": described}}))
    with tarfile.open(site / "npm/greet-1.0.0.tgz", "w:gz") as archive:
        for name, text in (("package.json", json.dumps(described)),
                           ("i.js", "console.log('hello from npm');\n")):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def pip_package(site):
    """A wheel is an archive with files of these names."""
    name, about = "greet-1.0-py3-none-any.whl", "greet-1.0.dist-info"
    (site / "pip/greet").mkdir(parents=True)
    (site / "pip/greet/page").write_text(f"<html><body><a href='/pip/{name}'>{name}</a></body>")
    with zipfile.ZipFile(site / "pip" / name, "w") as archive:
        archive.writestr("greet.py", "print('hello from pip')\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: none\n"
                         "Root-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")


def database(directory):
    """A cluster of its own; its programs do not run as root."""
    initdb = initdb_path()
    home = directory / "database"
    home.mkdir()
    (home / "password").write_text(PASSWORD + "\n")
    for name in ("db.pem", "db.key"):
        (home / name).write_bytes((directory / "keys" / name).read_bytes())
        (home / name).chmod(0o600)
    for path in (home, *home.iterdir()):
        os.chown(path, VISITOR, VISITOR)
    do(initdb, "-D", home / "cluster", "-A", "scram-sha-256", "--pwfile", home / "password",
       "-U", "visitor", "--no-sync", "--locale=C", "--encoding=UTF8", cwd=home,
       user=VISITOR, group=VISITOR, extra_groups=[])
    (home / "cluster/pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")
    return initdb.parent


def nginx(directory):
    (directory / "nginx").mkdir()
    (directory / "nginx.conf").write_text(
        NGINX_CONFIG.format(directory=directory, address=NGINX), encoding="ascii")
    # More than fits into any buffer on the way.
    (directory / "site/large").write_bytes(bytes(range(256)) * 32768)


def java(given):
    """What Java trusts it reads from a store of its own kind."""
    do("javac", "-d", given, HERE / "Reach.java")
    do("keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "changeit",
       "-alias", "authority", "-file", given / "ca.pem", "-keystore", given / "trust.p12")


def programs(given):
    """One source, with two libraries of C."""
    for compiler, name in (("gcc", "dial-glibc"), ("musl-gcc", "dial-musl")):
        do(compiler, "-O1", "-static", "-w", "-o", given / name, HERE / "dial.c")


class Made:
    def __init__(self, directory):
        self.directory, self.given = directory, directory / "given"


def initdb_path():
    """Of the latest version; Debian keeps it out of everybody's way."""
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)


def missing():
    """Programs of the servers that are not installed. Without them nothing could run."""
    found = [name for name in NEEDED if not shutil.which(name, path=PATH)]
    return found + ([] if initdb_path() else ["PostgreSQL's initdb"])


def make(directory):
    made = Made(directory)
    (directory / "logs").mkdir()
    made.given.mkdir()
    made.keys = certify(directory, made.given)
    shell_keys(directory, made.given)
    repository(directory)
    npm_package(directory / "site")
    pip_package(directory / "site")
    nginx(directory)
    made.database = database(directory)
    java(made.given)
    programs(made.given)
    shutil.copy(HERE / "probe.py", made.given)
    return made
