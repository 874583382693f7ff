# SPDX-License-Identifier: Apache-2.0
"""Programs of the command line, interpreters, and what is linked statically."""

import re

from net.addresses import TALK
from net.table import program
from net.things import PASSWORD

SITE, WORDS = ["web.example.com:443"], ["talk.example.com:9"]

program("wget", "wget -q -O - --no-hsts --ca-certificate {given}/ca.pem https://web.example.com/",
        "HTTP/1.1 web.example.com web.example.com\n", SITE)
program("openssl s_client", "openssl s_client -connect web.example.com:443 -quiet -ign_eof "
        "-verify_return_error -CAfile {given}/ca.pem",
        re.compile(r"HTTP/1\.1 200 OK\r\n.*\r\nHTTP/1\.0 x web\.example\.com\n", re.S), SITE,
        stdin=b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
program("nc, closed half", "nc -N talk.example.com 9", "7 bytes: cn hguo\n", WORDS,
        stdin=b"ough nc")
program("socat", "socat -t 5 - TCP:talk.example.com:9", "5 bytes: tacos\n", WORDS, stdin=b"socat")
program("socat with TLS", "socat -t 5 - OPENSSL:web.example.com:443,cafile={given}/ca.pem",
        re.compile(r"HTTP/1\.1 200 OK\r\n.*\r\nHTTP/1\.0 y web\.example\.com\n", re.S), SITE,
        stdin=b"GET / HTTP/1.0\r\nHost: y\r\n\r\n")
program("bash: /dev/tcp", ["bash", "-c", "exec 3<>/dev/tcp/talk.example.com/7 && echo shell >&3 && "
                           "head -n 1 <&3"], "shell\n", ["talk.example.com:7"])
program("perl: HTTP::Tiny", ["perl", "-MHTTP::Tiny", "-e",
                             'my $r = HTTP::Tiny->new->get("http://web.example.com/"); '
                             'print $r->{content}; exit !$r->{success}'],
        "HTTP/1.1 web.example.com no TLS\n", ["web.example.com:80"])
program("perl: IO::Socket, closed half",
        ["perl", "-MIO::Socket::INET", "-e",
         'my $s = IO::Socket::INET->new("talk.example.com:9") or die $@; '
         'print $s "lrep"; $s->flush; shutdown($s, 1); print <$s>'], "4 bytes: perl\n", WORDS)
program("a static program with glibc", "{given}/dial-glibc talk.example.com 9",
        "7 bytes: citats\n", WORDS)
program("a static program with musl", "{given}/dial-musl talk.example.com 9", "7 bytes: citats\n",
        WORDS)
program("a static program with musl, to an address", f"{{given}}/dial-musl {TALK} 9",
        "7 bytes: citats\n", [f"{TALK}:9"])
for resolver in ("go", "cgo"):
    program(f"hey, a program in Go, with the resolver {resolver}",
            "hey -n 6 -c 3 -o csv https://web.example.com/",
            re.compile(r"response-time.*\n(?:[\d.,]+,200,[\d.]+\n){6}"), SITE,
            env={"GODEBUG": f"netdns={resolver}", "GOMAXPROCS": "2"})
program("psql", ["psql", "-X", "-A", "-t", "-c", "select 6 * 7, ssl from pg_stat_ssl "
                 "where pid = pg_backend_pid()"], "42|t\n", ["db.example.com:5432"],
        env={"PGHOST": "db.example.com", "PGUSER": "visitor", "PGDATABASE": "postgres",
             "PGPASSWORD": PASSWORD, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "{given}/ca.pem"})
