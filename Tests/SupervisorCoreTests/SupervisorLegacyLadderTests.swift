import Base
import Testing
import Wire

@testable import SupervisorCore

/// The ladder of checks for 2025-03-26 to 2025-11-25: the first failure answers.
@Suite struct SupervisorLegacyLadderTests {
    private static let call = RigText.legacyBody("tools/list", id: #""x""#)

    /// One rung: what is sent, with `SESSION` for the id of a live session, and what must come back.
    struct Rung: CustomTestStringConvertible, Sendable {
        let name: String
        let method: String
        let headers: [(String, String?)]
        let body: String?
        let status: Int
        let code: Int64?
        /// The id in the answer, if any.
        let id: JSONValue?

        init(
            _ name: String, _ method: String = "POST", _ headers: [(String, String?)] = [],
            body: String? = SupervisorLegacyLadderTests.call,
            gives status: Int, _ code: Int64?, id: JSONValue? = nil
        ) {
            self.name = name
            self.method = method
            self.headers = headers
            self.body = body
            self.status = status
            self.code = code
            self.id = id
        }

        init(
            _ name: String, _ headers: [(String, String?)], body: String? = SupervisorLegacyLadderTests.call, gives status: Int,
            _ code: Int64?, id: JSONValue? = nil
        ) {
            self.init(name, "POST", headers, body: body, gives: status, code, id: id)
        }

        var testDescription: String { self.name }
    }

    private static let session: (String, String?) = ("Mcp-Session-Id", "SESSION")
    private static let unknown: (String, String?) = ("Mcp-Session-Id", "00000000000000000000000000000000")
    private static let initialize = RigText.legacyBody(
        "initialize", id: "5",
        params: #"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#)

    static let rungs: [Rung] = [
        Rung("1 foreign host", headers([("Host", "evil.example")]), gives: 403, -32600),
        Rung("1 foreign origin", headers([("Origin", "https://evil.example")]), gives: 403, -32600),
        Rung("1 before 2", "PUT", [("Origin", "https://evil.example")], gives: 403, -32600),
        Rung("2 PUT", "PUT", [session], gives: 405, -32600),
        Rung("2 PATCH", "PATCH", [session], gives: 405, -32600),
        Rung("2 OPTIONS without CORS", "OPTIONS", [], body: nil, gives: 405, -32600),
        Rung("2 before 4", "PUT", [session, ("Accept", "text/html")], gives: 405, -32600),
        Rung("4 JSON only", headers([("Accept", "application/json")]), gives: 406, -32600),
        Rung("4 stream only", headers([("Accept", "text/event-stream")]), gives: 406, -32600),
        Rung("4 weight zero", headers([("Accept", "application/json;q=0, text/event-stream")]), gives: 406, -32600),
        Rung("4 nothing", headers([("Accept", nil)]), gives: 406, -32600),
        Rung("4 GET of JSON", "GET", [session, ("Accept", "application/json")], body: nil, gives: 406, -32600),
        Rung("4 before 5", headers([("Accept", "text/html"), ("Content-Type", "text/plain")]), gives: 406, -32600),
        Rung("5 text", headers([("Content-Type", "text/plain")]), gives: 415, -32600),
        Rung("5 like JSON", headers([("Content-Type", "application/jsonp")]), gives: 415, -32600),
        Rung("5 none", headers([("Content-Type", nil)]), gives: 415, -32600),
        Rung("5 before 7", headers([("Content-Type", "text/plain")]), body: "{", gives: 415, -32600),
        Rung("6 too large", headers([("Content-Length", "4194305")]), body: "", gives: 413, -32600),
        Rung("7 no body", headers([]), body: nil, gives: 415, -32600),
        Rung("7 empty body", headers([]), body: "", gives: 400, -32700),
        Rung("7 half an object", headers([]), body: "{", gives: 400, -32700),
        Rung("7 two objects", headers([]), body: "{}{}", gives: 400, -32700),
        Rung("7 duplicate key", headers([]), body: #"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, gives: 400, -32700),
        Rung("7 before 11", "POST", [], body: "{", gives: 400, -32700),
        Rung("8 number", headers([]), body: "5", gives: 400, -32600),
        Rung("8 empty object", headers([]), body: "{}", gives: 400, -32600),
        Rung("8 empty batch", headers([]), body: "[]", gives: 400, -32600),
        Rung("8 batch in 2025-11-25", headers([]), body: "[\(call)]", gives: 400, -32600),
        Rung("8 null id", headers([]), body: #"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, gives: 400, -32600),
        Rung("8 fraction id", headers([]), body: #"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, gives: 400, -32600),
        Rung("8 version", headers([]), body: #"{"jsonrpc":"1.0","id":"v","method":"ping"}"#, gives: 400, -32600, id: "v"),
        Rung("8 params", headers([]), body: #"{"jsonrpc":"2.0","id":4,"method":"ping","params":[]}"#, gives: 400, -32600, id: 4),
        Rung("8 before 11", "POST", [], body: "{}", gives: 400, -32600),
        Rung(
            "8 _meta", headers([]), body: #"{"jsonrpc":"2.0","id":4,"method":"ping","params":{"_meta":5}}"#, gives: 400, -32602,
            id: 4),
        Rung("9 initialize in a batch", "POST", [], body: "[\(initialize)]", gives: 400, -32600),
        Rung("9 initialize with another", "POST", [], body: "[\(initialize),\(call)]", gives: 400, -32600),
        Rung("10 initialize again", headers([]), body: initialize, gives: 400, -32600, id: 5),
        Rung("11 no session", "POST", [], gives: 400, -32000, id: "x"),
        Rung("11 no session, GET", "GET", [("Accept", "text/event-stream")], body: nil, gives: 400, -32000),
        Rung("11 no session, DELETE", "DELETE", [], body: nil, gives: 400, -32000),
        Rung("11 a notification", "POST", [], body: RigText.legacyBody("notifications/initialized", id: nil), gives: 400, -32000),
        Rung("11 an answer", "POST", [], body: #"{"jsonrpc":"2.0","id":9,"result":{}}"#, gives: 400, -32000),
        Rung("12 unknown", "POST", [unknown], gives: 404, -32001, id: "x"),
        Rung("12 malformed", "POST", [("Mcp-Session-Id", "stale")], gives: 404, -32001, id: "x"),
        Rung("12 other case", "POST", [("Mcp-Session-Id", "000000000000ABCD0000000000000001")], gives: 404, -32001, id: "x"),
        Rung("12 GET", "GET", [unknown, ("Accept", "text/event-stream")], body: nil, gives: 404, -32001),
        Rung("12 DELETE", "DELETE", [unknown], body: nil, gives: 404, -32001),
        Rung("12 initialize", "POST", [unknown], body: initialize, gives: 404, -32001, id: 5),
        Rung(
            "12 before 13", "GET", [unknown, ("Accept", "text/event-stream"), ("MCP-Protocol-Version", "x")], body: nil,
            gives: 404,
            -32001),
        Rung("13 unknown version", headers([("MCP-Protocol-Version", "1999-01-01")]), gives: 400, -32602, id: "x"),
        Rung(
            "13 unknown version, GET", "GET", [session, ("Accept", "text/event-stream"), ("MCP-Protocol-Version", "x")],
            body: nil, gives: 400, -32000),
        Rung(
            "13 modern version, DELETE", "DELETE", [session, ("MCP-Protocol-Version", "2026-07-28")], body: nil, gives: 400,
            -32000),
        Rung(
            "13 another legacy version", headers([("MCP-Protocol-Version", "2025-03-26")]),
            body: RigText.legacyBody("ping", id: "3"), gives: 200, nil, id: 3),
        Rung("13 not on initialize", "POST", [("MCP-Protocol-Version", "2024-11-05")], body: initialize, gives: 200, nil, id: 5),
        Rung("14 notification", headers([]), body: RigText.legacyBody("notifications/initialized", id: nil), gives: 202, nil),
        Rung("14 unknown notification", headers([]), body: RigText.legacyBody("notifications/none", id: nil), gives: 202, nil),
        Rung("14 answer", headers([]), body: #"{"jsonrpc":"2.0","id":9,"result":{}}"#, gives: 202, nil),
        Rung("14 error", headers([]), body: #"{"jsonrpc":"2.0","id":9,"error":{"code":1,"message":""}}"#, gives: 202, nil),
        Rung(
            "16 unknown event", "GET", [session, ("Accept", "text/event-stream"), ("Last-Event-ID", "1-1")], body: nil,
            gives: 400,
            -32000),
        Rung("18 DELETE", "DELETE", [session], body: nil, gives: 200, nil),
        Rung("method unknown", headers([]), body: RigText.legacyBody("no/such", id: "1"), gives: 200, -32601, id: 1),
        Rung("method modern", headers([]), body: RigText.legacyBody("server/discover", id: "1"), gives: 200, -32601, id: 1),
        Rung("method in escapes", headers([]), body: RigText.legacyBody(#"p\u0069ng"#, id: "1"), gives: 200, nil, id: 1),
        Rung(
            "progress token", headers([]),
            body: RigText.legacyBody("tools/list", id: "1", params: #"{"_meta":{"progressToken":{}}}"#), gives: 200, -32602, id: 1
        ),
        Rung(
            "log level", headers([]), body: RigText.legacyBody("logging/setLevel", id: "1", params: #"{"level":"loud"}"#),
            gives: 200,
            -32602, id: 1),
        Rung("modern header", headers([("MCP-Protocol-Version", "2026-07-28")]), gives: 400, -32602, id: "x"),
        Rung(
            "modern header, initialize", "POST", [("MCP-Protocol-Version", "2026-07-28")], body: initialize, gives: 400, -32020,
            id: 5),
        Rung(
            "modern header, answer", headers([("MCP-Protocol-Version", "2026-07-28")]),
            body: #"{"jsonrpc":"2.0","id":9,"result":{}}"#, gives: 400, -32600),
        Rung("another path", "POST /mcp/", [session], gives: 404, nil),
    ]

    private static func headers(_ more: [(String, String?)]) -> [(String, String?)] { [self.session] + more }

    @Test(arguments: rungs) func `the first failure answers`(rung: Rung) throws {
        let rig = try Rig()
        let session = try rig.session()
        let words = rung.method.split(separator: " ").map(String.init)
        let headers = rung.headers.map { ($0.0, $0.1 == "SESSION" ? session : $0.1) }
        let client = try rig.send(RigText.request(words[0], words.count > 1 ? words[1] : "/mcp", headers, body: rung.body))
        let reply = try client.reply()
        #expect(reply.status == rung.status, "\(reply.text)")
        #expect(reply.code == rung.code)
        #expect(reply.json["id"] == rung.id)
        if rung.status == 405 { #expect(reply["allow"] == "GET, POST, DELETE") }
        if rung.status == 202 { #expect(reply.body.isEmpty && reply["content-type"] == nil) }
        if rung.status >= 400 && rung.code != nil { #expect(reply.json["jsonrpc"] == "2.0") }
        #expect(reply["x-content-type-options"] == "nosniff" && reply["date"] != nil)
    }

    @Test(arguments: ["1", "0", "-7", "9007199254740991", #""1""#, #""""#, #""a\u0062""#, #""ü""#])
    func `the id comes back exactly as it was sent`(id: String) throws {
        let rig = try Rig()
        let session = try rig.session()
        let ping = try rig.ask(RigText.legacy("ping", session: session, id: id))
        #expect(ping.text == #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
        let client = try rig.send(RigText.legacyCall(session: session, id: id))
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().text == #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
    }

    @Test(arguments: [
        ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25"), ("", "2025-11-25"),
    ])
    func `the revision is the one asked for or our latest`(asked: String, got: String) throws {
        let rig = try Rig()
        let reply = try rig.ask(RigText.initialize(asked))
        #expect(reply.json["result"]?["protocolVersion"] == .string(got))
        #expect(reply["mcp-session-id"]?.utf8.count == 32)
        #expect(reply.json["result"]?["serverInfo"]?["name"] == "rig")
        #expect(reply.json["result"]?["instructions"] == "be kind")
        let capabilities = reply.json["result"]?["capabilities"]
        #expect(capabilities?["tools"] == ["listChanged": true])
        #expect((capabilities?["completions"] != nil) == (got != "2024-11-05"))
    }

    @Test(arguments: ["{}", #"{"protocolVersion":7}"#])
    func `initialize without a version is refused and makes no session`(params: String) throws {
        let rig = try Rig()
        let reply = try rig.ask(RigText.post(RigText.legacyBody("initialize", params: params)))
        #expect(reply.code == -32602)
        #expect(reply["mcp-session-id"] == nil)
        #expect(rig.machine.sessions.count == 0)
    }

    @Test func `a method whose capability the server lacks is not found`() throws {
        let rig = try Rig(starting: false)
        rig.capabilities = #"{"tools":{}}"#
        rig.start()
        let session = try rig.session()
        for method in [
            "prompts/list", "prompts/get", "resources/list", "resources/read", "resources/templates/list", "completion/complete",
            "logging/setLevel",
        ] {
            #expect(try rig.ask(RigText.legacy(method, session: session)).code == -32601)
        }
    }
}
