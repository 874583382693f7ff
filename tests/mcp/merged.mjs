// SPDX-License-Identifier: Apache-2.0
// Many servers behind one `kastellan mcp --tools`, as a real client sees them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateMessageRequestSchema, LoggingMessageNotificationSchema,
    ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { call, commands, connect, npm, progressOf, set } from "./support.mjs";

let manifests = 0;
const warm = { IdleTimeout: { idle_seconds: 300 } };

const tool = (name, { command = commands[name], policy = `${name}.json`, ...more } = {}) =>
    ({ program: command[0], arguments: command.slice(1), policy, lifecycle: warm, ...more });

// A manifest beside the policies, and the command that serves it.
function manifest(tools) {
    const file = path.join(set.work, "..", `tools-${++manifests}.json`);
    const named = Object.fromEntries(Object.entries(tools).map(([name, entry]) => [name,
        { ...entry, policy: typeof entry.policy === "string"
            ? path.join(set.policies, entry.policy) : entry.policy }]));
    fs.writeFileSync(file, JSON.stringify({ tools: named }));
    return [...set.kastellan, "--tools", file];
}

const names = async client => (await client.listTools()).tools.map(tool => tool.name);

// A policy that its server cannot be started with.
const refused = { fs_read: ["/nonexistent/place"], cpu_ms: 0, mem_mb: 256 };

