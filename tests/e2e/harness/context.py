# SPDX-License-Identifier: Apache-2.0
"""What a test is given: directories of its own, the jail, the control, and pairs of both."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import check, residue
from harness.jail import Control, Jail, end


class Context:
    def __init__(self, options, host, probes, started):
        self.options, self.host, self.probes = options, host, probes
        self.results, self._later = [], []
        self.root = host.root
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="t.", dir=options.base))
        self.work.chmod(0o755)
        self.notes = self.work / "notes"  # policies and status files, never granted
        self.notes.mkdir()
        self._control = Control(self.results)
        self._jail = Jail(options, host, self.notes, self.results, started)

    # Fixtures.

    def directory(self, name, mode=0o755):
        path = self.work / name
        path.mkdir(parents=True)
        path.chmod(mode)
        return path

    def file(self, name, content="content\n", mode=0o644):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def later(self, function, *arguments):
        """Called at the end of the test, the last one first."""
        self._later.append((function, arguments))

    def close(self):
        while self._later:
            function, arguments = self._later.pop()
            function(*arguments)
        shutil.rmtree(self.work, onerror=self._insist)

    @staticmethod
    def _insist(function, path, _):
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
        # What could not even be looked at is left out by then.
        if function in (os.unlink, os.rmdir):
            function(path)
        elif os.path.isdir(path):
            shutil.rmtree(path)

    # Running.

    def probe(self, name, *arguments):
        """The command line of a probe."""
        path = self.probes.path(name)
        runner = ["/usr/bin/python3", "-I"] if name.endswith(".py") else []
        return [*runner, path, *arguments]

    @property
    def control(self):
        return self._control

    @property
    def jail(self):
        if self.options.controls_only:
            raise check.Skip("controls only", cannot=True)
        return self._jail

    def run(self, argv, read=(), **options):
        """In the jail, with the probes visible."""
        return self.jail.run(argv, read=[self.probes.directory, *read], **options)

    # The two halves of every denial.

    def denied(self, argv, by, **options):
        """by: errno names, or "killed: CALL", the call that the outcome has to name."""
        if self.options.controls_only:
            return
        result = self.run(argv, **options)
        wanted = {by} if isinstance(by, str) else set(by)
        if not any(result.verdict == word or result.verdict == f"denied: {word}"
                   for word in wanted):
            check.fail(f"in the jail: expected {sorted(wanted)}, found {result.verdict!r}")

    def allowed(self, argv, **options):
        """With the grant that the act needs."""
        if self.options.controls_only:
            return
        result = self.run(argv, **options)
        check.true(result.verdict.startswith("allowed"),
                   f"with the grant: expected allowed, found {result.verdict!r}")

    def possible(self, argv, **options):
        """The control: unconfined, it works. That is what makes the denial worth something."""
        result = self.control.run(argv, **options)
        check.true(result.verdict.startswith("allowed"),
                   f"control: expected allowed, found {result.verdict!r}")
        return result

    def contained(self, argv, by, granted=None, **options):
        """Denied in the jail and possible outside; granted: options of a jail where it is allowed
        too."""
        self.denied(argv, by, **options)
        if granted is not None:
            self.allowed(argv, **granted)
        return self.possible(argv)

    def contained_in(self, argv, directory):
        """Denied to a jail that is started in the directory, possible for a plain program there."""
        self.denied(argv, by={"ENOENT", "EACCES"}, cwd=directory)
        return self.possible(argv, cwd=directory)

    def victim(self, argv=("/bin/sleep", "1000"), **options):
        """A process of the host that everybody may know of; its pid."""
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)
        self.later(end, process)
        return process.pid

    @staticmethod
    def beneath(pid):
        """The living processes that a process and its descendants have started."""
        return residue.descendants(pid)

    @staticmethod
    def finish(process):
        """The end of a jail that was started without waiting: its input ends, then it does."""
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            end(process)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def without_own(self, text):
        """Output of env(1) without the variable that a backend adds by itself."""
        lines = text.splitlines(keepends=True)
        mine = "TMPDIR=/tmp/kastellan-"
        if self.options.backend != "landlock":
            return text
        check.true(sum(line.startswith(mine) for line in lines) == 1, f"no TMPDIR in {text!r}")
        return "".join(line for line in lines if not line.startswith(mine))

    # Saying that a test does not apply.

    @staticmethod
    def cannot(reason):
        """The host truly lacks it; not a failure in CI either."""
        raise check.Skip(reason, cannot=True)

    @staticmethod
    def skip(reason):
        raise check.Skip(reason)

    def needs_jail(self):
        """For tests whose first act is not in the main thread."""
        return self.jail

    def needs_held(self, *fields):
        if self.options.controls_only:
            return
        for field in fields:
            if not self.host.holds(field):
                row = self.host.receipt()[field]
                self.cannot(f"{field} is {row['verdict']} here: {row.get('detail')}")
