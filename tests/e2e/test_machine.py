# SPDX-License-Identifier: Apache-2.0
"""What is a machine's alone: the jail around the emulator, the parts that it is made of, and its end."""

import os
import pathlib
import shutil
import signal

from harness import check, double, groups, residue
from harness.discover import add, test
from harness.jail import wait_for
from test_egress import LOST, Service, act, listed
from test_receipt import without_groups

OURS = ("qemu", "firecracker")
EMULATORS = {"qemu": "qemu-system-x86_64", "firecracker": "firecracker"}


def named(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""


def started(t, argv=("/bin/sleep", "1000"), **options):
    """A running worker: (process, path of the status, the pids around it by the programs' names)."""
    process, path = t.jail.start(["/bin/sh", "-c", 'echo up; exec "$@"', "sh", *argv],
                                 flags=["--cpu", "0"], stdout=-1, stderr=-1, **options)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"up\n", "the worker's first line")
    found = {os.path.basename(named(pid)): pid for pid in t.beneath(process.pid)}
    return process, path, found


def missing(t, variable, value, *words, flags=()):
    """With that in the environment nothing is started, and the complaint says which part it was."""
    result = t.jail.other(["run", "-b", t.options.backend, *flags, "--", "/bin/echo", "ran"],
                          env={**os.environ, variable: str(value)})
    check.equal((result.code, result.stdout), (125, b""), f"with {variable}={value}")
    check.contains(result.complaint, *words)


PARTS = [
    ("a keeper that is not there", "KASTELLAN_VM", "/not/there", ["/not/there", "kastellan-vm"]),
    ("a keeper that ends at once", "KASTELLAN_VM", "/bin/true", ["machine"]),
    ("a keeper that is another program", "KASTELLAN_VM", "/bin/cat", ["machine"]),
    ("a file server that is not there", "KASTELLAN_FILES", "/not/there", ["/not/there"]),
    ("a file server that ends at once", "KASTELLAN_FILES", "/bin/false", [("files", "machine")]),
    ("an init that is another program", "KASTELLAN_INIT", "/bin/true", [("start", "jail", "init")]),
    ("a directory without a kernel", "KASTELLAN_VM_ROOT", "/usr", ["kernel", "linux-image"]),
]

for what, variable, value, words in PARTS:
    add(f"{what}: nothing runs, and the part is named",
        lambda t, variable=variable, value=value, words=words: missing(t, variable, value, *words),
        __name__, backends=OURS)


def kernel_root(t, more=()):
    """A copy of what the host has, to be spoilt."""
    plan = t.jail.other(["plan", "-b", t.options.backend, "--json"]).json["machine"]
    root = t.directory("root")
    release = plan["release"]
    t.directory("root/boot")
    shutil.copy(plan["kernel"]["path"], root / "boot" / f"vmlinuz-{release}")
    modules = root / "lib" / "modules" / release
    for name in ("modules.order", "kernel/drivers/virtio", "kernel/drivers/char", "kernel/fs/fuse",
                 "kernel/net/vmw_vsock", *more):
        source, target = pathlib.Path(plan["modules"]) / name, modules / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    return root, modules


@test("modules that are missing or no modules: nothing runs", backends=OURS)
def modules_spoilt(t):
    root, modules = kernel_root(t)
    result = t.jail.other(["run", "-b", t.options.backend, "--", "/bin/echo", "ran"],
                          env={**os.environ, "KASTELLAN_VM_ROOT": str(root)})
    check.equal((result.code, result.stdout), (0, b"ran\n"), "the control: with the copy it runs")
    fuse = modules / "kernel/fs/fuse/fuse.ko"
    fuse.write_bytes(b"no module")
    missing(t, "KASTELLAN_VM_ROOT", root, "modules")
    fuse.unlink()
    missing(t, "KASTELLAN_VM_ROOT", root, "fuse.ko")
    os.symlink("/etc/passwd", fuse)
    missing(t, "KASTELLAN_VM_ROOT", root, "modules")


NETWORK = ("kernel/net/netfilter", "kernel/net/ipv4/netfilter", "kernel/net/ipv6/netfilter", "kernel/lib")


@test("a guest's kernel without nf_tables: the ports of the allowlist lead to the proxy, and no other", 240,
      backends=("qemu",))