export const merged = {
    async "merged: two servers are one"() {
        const client = await connect(manifest({ files: tool("filesystem"), every: tool("everything") }));
        assert.equal(client.getServerVersion().name, "kastellan");
        const all = await names(client);
        for (const [prefix, name] of [["files__", "filesystem"], ["every__", "everything"]]) {
            const alone = await connect(commands[name]);
            assert.deepEqual(all.filter(one => one.startsWith(prefix)),
                (await names(alone)).map(one => prefix + one));
            await alone.close();
        }
        const file = path.join(set.work, "merged.txt");
        await call(client, "files__write_file", { path: file, content: "both" });
        assert.equal((await call(client, "files__read_text_file", { path: file })).text, "both");
        assert.match((await call(client, "every__echo", { message: "é\n" })).text, /é/);
        await assert.rejects(call(client, "echo", { message: "x" }), { code: -32602 });
        await assert.rejects(call(client, "other__echo", { message: "x" }), { code: -32602 });
    },

    async "merged: the manifest of the examples, all seven"() {
        const client = await connect([...set.kastellan, "--tools", path.join(set.policies, "tools.json")]);
        const all = await names(client);
        for (const name of ["filesystem__write_file", "memory__read_graph", "everything__echo",
            "sequential-thinking__sequentialthinking", "git__git", "fetch__fetch", "python__run"])
            assert.ok(all.includes(name), name);
        assert.match((await call(client, "git__git", { arguments: ["--version"] })).text, /git version/);
        assert.equal((await call(client, "python__run", { code: "print(6 * 7)" })).text, "42\n");
    },

    async "merged: each has its own jail"() {
        const command = [...npm("filesystem"), path.dirname(set.secret)];
        const steal = name => ({ name, path: set.secret });
        const free = await connect(command);
        assert.equal((await call(free, "read_text_file", steal())).text, "secret\n");
        const client = await connect(manifest({
            narrow: tool("filesystem", { command }),
            wide: tool("filesystem", { command, policy: { fs_read: [set.packages,
                path.dirname(set.secret)], cpu_ms: 0, mem_mb: 256,
                env: [["PATH", "/usr/bin:/bin"], ["HOME", "/tmp"]] } }) }));
        assert.equal((await call(client, "wide__read_text_file", steal())).text, "secret\n");
        const read = await call(client, "narrow__read_text_file", steal());
        assert.equal(read.failed, true);
        assert.match(read.text, /ENOENT/);
    },

    async "merged: resources, templates, prompts and completions"() {
        const client = await connect(manifest({ files: tool("filesystem"), every: tool("everything"),
            memory: tool("memory") }));
        // Not listed yet: it is looked for.
        const { resourceTemplates } = await connect(commands.everything)
            .then(alone => alone.listResourceTemplates());
        const uri = resourceTemplates[0].uriTemplate.replace(/\{[^}]*\}/, "1");
        assert.ok((await client.readResource({ uri })).contents.length > 0);
        const { resources } = await client.listResources();
        assert.ok(resources.length > 0);
        for (const { uri } of resources.slice(0, 3))
            assert.ok((await client.readResource({ uri })).contents.length > 0);
        assert.deepEqual((await client.listResourceTemplates()).resourceTemplates, resourceTemplates);
        const { prompts } = await client.listPrompts();
        assert.ok(prompts.every(prompt => prompt.name.startsWith("every__")));
        assert.ok((await client.getPrompt({ name: "every__simple-prompt" })).messages.length > 0);
        await assert.rejects(client.getPrompt({ name: "every__none" }));
        await assert.rejects(client.getPrompt({ name: "simple-prompt" }));
        const completed = await client.complete({ ref: { type: "ref/prompt",
            name: "every__completable-prompt" }, argument: { name: "department", value: "E" } });
        assert.ok(completed.completion.values.includes("Engineering"));
    },

    async "merged: progress, cancellation, and what goes on beside them"() {
        const client = await connect(manifest({ files: tool("filesystem"), a: tool("everything"),
            b: tool("everything") }));
        const steps = progressOf(client);
        const long = { duration: 0.6, steps: 4 };
        await Promise.all(["a", "b"].map(name => call(client, `${name}__trigger-long-running-operation`,
            long, { onprogress: () => {} })));
        assert.deepEqual(Object.values(steps), [4, 4]);
        const giving = new AbortController();
        const lost = call(client, "a__trigger-long-running-operation", { duration: 30, steps: 3 },
            { signal: giving.signal });
        await sleep(100);
        giving.abort();
        await assert.rejects(lost);
        assert.match((await call(client, "a__echo", { message: "after" })).text, /after/);
    },

    async "merged: each server may ask the client, with ids of its own"() {
        const asked = [];
        const client = await connect(manifest({ a: tool("everything"), b: tool("everything") }),
            client => client.setRequestHandler(CreateMessageRequestSchema, async request => {
                const { text } = request.params.messages[0].content;
                asked.push(text);
                await sleep(text.includes("one") ? 300 : 0);
                return { role: "assistant", model: "m", content: { type: "text", text: `to ${text}` } };
            }));
        const [one, two] = await Promise.all(["a", "b"].map((name, i) => call(client,
            `${name}__trigger-sampling-request`, { prompt: ["one", "two"][i], maxTokens: 5 })));
        assert.equal(asked.length, 2);
        assert.match(one.text, /to [^]*one/);
        assert.match(two.text, /to [^]*two/);
    },

    async "merged: the level of the log goes to all, and their lines come back"() {
        const client = await connect(manifest({ files: tool("filesystem"), every: tool("everything") }));
        let lines = 0;
        client.setNotificationHandler(LoggingMessageNotificationSchema, () => { lines++; });
        await client.setLoggingLevel("debug");
        await call(client, "every__toggle-simulated-logging");
        for (let i = 0; i < 100 && !lines; i++)
            await sleep(100);
        assert.ok(lines > 0);
    },

    async "merged: a hundred requests to two servers at once"() {
        const client = await connect(manifest({ a: tool("everything"), b: tool("everything") }));
        const said = await Promise.all(Array.from({ length: 100 }, (_, i) =>
            call(client, `${i % 2 ? "a" : "b"}__echo`, { message: `number ${i} ${"x".repeat(i * 100)}.` })));
        said.forEach(({ text }, i) => assert.ok(text.includes(`number ${i} `)));
    },

    async "merged: one that is killed comes again, and the other does not notice"() {
        const client = await connect(manifest({ python: tool("python"), every: tool("everything") }));
        const beside = call(client, "every__trigger-long-running-operation", { duration: 4, steps: 8 });
        const suicide = { code: "import os, signal; os.kill(os.getppid(), signal.SIGKILL)" };
        for (let i = 0; i < 2; i++) {
            const error = await call(client, "python__run", suicide).catch(error => error);
            assert.equal(error.code, -32000);
            assert.equal(error.data.fault, "crash");
            assert.equal(error.data.outcome.signal, 9);
            assert.equal((await call(client, "python__run", { code: "print(1)" })).text, "1\n");
        }
        assert.match((await beside).text, /completed/i);
        assert.ok((await names(client)).includes("python__run"));
    },

    async "merged: a further server is asked again for level and subscriptions"() {
        const code = `
import json, os, sys
seen = []
can = {"tools": {}, "logging": {}, "resources": {"subscribe": True}}
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    seen.append(message["method"])
    result = {}
    if message["method"] == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": can}
    if message["method"] == "tools/call":
        if message["params"]["name"] == "die":
            os._exit(3)
        result = {"content": [{"type": "text", "text": " ".join(seen)}]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
`;
        const idle = { IdleTimeout: { idle_seconds: 1 } };
        const client = await connect(manifest({ own: tool("python", { lifecycle: idle,
            command: ["/usr/bin/python3", "-c", code] }) }));
        const seen = async () => {
            await call(client, "own__see");
            return (await call(client, "own__see")).text;
        };
        assert.equal(await seen(), "initialize tools/call tools/call");
        await client.setLoggingLevel("debug");
        await client.subscribeResource({ uri: "x:/1" });
        await sleep(2500);
        assert.equal(await seen(), "initialize tools/call tools/call logging/setLevel " +
            "resources/subscribe tools/call tools/call");
        assert.equal((await call(client, "own__die").catch(error => error)).data.outcome.exit_code, 3);
        assert.equal(await seen(), "initialize tools/call logging/setLevel resources/subscribe tools/call");
        await client.unsubscribeResource({ uri: "x:/1" });
        await sleep(2500);
        assert.equal(await seen(), "initialize tools/call logging/setLevel tools/call");
    },

    async "merged: a limit is an error with outcome, receipt and grant"() {
        if (set.degraded.includes("mem_mb"))
            return "host: nothing holds mem_mb here";
        const client = await connect(manifest({ python: tool("python"), every: tool("everything") }));
        const error = await call(client, "python__run", { code: "x = b'x' * (1 << 30)" })
            .catch(error => error);
        assert.equal(error.data.outcome.type, "oom");
        assert.equal(error.data.receipt.field, "mem_mb");
        assert.deepEqual(error.data.grant, { mem_mb: 256 });
        assert.equal((await call(client, "python__run", { code: "print('again')" })).text, "again\n");
    },

    async "merged: one that its policy refuses is missing, with the reason, and comes when it can"() {
        const place = path.join(set.work, "..", "later");
        const client = await connect(manifest({
            python: tool("python", { policy: { fs_read: [set.packages, place], cpu_ms: 0, mem_mb: 128 } }),
            files: tool("filesystem") }));
        let changed = 0;
        client.setNotificationHandler(ToolListChangedNotificationSchema, () => { changed++; });
        assert.match(client.getInstructions(), /python are missing: .*later/);
        assert.match(client.said, /later/);
        const all = await names(client);
        assert.ok(all.includes("files__write_file") && !all.some(name => name.startsWith("python")));
        const error = await call(client, "python__run", { code: "print(1)" }).catch(error => error);
        assert.equal(error.data.fault, "start");
        assert.equal(error.data.field, "fs_read");
        assert.equal(error.data.path, place);
        fs.mkdirSync(place);
        for (let i = 0; i < 100 && !changed; i++) {
            await names(client);
            await sleep(200);
        }
        assert.ok(changed > 0);
        assert.ok((await names(client)).includes("python__run"));
        assert.equal((await call(client, "python__run", { code: "print(2)" })).text, "2\n");
    },

    async "merged: where every one is refused the client is told so"() {
        const error = await connect(manifest({ a: tool("python", { policy: refused }),
            b: tool("python", { policy: refused }) })).catch(error => error);
        assert.equal(error.code, -32000);
        assert.equal(error.data.field, "fs_read");
    },

    async "merged: a server that hangs does not keep the others"() {
        const client = await connect(manifest({
            hangs: tool("python", { command: ["sh", "-c", "exec sleep 60"], wall_ms: 2000 }),
            every: tool("everything") }));
        assert.match(client.getInstructions(), /hangs are missing: .*did not answer/);
        assert.match((await call(client, "every__echo", { message: "still" })).text, /still/);
    },

    async "merged: one that does not read, and one that writes rubbish, keep nobody"() {
        // They answer initialize, and then the one sleeps, the other says what is no message.
        const greet = "read line; printf '%s\\n' \"$line\" | sed -n 's/.*\"id\":\\(\"kastellan[^\"]*\"\\).*/" +
            "{\"jsonrpc\":\"2.0\",\"id\":\\1,\"result\":{\"protocolVersion\":\"2025-06-18\"," +
            "\"capabilities\":{}}}/p'; ";
        const client = await connect(manifest({
            deaf: tool("python", { command: ["sh", "-c", `${greet} exec sleep 60`] }),
            rubbish: tool("python", { command: ["sh", "-c",
                `${greet} read line; read line; echo '{"x": 1}'; exec sleep 60`] }),
            every: tool("everything") }));
        const refusals = [];
        for (let i = 0; i < 20; i++)
            call(client, "deaf__t", { x: "x".repeat(200000) }).catch(error => refusals.push(error));
        assert.match((await call(client, "every__echo", { message: "first" })).text, /first/);
        const error = await call(client, "rubbish__t").catch(error => error);
        assert.equal(error.data.fault, "garbage");
        for (let i = 0; i < 100 && !refusals.length; i++)
            await sleep(50);
        assert.match(refusals[0].message, /does not read/);
        assert.match((await call(client, "every__echo", { message: "last" })).text, /last/);
    },

    async "merged: a server of single use has forgotten everything the next time"() {
        const leave = { code: "open('/tmp/left', 'w').write('x'); print('left')" };
        const look = { code: "import os; print(os.path.exists('/tmp/left'))" };
        const keeps = await connect(manifest({ python: tool("python") }));
        assert.equal((await call(keeps, "python__run", leave)).text, "left\n");
        assert.equal((await call(keeps, "python__run", look)).text, "True\n");
        const client = await connect(manifest({ python: tool("python", { lifecycle: "SingleUse" }) }));
        const said = await Promise.all([leave, look, leave, look].map(one =>
            call(client, "python__run", one)));
        assert.deepEqual(said.map(one => one.text), ["left\n", "False\n", "left\n", "False\n"]);
        assert.doesNotMatch(client.said, /kastellan/);
    },

    async "merged: further instances start when the others are busy, and only then"() {
        const who = { code: "import os, time, uuid\nif not os.path.exists('/tmp/me'):\n" +
            "  open('/tmp/me', 'w').write(uuid.uuid4().hex)\ntime.sleep(1)\nprint(open('/tmp/me').read())" };
        const seen = async (client, n) => new Set((await Promise.all(Array.from({ length: n }, () =>
            call(client, "python__run", who)))).map(one => one.text));
        const many = lifecycle => connect(manifest({ python: tool("python", { lifecycle }) }));
        const one = await many({ IdleTimeout: { instances: 1 } });
        assert.equal((await seen(one, 3)).size, 1);
        const two = await many({ IdleTimeout: { instances: 2 } });
        assert.equal((await seen(two, 1)).size, 1);
        const both = await seen(two, 4);
        assert.equal(both.size, 2);
        for (let i = 0; i < 2; i++)
            assert.ok(both.has([...await seen(two, 1)][0]));
        assert.equal((await names(two)).filter(name => name === "python__run").length, 1);
        // One that ends takes only its own request with it.
        const suicide = { code: "import os, signal; os.kill(os.getppid(), signal.SIGKILL)" };
        const [good, bad] = await Promise.all([call(two, "python__run", who),
            call(two, "python__run", suicide).catch(error => error)]);
        assert.equal(bad.data.fault, "crash");
        assert.ok(both.has(good.text));
        assert.equal((await seen(await many("SingleUse"), 4)).size, 4);
        assert.doesNotMatch(one.said, /kastellan/);
    },

    async "merged: a server that nobody uses is ended, and comes again"() {
        const client = await connect(manifest({ python: tool("python",
            { lifecycle: { IdleTimeout: { idle_seconds: 1 } } }) }));
        await call(client, "python__run", { code: "open('/tmp/left', 'w').close()" });
        await sleep(3000);
        const look = { code: "import os; print(os.path.exists('/tmp/left'))" };
        assert.equal((await call(client, "python__run", look)).text, "False\n");
        assert.doesNotMatch(client.said, /kastellan/);
    },

    async "merged: options of one server are refused, and names that could be two"() {
        const said = async command => {
            const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
            let text = "";
            child.stderr.on("data", data => { text += data; });
            const code = await new Promise(done => child.once("close", done));
            return `${code} ${text}`;
        };
        const good = manifest({ python: tool("python") });
        assert.match(await said(good), /^0 $/);
        assert.match(await said([...good, "--mem", "1G"]), /^125 .*--mem/);
        assert.match(await said([...good, "-p", path.join(set.policies, "git.json")]), /^125 .*--policy/);
        assert.match(await said([...good, "--", "sh"]), /^125 .*exclude/);
        const inside = path.join(set.work, "tools.json");
        fs.copyFileSync(manifest({ files: tool("filesystem") }).at(-1), inside);
        assert.match(await said([...set.kastellan, "--tools", inside]), /^125 .*writable grant/);
        assert.match(await said(manifest({ a__b: tool("python") })), /^125 .*a__b/);
        assert.match(await said(manifest({})), /^125 .*no server/);
    },

    async "merged: nothing but messages on standard output, and nothing left behind"() {
        const script = "echo a banner; while read line; do printf '%s\\n' \"$line\" | " +
            "sed -n 's/.*\"id\":\\(\"kastellan[^\"]*\"\\).*\"initialize\".*/{\"jsonrpc\":\"2.0\",\"id\":\\1," +
            "\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}}/p'; done; echo bye";
        const command = manifest({ shell: tool("python", { command: ["sh", "-c", script] }) });
        const child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
        let out = "", err = "";
        child.stdout.on("data", data => { out += data; });
        child.stderr.on("data", data => { err += data; });
        child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":' +
            '"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n');
        for (let i = 0; i < 200 && !out; i++)
            await sleep(50);
        child.stdin.end();
        const code = await new Promise(done => child.once("close", done));
        const answer = JSON.parse(out);
        assert.equal(answer.id, 1);
        assert.equal(answer.result.protocolVersion, "2025-06-18");
        assert.equal(err, "a banner\nbye\n");
        assert.equal(code, 0);
    },
};
