# SPDX-License-Identifier: Apache-2.0
"""Policies of every shape, and what a worker under each may do: written down by hand, so that the
profile is held to it and not to itself.

A question is (operation, attributes, verdict). Attributes are path, target, name, host and port."""

NAMED = "/opt/tool/bin/worker"  # as it is asked for, ...
PROGRAM = "/Volumes/Tools/worker"  # ... and what that leads to
TEMPORARY = "/private/tmp/kastellan-7"
EGRESS = "/private/tmp/kastellan-8/egress"
NONE = "zz-none"  # a name that nothing grants

READ = ["file-read-data", "file-read-metadata", "file-read-xattr"]
NAMES = ["file-write-create", "file-write-unlink"]
CONTENTS = ["file-write-data", "file-write-mode", "file-write-times", "file-write-xattr"]
NEVER = ["file-write-owner", "file-write-flags", "file-write-acl", "file-write-setugid", "file-mknod",
         "file-mount", "file-chroot", "file-link", "file-clone", "file-issue-extension", "file-ioctl"]
EXECUTE = ["process-exec", "process-exec-interpreter"]


def on(path, operations, verdict):
    if isinstance(operations, str):
        operations = [operations]
    return [(operation, {"path": path}, verdict) for operation in operations]


def allow(path, *operations):
    return [q for group in operations for q in on(path, group, "allow")]


def deny(path, *operations):
    return [q for group in operations for q in on(path, group, "deny")]


def named(operation, names, verdict):
    return [(operation, {"name": name}, verdict) for name in names]


def node(path):
    """Looked at on the way, and neither read nor anything in it looked at."""
    return (allow(path, "file-read-metadata", "file-test-existence")
            + deny(path, "file-read-data", "file-write-data", EXECUTE)
            + deny(f"{path}/{NONE}", "file-read-metadata", "file-test-existence"))


def tree(path):
    """What may be read with all beneath it, and not written."""
    inside = f"{path}/a/b.txt"
    return (allow(path, READ) + allow(inside, READ, "file-test-existence")
            + deny(inside, NAMES, CONTENTS, NEVER)
            + deny(path + NONE, READ, "file-test-existence"))


def runs(path):
    """A tree of what is granted for reading."""
    return tree(path) + allow(f"{path}/bin/x", EXECUTE, "file-map-executable")


def writes(path, around=False):
    """A directory that is granted for writing, and stays in its place. around: in one for reading."""
    inside = f"{path}/a/b.txt"
    return (allow(inside, READ, NAMES, CONTENTS, "file-test-existence")
            + allow(path, READ, CONTENTS) + deny(path, NAMES)
            + deny(inside, NEVER, EXECUTE, "file-map-executable")
            + on(path + NONE, READ, "allow" if around else "deny")
            + deny(path + NONE, NAMES, CONTENTS))


def hidden(path):
    return deny(path, READ, NAMES, CONTENTS, NEVER, EXECUTE, "file-test-existence",
                "file-map-executable")


SYSTEM_CODE = ["/usr/lib", "/System/Library", "/System/Cryptexes/OS", "/System/Cryptexes/App",
               "/System/Volumes/Preboot/Cryptexes", "/Library/Apple/usr"]
SYSTEM_TREES = ["/usr/share", "/private/var/db/timezone"]
SYSTEM_FILES = ["/private/etc/services", "/private/etc/protocols", "/private/etc/ssl/cert.pem",
                "/private/etc/ssl/openssl.cnf", "/dev/zero", "/dev/random", "/dev/urandom"]
SYSTEM_NODES = ["/usr", "/System", "/System/Cryptexes", "/System/Volumes", "/System/Volumes/Preboot",
                "/Library", "/Library/Apple", "/private", "/private/etc", "/private/etc/ssl",
                "/private/etc/localtime",
                "/private/etc/resolv.conf", "/private/var", "/private/var/db", "/dev", "/dev/stdin",
                "/dev/stdout", "/dev/stderr", "/tmp", "/var", "/etc"]
SECRETS = ["/Users/eve/.ssh/id_ed25519", "/private/etc/master.passwd",
           "/private/var/root", "/Library/Keychains/System.keychain", "/Applications/X.app",
           "/Volumes/Backup/a", "/Volumes/Tools",
           "/bin/sh", "/usr/bin/ssh", "/usr/local/bin/x", "/opt/homebrew/bin/x",
           "/private/tmp/other", "/private/tmp/kastellan-8/egress", "/dev/disk0", "/dev/tty",
           "/System/Volumes/Data/Users/eve", "/private/var/run/mDNSResponder", "/PRIVATE/ETC/SERVICES"]

