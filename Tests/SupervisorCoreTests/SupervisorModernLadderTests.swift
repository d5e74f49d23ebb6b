import Base
import Testing
import Wire

@testable import SupervisorCore

/// The ladder of checks for 2026-07-28, and which of the two ladders a request climbs.
@Suite struct SupervisorModernLadderTests {
    struct Rung: CustomTestStringConvertible, Sendable {
        let name: String
        let body: String
        let headers: [(String, String?)]
        let status: Int
        let code: Int64?
        let id: JSONValue?

        /// Changes on a good `tools/call` of the tool `t` with the id `"m"`.
        init(
            _ name: String, body: String = Self.good, _ headers: [(String, String?)] = [], gives status: Int, _ code: Int64?,
            id: JSONValue? = "m"
        ) {
            self.name = name
            self.body = body
            self.headers = headers
            self.status = status
            self.code = code
            self.id = id
        }

        static let good = RigText.modernBody("tools/call", id: #""m""#, params: #""name":"t","arguments":{},"#)

        static func method(_ name: String, _ status: Int, _ code: Int64?) -> Rung {
            Rung(
                "method \(name)", body: RigText.modernBody(name, id: #""m""#), [("Mcp-Method", name), ("Mcp-Name", nil)],
                gives: status, code)
        }

        static func meta(_ name: String, _ meta: String, _ headers: [(String, String?)] = [], gives code: Int64) -> Rung {
            Rung(
                name, body: #"{"jsonrpc":"2.0","id":"m","method":"tools/call","params":{"name":"t","_meta":{\#(meta)}}}"#,
                headers, gives: 400, code)
        }

        var testDescription: String { self.name }
    }

    private static let version = #""io.modelcontextprotocol/protocolVersion":"2026-07-28""#
    private static let capabilities = #""io.modelcontextprotocol/clientCapabilities":{}"#

    static let rungs: [Rung] = [
        Rung("host", [("Host", "evil.example")], gives: 403, -32600, id: nil),
        Rung("origin", [("Origin", "null")], gives: 403, -32600, id: nil),
        Rung("host, too large", [("Host", "evil.example"), ("Content-Length", "99999999")], gives: 403, -32600, id: nil),
        Rung("origin, compressed", [("Origin", "null"), ("Content-Encoding", "gzip")], gives: 403, -32600, id: nil),
        Rung("too large", [("Content-Length", "99999999")], gives: 413, -32600, id: nil),
        Rung("compressed", [("Content-Encoding", "gzip")], gives: 415, -32600, id: nil),
        Rung("accept, compressed", [("Accept", "text/html"), ("Content-Encoding", "gzip")], gives: 406, -32600, id: nil),
        Rung("accept", [("Accept", "application/json")], gives: 406, -32600, id: nil),
        Rung("content type", [("Content-Type", "text/plain")], gives: 415, -32600, id: nil),
        Rung("parse", body: "{", gives: 400, -32700, id: nil),
        Rung("shape", body: "{}", gives: 400, -32600, id: nil),
        Rung("batch", body: "[\(Rung.good)]", gives: 400, -32600, id: nil),
        Rung("response", body: #"{"jsonrpc":"2.0","id":1,"result":{}}"#, gives: 400, -32600, id: nil),
        Rung("no _meta", body: #"{"jsonrpc":"2.0","id":"m","method":"tools/list","params":{}}"#, gives: 400, -32602),
        Rung("no params", body: #"{"jsonrpc":"2.0","id":"m","method":"tools/list"}"#, gives: 400, -32602),
        Rung(
            "_meta no object", body: #"{"jsonrpc":"2.0","id":"m","method":"tools/list","params":{"_meta":1}}"#, gives: 400, -32602
        ),
        .meta("version missing", capabilities, gives: -32602),
        .meta("version no string", #""io.modelcontextprotocol/protocolVersion":5,\#(capabilities)"#, gives: -32602),
        .meta("capabilities missing", version, gives: -32602),
        .meta("capabilities no object", #"\#(version),"io.modelcontextprotocol/clientCapabilities":[]"#, gives: -32602),
        .meta("client info no object", #"\#(version),\#(capabilities),"io.modelcontextprotocol/clientInfo":"me""#, gives: -32602),
        .meta("log level unknown", #"\#(version),\#(capabilities),"io.modelcontextprotocol/logLevel":"loud""#, gives: -32602),
        .meta("progress token", #"\#(version),\#(capabilities),"progressToken":1.5"#, gives: -32602),
        .meta("envelope before header", version, [("MCP-Protocol-Version", "2025-11-25")], gives: -32602),
        Rung("version header missing", [("MCP-Protocol-Version", nil)], gives: 400, -32020),
        Rung("version header legacy", [("MCP-Protocol-Version", "2025-11-25")], gives: 400, -32020),
        Rung("version header unknown", [("MCP-Protocol-Version", "v999.0.0")], gives: 400, -32020),
        .meta(
            "version mismatch before unsupported", #""io.modelcontextprotocol/protocolVersion":"v999.0.0",\#(capabilities)"#,
            gives: -32020),
        .meta(
            "version unsupported", #""io.modelcontextprotocol/protocolVersion":"v999.0.0",\#(capabilities)"#,
            [("MCP-Protocol-Version", "v999.0.0"), ("Mcp-Method", nil)], gives: -32022),
        .meta(
            "version legacy in an envelope", #""io.modelcontextprotocol/protocolVersion":"2025-11-25",\#(capabilities)"#,
            [("MCP-Protocol-Version", "2025-11-25")], gives: -32022),
        Rung("method header missing", [("Mcp-Method", nil)], gives: 400, -32020),
        Rung("method header differs", [("Mcp-Method", "tools/list")], gives: 400, -32020),
        Rung("method header in another case", [("Mcp-Method", "Tools/Call")], gives: 400, -32020),
        Rung("name header missing", [("Mcp-Name", nil)], gives: 400, -32020),
        Rung("name header differs", [("Mcp-Name", "u")], gives: 400, -32020),
        Rung("name header not canonical", [("Mcp-Name", "=?base64?dA?=")], gives: 400, -32020),
        Rung("header before method", body: RigText.modernBody("no/such", id: #""m""#), [("Mcp-Method", "x")], gives: 400, -32020),
        .method("initialize", 404, -32601), .method("ping", 404, -32601), .method("logging/setLevel", 404, -32601),
        .method("resources/subscribe", 404, -32601), .method("resources/unsubscribe", 404, -32601),
        .method("tasks/list", 404, -32601), .method("no/such", 404, -32601), .method("notifications/cancelled", 404, -32601),
        .method("server/discover", 200, nil),
        Rung(
            "listen without notifications", body: RigText.modernBody("subscriptions/listen", id: #""m""#),
            [("Mcp-Method", "subscriptions/listen")], gives: 200, -32602),
    ]

    /// A field that is there twice, or holds what is not ASCII, says nothing: what it should have said differs.
    @Test(arguments: ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"])
    func `a routing field that cannot be read is a mismatch`(name: String) throws {
        let rig = try Rig()
        let value = RigText.modernHeaders("tools/call", name: "t").first { $0.0 == name }.flatMap { $0.1 } ?? ""
        for bad in ["\(value)\r\n\(name): \(value)", "\(value)\u{E9}", "a\tb"] {
            let client = try rig.send(RigText.modernCall(id: #""m""#, [(name, bad)]))
            let reply = try client.reply()
            #expect(reply.status == 400 && reply.code == -32020 && reply.json["id"] == "m" && reply.keepsAlive, "\(reply.text)")
            #expect(reply.message.contains(name))
        }
    }

    @Test func `a routing field that cannot be read has its rung`() throws {
        let rig = try Rig()
        let twice: RigText.Headers = [("Mcp-Method", "tools/call\r\nMcp-Method: tools/call")]
        func code(_ text: String) throws -> Int64? { try rig.ask(text).code }
        #expect(try code(RigText.post("{", RigText.modernHeaders("tools/call") + twice)) == -32700)
        let bare = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{\#(Self.version)}}}"#
        #expect(try code(RigText.post(bare, RigText.modernHeaders("tools/call") + twice)) == -32602)
        let version: RigText.Headers = [("MCP-Protocol-Version", "2099-01-01")]
        #expect(try code(RigText.modernCall(version + twice)) == -32020)
        let note = #"{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{\#(Self.version)}}}"#
        #expect(try code(RigText.post(note, RigText.modernHeaders("notifications/x") + twice)) == -32020)
        // Without a claim in the body there is nothing for them to differ from; they are refused all the same.
        let session = try rig.session()
        #expect(try code(RigText.legacy("ping", session: session, twice)) == -32600)
        #expect(try code(RigText.legacy("ping", session: session, [("MCP-Protocol-Version", "2025-11-25\u{E9}")])) == -32600)
        #expect(try rig.ask(RigText.get(session: session, twice)).status == 400)
        #expect(try rig.ask(RigText.request("GET", "/health", twice)).status == 400)
    }

    @Test(arguments: rungs) func `the first failure answers`(rung: Rung) throws {
        let rig = try Rig()
        let reply = try rig.ask(RigText.post(rung.body, RigText.modernHeaders("tools/call", name: "t") + rung.headers))
        #expect(reply.status == rung.status, "\(reply.text)")
        #expect(reply.code == rung.code)
        #expect(reply.json["id"] == rung.id)
        #expect(reply["mcp-session-id"] == nil)
        if rung.code == -32022 {
            #expect(reply.json["error"]?["data"]?["supported"] == ["2026-07-28"])
            #expect(reply.json["error"]?["data"]?["requested"]?.stringValue != "2026-07-28")
        }
    }

    @Test(arguments: ["t", "  t ", "=?base64?dA==?="]) func `the name header may be padded or encoded`(value: String) throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall([("Mcp-Name", value)]))
        #expect(try rig.worker.request()["method"] == "tools/call")
        #expect(!client.hasReply)
    }

    @Test func `headers of sessions and resumption mean nothing`() throws {
        let rig = try Rig()
        _ = try rig.send(RigText.modernCall([("Mcp-Session-Id", "nonsense"), ("Last-Event-ID", "4")]))
        #expect(try rig.worker.request()["method"] == "tools/call")
    }

    @Test func `a notification is accepted without further checks`() throws {
        let rig = try Rig()
        let body =
            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"_meta":{\#(RigText.envelope)}}}"#
        for headers in [[], [("MCP-Protocol-Version", "2026-07-28")], [("MCP-Protocol-Version", "v999")]] as [RigText.Headers] {
            let reply = try rig.ask(RigText.post(body, headers))
            #expect(reply.status == 202)
            #expect(reply.body.isEmpty)
        }
        #expect(
            try rig.ask(RigText.post(RigText.legacyBody("notifications/x", id: nil), [("MCP-Protocol-Version", "2026-07-28")]))
                .status == 202)
    }

    @Test(arguments: ["1", "0", "-7", "9007199254740991", #""1""#, #""""#, #""a\u0062""#])
    func `the id comes back exactly as it was sent`(id: String) throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(id: id))
        try rig.worker.answer(try rig.worker.request(), #"{"content":[]}"#)
        #expect(try client.reply().text.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"result":{"#))
        #expect(try rig.ask(RigText.modern("no/such", id: id)).text.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"error":{"#))
    }

    @Test func `the answer to discover is the worker's handshake`() throws {
        for back in Rig.Back.allCases {
            let rig = try Rig(back)
            let result = try rig.ask(RigText.modern("server/discover")).json["result"]
            #expect(result?["resultType"] == "complete")
            #expect(result?["supportedVersions"] == ["2026-07-28"])
            #expect(result?["capabilities"]?["tools"] == ["listChanged": true])
            #expect(result?["instructions"] == "be kind")
            #expect(result?["cacheScope"] == "private")
            #expect(result?["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"] == "rig")
        }
    }

    @Test func `a method whose capability the server lacks is 404`() throws {
        let rig = try Rig(starting: false)
        rig.capabilities = #"{"tools":{}}"#
        rig.start()
        for method in ["prompts/list", "resources/list", "resources/templates/list", "completion/complete"] {
            let reply = try rig.ask(RigText.modern(method, id: #""c""#))
            #expect(reply.status == 404 && reply.code == -32601 && reply.json["id"] == "c")
        }
    }

    /// Worker's code, what a modern client sees, and the status.
    @Test(
        arguments: [
            (-32601, -32601, 404), (-32602, -32602, 200), (-32603, -32603, 200), (-32600, -32600, 400), (-32700, -32700, 400),
            (-32020, -32020, 400), (-32021, -32021, 400), (-32022, -32022, 400), (-32002, -32602, 200), (-32042, -32603, 200),
            (-32000, -32603, 200), (-32019, -32603, 200), (-32099, -32603, 200), (-32800, -32800, 200), (-1, -1, 200),
            (17, 17, 200),
        ] as [(Int64, Int64, Int)])
    func `error codes are those of the revision and decide the status`(sent: Int64, seen: Int64, status: Int) throws {
        for back in Rig.Back.allCases {
            let rig = try Rig(back)
            let client = try rig.send(RigText.modernCall(id: #""e""#))
            try rig.worker.refuse(try rig.worker.request(), code: sent, data: #"{"why":1}"#)
            let reply = try client.reply()
            #expect(reply.status == status)
            #expect(reply.code == seen)
            #expect(reply.message == "no")
            #expect(reply.json["id"] == "e")
            if sent != seen, seen == -32603 {
                #expect(reply.json["error"]?["data"] == ["workerCode": .integer(sent), "workerData": ["why": 1]])
            } else {
                #expect(reply.json["error"]?["data"] == ["why": 1])
            }
        }
    }

    @Test(
        arguments: [
            (nil, ["uri": "file:///a"]), (#"{"uri":"file:///b"}"#, ["uri": "file:///b"]), (#"{"x":1}"#, ["uri": "file:///a"]),
        ] as [(String?, JSONValue)])
    func `a missing resource is named to a modern client`(sent: String?, seen: JSONValue) throws {
        let rig = try Rig(.legacy)
        let client = try rig.send(
            RigText.modern("resources/read", params: #""uri":"file:///a","#, [("Mcp-Name", "file:///a")]))
        try rig.worker.refuse(try rig.worker.request(), code: -32002, data: sent)
        let reply = try client.reply()
        #expect(reply.code == -32602 && reply.status == 200)
        #expect(reply.json["error"]?["data"] == seen)
    }
}
