# SPDX-License-Identifier: Apache-2.0
"""One power-on of a guest, under emulation, up to its results."""

import ctypes
import mmap
import os
import platform
import selectors
import shutil
import subprocess
import tarfile
import threading
import time

from . import cache, kernel, payload, rootfs

INIT = cache.HERE.parent / "guest" / "init"
RESULTS_SIZE = 32 << 20
WORDS = (
    "quiet reboot=t panic=-1 mitigations=off nokaslr random.trust_cpu=on cryptomgr.notests "
    "rcupdate.rcu_expedited=1 audit=0 systemd.show_status=0 systemd.log_target=null net.ifnames=0"
)
DISK_ORDER = ("root", "payload", "results")
_running = set()
_stopping = threading.Event()


class Hang(Exception):
    """The guest did not come as far as the payload."""


class Stopped(Exception):
    """The run is being ended from outside."""


class Results:
    """What a guest left: per user the output, the error stream, the exit status; and the memory of
    programs that crashed."""

    def __init__(self, disk, seconds):
        self.seconds = seconds
        self.files = {}
        self.cores = {}
        with tarfile.open(disk, "r:") as tar:
            for member in tar:
                if member.isfile():
                    name = member.name.removeprefix("./")
                    data = tar.extractfile(member).read()
                    if name.startswith("core."):
                        self.cores[name] = data
                    else:
                        self.files[name] = data.decode("utf-8", "replace")

    def status(self, user):
        text = self.files.get(f"{user}.status", "").strip()
        return int(text) if text.isdigit() else None


def stop_all():
    """Ends every machine that this process started, and starts no other."""
    _stopping.set()
    for machine in tuple(_running):
        machine.kill()


def parts(guest, say):
    """The artefacts of a guest, built where they are missing; raises Unavailable."""
    if not shutil.which(emulator(guest)):
        raise cache.Unavailable(f"{emulator(guest)} is not installed")
    busybox = kernel.busybox(guest.userland.arch, say)
    return kernel.get(guest, say), rootfs.get(guest.userland, say), busybox


def emulator(guest):
    return {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}[guest.userland.arch]


def run(guest, made, payload_dir, work, limits, console_path, in_turn=False):
    """Boots guest in the directory work. limits: seconds to the payload, seconds per user. The console
    is a file that can be read meanwhile: each line of the payload stands there at once. in_turn: its
    processors run one at a time."""
    boot_limit, user_limit = limits
    made_kernel, made_root, busybox = made
    (work / "initramfs").write_bytes(kernel.initramfs(made_kernel, busybox, INIT))
    payload.archive(guest, payload_dir, user_limit, work / "payload")
    with open(work / "results", "wb") as disk:
        disk.truncate(RESULTS_SIZE)
    disks = {
        "root": (made_root / "root.img", "snapshot=on"),
        "payload": (work / "payload", "readonly=on"),
        "results": (work / "results", "cache=unsafe"),
    }
    if _stopping.is_set():
        raise Stopped()
    started = time.monotonic()
    argv = command(guest, made_kernel / "vmlinuz", work / "initramfs", disks)
    # Side by side they run into a breakpoint now and then that the kernel took away again, while it
    # changed its own code, and the kernel panics.
    if in_turn:
        argv = [word.replace("thread=multi", "thread=single") for word in argv]
    environment = dict(os.environ, TMPDIR=str(work))
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment,
    ) as machine, open(console_path, "wb") as console:
        _running.add(machine)
        try:
            watch(machine, console, started + boot_limit, 2 * user_limit + 60)
        except Hang:
            if _stopping.is_set():
                raise Stopped() from None
            raise
        finally:
            machine.kill()
            _running.discard(machine)
    return Results(work / "results", time.monotonic() - started)


def watch(machine, console, ready_by, work_limit):
    """Follows the console to the guest's last word; raises Hang."""
    selector = selectors.DefaultSelector()
    selector.register(machine.stdout, selectors.EVENT_READ)
    seen, deadline, ready = b"", ready_by, False
    while b"KTEST done" not in seen:
        left = deadline - time.monotonic()
        if left <= 0 or not selector.select(left):
            raise Hang("the payload does not end" if ready else "the guest does not boot")
        chunk = os.read(machine.stdout.fileno(), 65536)
        if not chunk:
            raise Hang("the machine ended early" + last_line(seen))
        console.write(chunk)
        console.flush()
        seen = (seen + chunk)[-65536:]
        if not ready and b"KTEST ready" in seen:
            ready, deadline = True, time.monotonic() + work_limit
        if b"KTEST FAIL" in seen:
            raise Hang("initramfs" + last_line(seen))


def last_line(text):
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""


def command(guest, image, initramfs, disks):
    """The emulator's command line."""
    machine = {"amd64": amd64, "arm64": arm64}[guest.userland.arch]()
    argv = [emulator(guest), *machine["options"]]
    argv += (
        "-smp 2 -m 1024 -nodefaults -no-user-config -display none -no-reboot -serial stdio"
    ).split()
    argv += ["-kernel", str(image), "-initrd", str(initramfs)]
    argv += ["-append", f"console={machine['console']} {WORDS} {machine['words']} {guest.words}"]
    for name in DISK_ORDER:
        path, how = disks[name]
        argv += [
            "-drive", f"id={name},file={path},format=raw,if=none,{how}",
            "-device", f"{machine['disk']},drive={name},serial={name}",
        ]
    return argv


def amd64():
    # Without the words on the clock, this machine hangs in most boots: the kernel measures the
    # counter against a timer that an emulator cannot keep.
    options = "-M microvm,acpi=on,rtc=on -accel tcg,thread=multi,tb-size=512 -cpu max,la57=off"
    words = f"tsc=reliable tsc_early_khz={counter_khz()} no_timer_check"
    return {
        "options": options.split(), "words": words, "console": "ttyS0",
        "disk": "virtio-blk-device",
    }


def arm64():
    return {
        "options": (
            "-M virt,gic-version=3 -accel tcg,thread=multi,tb-size=512 -cpu cortex-a57"
        ).split(),
        "words": "", "console": "ttyAMA0", "disk": "virtio-blk-pci",
    }


def counter_khz():
    """The rate of the counter that an emulated amd64 machine reads: the host's own on amd64,
    nanoseconds elsewhere."""
    if platform.machine() != "x86_64":
        return 1_000_000
    # rdtsc; shl rdx, 32; or rax, rdx; ret
    code = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3"
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as m:
        m.write(code)
        place = ctypes.c_char.from_buffer(m)
        rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(place))
        ticks, began = rdtsc(), time.monotonic_ns()
        time.sleep(0.05)
        ticks, elapsed = rdtsc() - ticks, time.monotonic_ns() - began
        del place
    return ticks * 1_000_000 // elapsed