def without_nf_tables(t):
    root, modules = kernel_root(t, NETWORK)
    service, other = Service(t), Service(t)

    lost = {f"denied: {name}" for name in LOST}

    def reach(address, port, *words):
        argv = ["run", "-b", "qemu", "--cpu", "0", "-r", t.probes.directory, *listed(service.entry), "--",
                *act(t, "connect", address, port)]
        result = t.jail.other(argv, env={**os.environ, "KASTELLAN_VM_ROOT": str(root)})
        check.one_of(result.verdict, words, f"{address}:{port}")
        return result

    # Another address is refused by the proxy, which has seen where it was to lead.
    reach("127.0.0.1", service.port, "allowed")
    check.contains(reach("192.0.2.1", 80, *lost).complaint, "--net 192.0.2.1:80")
    order = modules / "modules.order"
    order.write_text("".join(line for line in order.read_text().splitlines(True) if "/nft_tproxy" not in line))
    reach("127.0.0.1", service.port, "allowed")
    reach("127.0.0.1", other.port, "denied: ECONNREFUSED")
    check.contains(reach("192.0.2.1", service.port, *lost).complaint,
                   f"--net 192.0.2.1:{service.port}")
    # A port that is in no entry has nobody behind it.
    check.equal(reach("192.0.2.1", 80, "denied: ECONNREFUSED").complaint, "", "what the proxy has seen")
    check.equal((service.visitors, other.visitors), (2, 0), "visitors")


@test("a guest's kernel whose nf_tables is not there: no worker with an allowlist runs, and the file is named",
      backends=("qemu",))
def nf_tables_missing(t):
    root, modules = kernel_root(t, NETWORK)
    (modules / "kernel/net/netfilter/nft_tproxy.ko").unlink()
    missing(t, "KASTELLAN_VM_ROOT", root, "net/netfilter/nft_tproxy.ko", "install the kernel's package again",
            flags=listed("192.0.2.1:1"))
    result = t.jail.other(["run", "-b", "qemu", "--", "/bin/echo", "ran"],
                          env={**os.environ, "KASTELLAN_VM_ROOT": str(root)})
    check.equal((result.code, result.stdout), (0, b"ran\n"), "the control: without an allowlist it runs")


@test("a guest that cannot reach the host ends, and so does the machine, by an exit code that is told",
      120, backends=("firecracker",))
def unreachable(t):
    root, modules = kernel_root(t)
    order = modules / "modules.order"
    order.write_text("".join(line for line in order.read_text().splitlines(True)
                             if "vmw_vsock" not in line))
    missing(t, "KASTELLAN_VM_ROOT", root, "before its worker started", "exited with status 0",
            "the guest ended the machine")


@test("a kernel that is none: nothing runs", backends=OURS)
def kernel_spoilt(t):
    root, _ = kernel_root(t)
    image = next((root / "boot").iterdir())
    image.write_bytes(b"MZ" + bytes(100000))
    missing(t, "KASTELLAN_VM_ROOT", root, "machine")
    image.chmod(0o666)
    missing(t, "KASTELLAN_VM_ROOT", root, "written by everybody")


@test("a cache that others may write is not used, and the worker runs without it",
      backends=("qemu",))
def cache_open(t):
    place = t.directory("cache")
    place.chmod(0o777)
    result = t.jail.other(["run", "-b", "qemu", "--", "/bin/echo", "ran"],
                          env={**os.environ, "KASTELLAN_CACHE": str(place)})
    check.equal((result.code, result.stdout, os.listdir(place)), (0, b"ran\n", []), "without a cache")
    place.chmod(0o700)
    result = t.jail.other(["run", "-b", "qemu", "--", "/bin/echo", "ran"],
                          env={**os.environ, "KASTELLAN_CACHE": str(place)})
    check.equal(result.code, 0, "exit code")
    check.true(any(name.startswith("vmlinux-") for name in os.listdir(place)), "the cache is used")


@test("a cache that others may write is not used, and there is no other kernel for Firecracker",
      backends=("firecracker",))
def cache_refused(t):
    place = t.directory("cache")
    place.chmod(0o777)
    missing(t, "KASTELLAN_CACHE", place, "kernel", "KASTELLAN_CACHE")
    check.equal(os.listdir(place), [], "the cache")


