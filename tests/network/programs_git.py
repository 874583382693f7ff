# SPDX-License-Identifier: Apache-2.0
"""git over its three ways, and ssh."""

from net.table import program

SSH = ("/usr/bin/ssh -F none -i {given}/key -o IdentitiesOnly=yes -o BatchMode=yes "
       "-o UserKnownHostsFile={given}/known_hosts -o StrictHostKeyChecking=yes ")
SHELL = ["ssh.example.com:22"]


def clone(url):
    return ["sh", "-ec", f"cd $(mktemp -d); trap 'rm -rf $PWD' EXIT; git clone -q {url} tool; "
            "cat tool/README; git -C tool log --format=%s"]


GIT = {"needs": ["git"], "mem_mb": 128,
       "env": {"PATH": "/usr/bin:/bin", "GIT_SSL_CAINFO": "{given}/ca.pem", "GIT_SSH_COMMAND": SSH,
               "GIT_CONFIG_NOSYSTEM": "1"}}

program("git clone over https", clone("https://web.example.com/git/tool.git"), "cloned\nfirst\n",
        ["web.example.com:443"], **GIT)
program("git clone over http", clone("http://web.example.com/git/tool.git"), "cloned\nfirst\n",
        ["web.example.com:80"], **GIT)
program("git clone over ssh", clone("ssh://visitor@ssh.example.com{repository}"),
        "cloned\nfirst\n", SHELL, **GIT)
program("ssh", SSH + "visitor@ssh.example.com 'echo $((6 * 7)); cat'", "42\ntyped\n", SHELL,
        stdin=b"typed\n")