SYSCTLS = """hw.activecpu hw.busfrequency_compat hw.byteorder hw.cacheconfig hw.cachelinesize
hw.cachelinesize_compat hw.cpufamily hw.cpufrequency_compat hw.cpusubtype hw.cputype
hw.l1dcachesize_compat hw.l1icachesize_compat hw.l2cachesize_compat hw.l3cachesize_compat
hw.logicalcpu hw.logicalcpu_max hw.machine hw.memsize hw.ncpu hw.nperflevels hw.packages hw.pagesize
hw.pagesize_compat hw.physicalcpu hw.physicalcpu_max hw.tbfrequency_compat hw.vectorunit kern.argmax
kern.maxfilesperproc kern.ngroups kern.osproductversion kern.osrelease kern.ostype
kern.osvariant_status kern.osversion kern.secure_kernel kern.usrstack64 kern.version
sysctl.proc_cputype sysctl.proc_native sysctl.proc_translated vm.loadavg vm.malloc_ranges
hw.optional.neon hw.perflevel0.name machdep.cpu.brand_string""".split()

SERVICES = ["com.apple.SecurityServer", "com.apple.pasteboard.1", "com.apple.windowserver.active",
            "com.apple.system.notification_center", "com.apple.cfprefsd.agent"]
LIBINFO = ["com.apple.system.opendirectoryd.libinfo"]
TRUST = ["com.apple.trustd", "com.apple.trustd.agent"]


def address(operation, host, port, verdict):
    return [(operation, {"host": host, "port": port}, verdict)]


def no_network():
    questions = hidden("/private/etc/hosts") + hidden("/private/var/run/resolv.conf")
    for operation in ["network-outbound", "network-bind", "network-inbound"]:
        for host, port in [("127.0.0.1", "80"), ("::1", "8080"), ("93.184.216.34", "443")]:
            questions += address(operation, host, port, "deny")
        questions += deny("/private/var/run/mDNSResponder", operation)
        questions += deny("/private/tmp/other.sock", operation)
        questions += deny(f"{TEMPORARY}/own.sock", operation)
    return questions


def system():
    """The same for every worker: what it has of the system, and what nobody has."""
    questions = []
    for path in SYSTEM_CODE:
        questions += tree(path) + allow(f"{path}/x.dylib", "file-map-executable")
        questions += deny(f"{path}/x", EXECUTE)
    for path in SYSTEM_TREES:
        questions += tree(path) + deny(f"{path}/x", EXECUTE, "file-map-executable")
    for path in SYSTEM_FILES:
        questions += allow(path, READ, "file-test-existence")
        questions += deny(path, NAMES, CONTENTS, EXECUTE, "file-map-executable")
        questions += deny(f"{path}/x", "file-read-data")
    questions += allow("/dev/null", READ, "file-write-data") + deny("/dev/null", NAMES, "file-write-mode")
    questions += deny("/dev/null/x", "file-read-data", "file-write-data")
    questions += allow("/dev/fd/3", READ, "file-write-data") + deny("/dev/fd/3", NAMES, "file-write-mode")
    questions += allow("/", READ) + deny(f"/{NONE}", READ, "file-test-existence") + deny("/", NAMES, CONTENTS)
    for path in SYSTEM_NODES:
        questions += node(path)
    for path in SECRETS:
        questions += hidden(path)
    questions += writes(TEMPORARY)
    questions += allow(PROGRAM, READ, EXECUTE, "file-map-executable") + deny(PROGRAM, CONTENTS)
    questions += deny(PROGRAM + "/x", "file-read-data", EXECUTE) + deny(PROGRAM + "2", EXECUTE)
    questions += named("sysctl-read", SYSCTLS, "allow")
    questions += named("sysctl-read", ["kern.hostname", "kern.procargs2", "kern.proc.all", "kern.uuid",
                                       "hw.optional", "security.mac.amfi"], "deny")
    questions += named("sysctl-write", ["hw.ncpu", "kern.hostname"], "deny")
    questions += named("mach-lookup", SERVICES, "deny") + named("mach-register", ["x"], "deny")
    for which, verdict in [("self", "allow"), ("children", "allow"), ("others", "deny")]:
        questions.append(("signal", {"target": which}, verdict))
    for operation in ["process-info-pidinfo", "process-info-rusage", "process-info-setcontrol"]:
        questions.append((operation, {"target": "self"}, "allow"))
        questions.append((operation, {"target": "others"}, "deny"))
    for operation in ["process-info-listpids", "iokit-get-properties", "nvram*", "nvram-get",
                      "nvram-set", "iokit-open-user-client", "iokit-set-properties",
                      "ipc-posix-shm-read-data", "ipc-posix-sem-create", "ipc-sysv*", "job-creation", "lsopen", "system-socket",
                      "system-fsctl", "system-privilege", "pseudo-tty", "user-preference-read",
                      "user-preference-write", "mach-priv-task-port", "mach-task-name",
                      "distributed-notification-post", "process-codesigning*"]:
        questions.append((operation, {}, "deny"))
    return questions


