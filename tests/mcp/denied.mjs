// SPDX-License-Identifier: Apache-2.0
// What a jail refuses a server that goes on, and says in its own words that it failed: beside them
// stands what was refused and the grant that would allow it.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { call, confined, connect, npm, serveHttp, set } from "./support.mjs";

export const denied = {
    async "denied: a path, with the grant that would do, and with that it works"() {
        const file = path.join(set.packages, "written");
        const command = [...npm("filesystem"), path.dirname(set.secret), set.packages];
        const client = await connect(confined("filesystem", { command }));
        const write = await call(client, "write_file", { path: file, content: "x" });
        assert.equal(write.failed, true);
        assert.deepEqual(write.denied, [{ kind: "path", path: file, granted: "read",
            grant: { fs_write: [set.work, file] } }]);
        // A failure of which the jail knows nothing is handed on as it is.
        const none = await call(client, "read_text_file", { path: path.join(set.work, "none") });
        assert.deepEqual([none.failed, none.denied], [true, undefined]);
        const granted = await connect(confined("filesystem", { command, options: ["-r", set.secret] }));
        assert.equal((await call(granted, "read_text_file", { path: set.secret })).text, "secret\n");
    },

    async "denied: a server that its policy does not show, with the grant that would"() {
        const elsewhere = path.join(set.work, "..", "elsewhere");
        fs.mkdirSync(elsewhere);
        const script = path.join(elsewhere, "server.py");
        fs.copyFileSync(path.join(set.examples, "python_server.py"), script);
        fs.copyFileSync(path.join(set.examples, "mcp_server.py"), path.join(elsewhere, "mcp_server.py"));
        fs.chmodSync(script, 0o755);
        const failure = async (command, options) => {
            const error = await connect(confined("python", { command, options })).catch(error => error);
            assert.equal(error.code, -32000);
            return error.data;
        };
        const grant = { fs_read: [set.packages, script] };
        for (const command of [["/usr/bin/python3", script], [script]]) {
            const data = await failure(command);
            assert.equal(data.fault, command.length > 1 ? "crash" : "start");
            assert.deepEqual(data.denied, [{ kind: "path", path: script, granted: null, grant }]);
            assert.deepEqual(data.grant, grant);
        }
        const nowhere = await failure(["/usr/bin/python3", path.join(elsewhere, "none.py")]);
        assert.deepEqual([nowhere.denied, nowhere.grant], [[], null]);
        const shown = ["/usr/bin/python3", "-c", "import sys; sys.path[0] = sys.argv[1]; " +
            "exec(open(sys.argv[1] + '/server.py').read())", elsewhere];
        const cwd = await failure(shown, ["--cwd", elsewhere]);
        assert.deepEqual(cwd.grant, { fs_read: [set.packages, elsewhere] });
        const client = await connect(confined("python", { command: shown,
            options: ["--cwd", elsewhere, "-r", cwd.grant.fs_read.at(-1)] }));
        assert.equal((await call(client, "run", { code: "print(3)" })).text, "3\n");
    },

    async "denied: a destination, with the entry that would list it, and with that it works"() {
        if (set.degraded.includes("net"))
            return "host: nothing holds an allowlist here";
        const listed = await serveHttp("listed"), other = await serveHttp("other");
        if (!listed)
            return "host: it has no address but the loopback's";
        try {
            const options = ["--net", listed.place];
            const client = await connect(confined("fetch", { options }));
            assert.equal((await call(client, "fetch", { url: listed.url })).text, "listed");
            const refused = await call(client, "fetch", { url: other.url });
            assert.equal(refused.failed, true);
            const [first] = refused.denied;
            assert.deepEqual([first.kind, `${first.host}:${first.port}`, first.times],
                ["network", other.place, 1]);
            assert.deepEqual(first.grant, { net: { Allowlist:
                ["example.org:443", "*.example.org:443", listed.place, other.place] } });
            // What was refused before is not told of a later failure.
            const broken = await call(client, "fetch", { url: "gopher://x" });
            assert.deepEqual([broken.failed, broken.denied], [true, undefined]);
            const named = await call(client, "fetch", { url: "http://unlisted.example/" });
            assert.deepEqual([named.denied[0].host, named.denied[0].grant], ["unlisted.example", null]);
            assert.match(named.denied[0].remedy, /unlisted\.example:PORT/);
            const granted = await connect(confined("fetch",
                { options: [...options, "--net", first.grant.net.Allowlist.at(-1)] }));
            assert.equal((await call(granted, "fetch", { url: other.url })).text, "other");
        } finally {
            listed.close();
            other.close();
        }
    },

    async "denied: tasks and calls of a child, with its failure"() {
        const client = await connect(confined("python"));
        const number = { x64: 246, arm64: 104 }[process.arch]; // kexec_load
        const killed = await call(client, "run",
            { code: `import ctypes; ctypes.CDLL(None).syscall(${number}, 0, 0, 0, 0)` });
        assert.equal(killed.failed, true);
        assert.deepEqual(killed.denied, [{ kind: "call", times: 1, grant: null, call: "kexec_load" }]);
        if (set.degraded.includes("tasks_max"))
            return;
        const many = await call(client, "run",
            { code: "import os, time\nwhile True:\n  if not os.fork():\n    time.sleep(2)\n    os._exit(0)" });
        assert.equal(many.failed, true);
        assert.equal(many.denied[0].kind, "tasks");
        assert.deepEqual(many.denied[0].grant, { tasks_max: 32 });
    },
};