for what, variable, value, words in [
        ("the program is missing", "KASTELLAN_FIRECRACKER", "/not/there",
         ["firecracker is in none", "KASTELLAN_FIRECRACKER", "the backend qemu"]),
        ("there is no KVM", "KASTELLAN_NO_KVM", "1", ["needs KVM", "/dev/kvm", "the backend qemu"])]:
    add(f"{what}: nothing runs, and the remedy is said",
        lambda t, variable=variable, value=value, words=words: missing(t, variable, value, *words),
        __name__, backends=("firecracker",))


@test("a program that needs no library is shown none", backends=("firecracker",))
def alone(t):
    for program, is_alone in ((os.environ["KASTELLAN_FILES"], True), ("/bin/true", False)):
        result = t.jail.other(["doctor", "--json"],
                              env={**os.environ, "KASTELLAN_FIRECRACKER": program})
        check.equal(result.json["host"]["vm"]["firecracker_static"], is_alone, program)


def root_directory(t):
    """What the jail of the emulator shows at the top."""
    common = {"dev", "kastellan-vm", "kernel", "proc"}
    if t.options.backend == "qemu":
        return common | {"etc", "firmware", "lib", "lib64", "usr"}
    program = os.environ["KASTELLAN_FIRECRACKER"].split("/")[1]
    # The double is no single file, as a release of Firecracker is: it has libraries.
    return common | {"configuration", "run", program} | \
        ({"etc", "lib", "lib64", "usr"} if double.wanted(t.options.backend) else set())


@test("the emulator lives in a jail of its own: no privilege, no network, and nothing of the worker's",
      backends=OURS, root=True)
def confined(t):
    top = t.directory("granted")
    _, _, found = started(t, write=[top])
    pid = found[EMULATORS[t.options.backend]]
    lines = dict(line.split(":\t", 1) for line in
                 pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        check.equal(int(lines[name], 16), 0, name)
    check.equal((lines["NoNewPrivs"], lines["Seccomp"]), ("1", "2"), "privileges and filter")
    # The jail's filter, and the emulator's own behind it.
    own = 0 if double.wanted(t.options.backend) else 1
    check.true(int(lines["Seccomp_filters"]) >= 1 + own, f"{lines['Seccomp_filters']} filters")
    for name in ("net", "mnt", "pid", "user", "ipc", "uts", "cgroup"):
        check.true(os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"),
                   f"the namespace {name} is the host's")
    check.true(int(lines["Uid"].split()[0]) >= 2 ** 30, "its user is nobody of the host's")
    root = pathlib.Path(f"/proc/{pid}/root")
    check.equal(sorted(os.listdir(root)), sorted(root_directory(t)), "its root directory")
    if t.options.backend == "qemu":
        check.equal(sorted(os.listdir(root / "usr/bin")), ["qemu-system-x86_64"], "its programs")
        check.equal(os.listdir(root / "etc"), ["ld.so.cache"], "its /etc")
    else:
        check.true(not (root / "usr/bin").exists(), "it has the host's programs")
        check.equal(sorted(os.listdir(root / "run")), ["vsock", "vsock_1024", "vsock_1025"],
                    "its sockets")
    kinds = sorted(os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in
                   os.listdir(f"/proc/{pid}/fd"))
    check.true(all(kind.startswith(("socket", "pipe", "anon_inode", "/dev/null", "/memfd", "/kernel",
                                    "/firmware", "/usr")) for kind in kinds), f"descriptors: {kinds}")
    sockets = pathlib.Path(f"/proc/{pid}/net/dev").read_text()
    check.equal([line.split(":")[0].strip() for line in sockets.splitlines()[2:]], ["lo"], "devices")


def limit_of(pid, name, *files):
    """Of its control group on the host: a controller's file of version 1, of version 2."""
    lines = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    paths = {controller: path for _, controllers, path in (line.split(":", 2) for line in lines)
             for controller in controllers.split(",")}
    for top, version, options in groups.mounts():
        wanted = "" if version == "cgroup2" else name
        if wanted not in paths or (wanted and name not in options):
            continue
        file = top / paths[wanted].lstrip("/") / files[0 if wanted else 1]
        if file.exists():
            return file.read_text().strip()
    return None


@test("the emulator is limited on the host, too: in memory and in tasks", backends=OURS, root=True)
def limited_outside(t):
    t.needs_held("cpu_ms")
    for mem_mb in (64, 200):
        policy = {"mem_mb": mem_mb, "cpu_ms": 0}
        _, _, found = started(t, policy=policy)
        pid = found[EMULATORS[t.options.backend]]
        plan = t.jail.other(["plan", "-b", t.options.backend, "--json", "-p", t.jail.policy_file(policy)])
        check.equal(limit_of(pid, "memory", "memory.limit_in_bytes", "memory.max"),
                    str(plan.json["machine"]["host_bytes"]), f"bytes for {mem_mb} MiB")
        check.within(int(limit_of(pid, "pids", "pids.max", "pids.max")), 1, 64, "tasks")


@test("nothing of the worker is in the emulator's arguments or in the guest's kernel command line",
      backends=OURS)
def no_secrets(t):
    token = "s3cret-" + "x" * 20
    _, _, found = started(t, env={"TOKEN": token})
    pid = found[EMULATORS[t.options.backend]]
    check.true(token.encode() not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), "arguments")
    result = t.jail.run(["/bin/cat", "/proc/cmdline"], env={"TOKEN": token})
    check.true(token.encode() not in result.stdout, "the guest's command line")