def strict():
    return (named("mach-lookup", LIBINFO + TRUST, "deny")
            + [("dynamic-code-generation", {}, "deny")])


def fork(verdict="allow"):
    return [("process-fork", {}, verdict)]


def usual():
    return strict() + fork() + no_network()


def spellings(path, *operations):
    """The same name in other letters, as a file system without letter case takes it."""
    parent, name = path.rsplit("/", 1)
    return [q for other in {name.upper(), name.capitalize(), name.swapcase()}
            for q in deny(f"{parent}/{other}", *operations)
            + deny(f"{parent}/{other}/a/b", *operations)]


def kept(path):
    """Read-only within writable: not written, not moved, in no spelling."""
    return (allow(f"{path}/a", READ, EXECUTE, "file-map-executable")
            + deny(path, NAMES, CONTENTS) + deny(f"{path}/a/b", NAMES, CONTENTS)
            + spellings(path, NAMES, CONTENTS))


def held(path):
    """A directory on the way to one that is kept: written to, but not moved, in no spelling."""
    return (allow(path, CONTENTS) + deny(path, NAMES) + allow(f"{path}/{NONE}", NAMES, CONTENTS)
            + [q for q in spellings(path, NAMES) if not q[1]["path"].endswith("/a/b")])


def not_run(path, around):
    """Writable within what may be executed."""
    return (writes(path, around) + spellings(path, EXECUTE, "file-map-executable"))


TOOL = [q for path in ["/opt", "/opt/tool", "/opt/tool/bin"] for q in node(path)]

