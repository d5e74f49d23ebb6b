// A stdio server for Node, of its standard library alone: what a server written in JavaScript looks like from outside.
// Node makes its pipes non-blocking and writes large answers in pieces; that is what it is here for.
import { createInterface } from "node:readline";
import process from "node:process";

const tools = [
    { name: "echo", description: "Gives back its text.",
      inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] } },
    { name: "large", description: "Gives many letters.",
      inputSchema: { type: "object", properties: { length: { type: "integer" } }, required: ["length"] } },
    { name: "later", description: "Answers after all that was asked in the same moment.", inputSchema: { type: "object" } },
    { name: "stdin", description: "What Node takes its stdin for.", inputSchema: { type: "object" } },
];
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
const text = (value) => ({ content: [{ type: "text", text: value }] });

async function call({ name, arguments: given }) {
    switch (name) {
        case "echo": return text(given.text);
        case "large": return text("ü".repeat(given.length));
        case "later": await new Promise((resolve) => setImmediate(resolve)); return text("later");
        case "stdin": return text(process.stdin.constructor.name);
        default: throw { code: -32602, message: `Unknown tool: ${name}` };
    }
}

async function answer(method, params) {
    switch (method) {
        case "initialize":
            return { protocolVersion: "2025-06-18", capabilities: { tools: {}, resources: {} }, serverInfo: { name: "node", version: "1" } };
        case "ping": return {};
        case "tools/list": return { tools };
        case "tools/call": return call(params);
        case "resources/list": return { resources: [{ uri: "node://versions", name: "versions", mimeType: "application/json" }] };
        case "resources/read":
            return { contents: [{ uri: params.uri, mimeType: "application/json", text: JSON.stringify({ node: process.versions.node }) }] };
        default: throw { code: -32601, message: `Method not found: ${method}` };
    }
}

for await (const line of createInterface({ input: process.stdin })) {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined || method === undefined) continue;
    answer(method, params).then((result) => send({ id, result }), ({ code = -32603, message }) => send({ id, error: { code, message } }));
}