SHOWN = {"cgroups", "cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "sys", "sysvipc", "uptime",
         "version", "vmstat"}
READ_PROC = """import os, stat
for name in sorted(os.listdir("/proc")):
    path = "/proc/" + name
    kind = os.lstat(path).st_mode
    if name.isdigit() or stat.S_ISLNK(kind):
        continue
    try:
        found = os.listdir(path) if stat.S_ISDIR(kind) else open(path, "rb").read(1)
    except OSError:
        found = b""
    print(name, "full" if found else "empty")
"""


@test("of the guest's own /proc a worker reads what every jail shows, whatever its kernel has",
      backends=OURS)
def proc_covered(t):
    result = t.jail.run(["/usr/bin/python3", "-c", READ_PROC])
    found = dict(line.split() for line in result.lines)
    full = {name for name, what in found.items() if what == "full"}
    check.equal(full - SHOWN, set(), "what else can be read")
    check.true({"cpuinfo", "meminfo", "sys"} <= full, f"control: {full}")
    # A control: the kernel has them, each of which says something to whoever may ask.
    check.true({"modules", "interrupts", "cmdline"} <= set(found), f"control: {sorted(found)}")


def killed(t, program):
    process, path, found = started(t)
    os.kill(found[program], signal.SIGKILL)
    wait_for(lambda: process.poll() is not None, f"the end after {program} was killed", 60)
    check.true(process.returncode != 0, f"exit code {process.returncode}")
    status = t.jail.read_status(path)
    check.true(status is not None and status["outcome"]["type"] in ("setup", "signal"), f"{status}")
    wait_for(lambda: not residue.descendants(process.pid), "the end of all")


for backends, program in (*(((name,), program) for name, program in EMULATORS.items()),
                          (OURS, "kastellan-vm"), (OURS, "kastellan-files")):
    add(f"{program} is killed: the run ends, is no success, and leaves nothing",
        lambda t, program=program: killed(t, program), __name__, backends=backends, root=True)


def share_inside(t, percent):
    """Of the guest's processor, by the guest's clock: what two busy processes had of it on a host that
    has no control groups. What the program's start takes is in the former alone."""
    path = t.jail.status_file()
    line = t.jail.command(t.probe("hog", "burn_parallel", "400", "2"), read=[t.probes.directory],
                          policy={"cpu_ms": 0, "cpu_quota_pct": percent}, flags=["--status", path])
    result = without_groups(t, line)
    check.true(result.code == 0 and result.verdict.startswith("allowed"), result.complaint)
    usage = t.jail.read_status(path)["usage"]
    return usage["cpu_ms"] / int(result.lines[0].split()[1])


@test("cpu_quota_pct is held in the guest where the host has no control groups", 60, backends=OURS, root=True)
def quota_inside(t):
    check.within(share_inside(t, 10), 0.02, 0.16, "share of the guest's processor at 10 %")
    check.within(share_inside(t, 100), 0.4, 3, "share of the guest's processor at 100 %")


@test("twenty megabytes through each stream arrive as they were sent", 120, backends=OURS)
def streams(t):
    data = os.urandom(1 << 20) * 20
    result = t.jail.run(["/bin/sh", "-c", "tee /dev/stderr"], stdin=data,
                        policy={"cpu_ms": 0, "mem_mb": 64})
    check.equal(result.code, 0, "exit code")
    check.true(result.stdout == data, "stdout")
    check.true(result.stderr == data, "stderr")