# name: (policy, objects of the described host, questions)
SHAPES = {
    "default": ({}, [], usual() + TOOL),
    "one-task": ({"tasks_max": 1}, [], strict() + fork("deny") + no_network() + TOOL),
    "read-tree": ({"fs_read": ["/srv/data"]}, [],
                  usual() + TOOL + node("/srv") + runs("/srv/data") + hidden("/SRV/DATA/x")),
    "read-file": ({"fs_read": ["/srv/a.txt"]}, [("/srv/a.txt", "file", None)],
                  usual() + TOOL + node("/srv") + allow("/srv/a.txt", READ, EXECUTE, "file-map-executable")
                  + deny("/srv/a.txt", NAMES, CONTENTS) + deny("/srv/a.txt/x", READ, EXECUTE)
                  + hidden("/srv/b.txt")),
    "program-granted": ({"fs_read": ["/opt/tool"]}, [],
                        usual() + node("/opt") + runs("/opt/tool") + allow(NAMED, READ, EXECUTE)),
    "write-tree": ({"fs_write": ["/srv/out"]}, [],
                   usual() + TOOL + node("/srv") + writes("/srv/out") + hidden("/srv/OUT/x")),
    "write-file": ({"fs_write": ["/srv/log"]}, [("/srv/log", "file", None)],
                   usual() + TOOL + node("/srv") + allow("/srv/log", READ, CONTENTS)
                   + deny("/srv/log", NAMES, EXECUTE, NEVER) + deny("/srv/log/x", READ, CONTENTS)),
    "links": ({"fs_read": ["/tmp/in", "/Users/ada/link"], "fs_write": ["/var/out"]},
              [("/tmp", "link", "private/tmp"), ("/var", "link", "private/var"),
               ("/Users/ada/link", "link", "/Volumes/Work/real")],
              usual() + TOOL + runs("/private/tmp/in") + runs("/Volumes/Work/real")
              + writes("/private/var/out") + hidden("/tmp/in/x") + node("/Users/ada/link")
              + [q for path in ["/private/tmp", "/Users", "/Users/ada", "/Volumes", "/Volumes/Work"]
                 for q in node(path)]),
    "read-in-write": ({"fs_read": ["/w/a/b/keep", "/w/ref"], "fs_write": ["/w"]}, [],
                      usual() + TOOL + kept("/w/a/b/keep") + kept("/w/ref")
                      + held("/w/a") + held("/w/a/b")
                      + deny("/w/A/B/KEEP", NAMES, CONTENTS) + deny("/w/A/b/keep/x", NAMES, CONTENTS)
                      + deny("/w/a/b/\u212aeep/x", NAMES, CONTENTS)
                      + allow("/w/a/b/keeper", NAMES, CONTENTS) + allow("/w/reference", NAMES, CONTENTS)
                      + allow("/w/x/ref", NAMES, CONTENTS)
                      + allow("/w/x", NAMES, CONTENTS, READ) + deny("/w", NAMES) + allow("/w", CONTENTS)
                      + deny("/w/x", EXECUTE, NEVER)),
    "read-file-in-write": ({"fs_read": ["/w/keep.txt"], "fs_write": ["/w"]},
                           [("/w/keep.txt", "file", None)],
                           usual() + TOOL + allow("/w/keep.txt", READ, EXECUTE)
                           + deny("/w/keep.txt", NAMES, CONTENTS) + deny("/w/KEEP.TXT", NAMES, CONTENTS)
                           + deny("/w/keep.txt/x", EXECUTE) + deny("/w", NAMES) + allow("/w", CONTENTS)
                           + allow("/w/keepxtxt", NAMES, CONTENTS) + allow("/w/x", NAMES, CONTENTS)),
    "write-in-read": ({"fs_read": ["/r"], "fs_write": ["/r/st/out"]}, [],
                      usual() + TOOL + not_run("/r/st/out", around=True) + runs("/r")
                      + deny("/r/ST/OUT/x", EXECUTE, "file-map-executable")
                      + deny("/r/\ufb06/out/x", EXECUTE, NAMES)
                      + allow("/r/st/output", EXECUTE) + deny("/r/st", NAMES, CONTENTS)),
    "write-file-in-read": ({"fs_read": ["/r"], "fs_write": ["/r/log"]}, [("/r/log", "file", None)],
                           usual() + TOOL + allow("/r/log", READ, CONTENTS)
                           + deny("/r/log", NAMES, EXECUTE) + deny("/r/LOG", EXECUTE)
                           + deny("/r/log/x", CONTENTS) + allow("/r/x", EXECUTE)
                           + deny("/r/x", NAMES, CONTENTS)),
    "four-deep": ({"fs_read": ["/w/r", "/w/r/w/r", "/w/r/more"], "fs_write": ["/w", "/w/r/w", "/w/more"]},
                  [], usual() + TOOL + allow("/w/x", NAMES, CONTENTS) + deny("/w/x", EXECUTE)
                  + kept("/w/r") + writes("/w/r/w", around=True) + spellings("/w/r/w", EXECUTE)
                  + kept("/w/r/w/r") + allow("/w/more", NAMES, CONTENTS)
                  + deny("/w", NAMES) + deny("/w/r/more/x", NAMES, CONTENTS) + allow("/w/r/more/x", EXECUTE)),
    "same-name": ({"fs_read": ["/srv/both"], "fs_write": ["/srv/both"]}, [],
                  usual() + TOOL + node("/srv") + writes("/srv/both")),
    "same-name-in-write": ({"fs_read": ["/w/both"], "fs_write": ["/w", "/w/both"]}, [],
                           usual() + TOOL + writes("/w") + allow("/w/both", NAMES, CONTENTS)
                           + deny("/w/both/x", EXECUTE)),
    "net-client": ({"profile": "WorkerNetClient"}, [],
                   fork() + no_network() + TOOL + named("mach-lookup", LIBINFO, "allow")
                   + named("mach-lookup", TRUST, "deny") + [("dynamic-code-generation", {}, "allow")]),
    "allowlist": ({"net": {"Allowlist": ["api.example.com:443"]}}, [],
                  strict() + fork() + TOOL + no_network() + allow(EGRESS, "network-outbound")
                  + deny(EGRESS + "/x", "network-outbound")
                  + deny(EGRESS, "network-bind", "network-inbound", READ, CONTENTS, NAMES)
                  + deny(EGRESS + "2", "network-outbound")),
    "allowlist-client": ({"net": {"Allowlist": ["api.example.com:443"]}, "profile": "WorkerNetClient"}, [],
                         fork() + TOOL + no_network() + allow(EGRESS, "network-outbound")
                         + deny(EGRESS + "/x", "network-outbound")
                         + named("mach-lookup", LIBINFO + TRUST, "allow")
                         + [("dynamic-code-generation", {}, "allow")]),
    # As the egress proxy itself has it, and its resolver (src/macos/plan/proxy.c).
    "proxy": ({"net": "ProxyEgress", "tasks_max": 1}, [],
              strict() + fork("deny") + TOOL + address("network-outbound", "93.184.216.34", "443", "allow")
              + allow("/private/etc/hosts", READ) + allow("/private/var/run/resolv.conf", READ)
              + deny("/private/etc/hosts", CONTENTS, NAMES) + deny("/private/etc/hosts/x", READ)
              + deny("/private/var/run/resolv.conf/x", READ) + node("/private/var/run")
              + address("network-outbound", "127.0.0.1", "80", "allow")
              + allow("/private/var/run/mDNSResponder", "network-outbound")
              + deny("/private/var/run/mDNSResponder/x", "network-outbound")
              + deny("/private/tmp/other.sock", "network-outbound", "network-bind", "network-inbound")
              + address("network-bind", "127.0.0.1", "80", "allow")
              + address("network-inbound", "93.184.216.34", "443", "allow")
              + named("sysctl-read", ["net.routetable", "net.routetable.0.0.3.0"], "allow")
              + named("sysctl-read", ["net.inet.ip.forwarding", "net"], "deny")),
}
