import Base
import Testing
import Wire

@testable import WorkerCore

@Suite struct ServerStateTests {
    // MARK: Eras

    @Test(arguments: [
        ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25"),
    ])
    func `initialize answers the asked legacy revision or the latest one`(_ asked: String, _ given: String) throws {
        var harness = Harness()
        let answer = try harness.ask(
            """
            {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"\(asked)","capabilities":{}}}
            """
        )
        #expect(answer["result"]?["protocolVersion"]?.string == given)
        #expect(answer["result"]?["serverInfo"]?["title"] == (given >= "2025-06-18" ? .string("SQL databases (read-only)") : nil))
    }

    @Test func `discover lists modern versions only`() throws {
        var harness = Harness()
        let answer = try harness.ask(harness.modern("1", "server/discover"))
        #expect(answer["result"]?["supportedVersions"] == .array([.string("2026-07-28")]))
        #expect(answer["result"]?["resultType"]?.string == "complete")
        #expect(answer["result"]?["cacheScope"]?.string == "private")
        #expect((answer["result"]?["ttlMs"]?.int ?? -1) >= 0)
        #expect(answer["result"]?["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"]?.string == "mcp-worker-sql")
    }

    @Test func `both eras share one channel`() throws {
        var harness = Harness()
        try harness.initialize()
        let legacy = try harness.ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}")
        let modern = try harness.ask(harness.modern("2", "tools/list"))
        #expect(legacy["result"]?.keys == ["tools"])
        #expect(modern["result"]?.keys == ["tools", "ttlMs", "cacheScope", "resultType", "_meta"])
        #expect(legacy["result"]?["tools"] == modern["result"]?["tools"])
    }

    @Test(arguments: ["2024-11-05", "2025-03-26"])
    func `old revisions see no title and no output schema`(_ revision: String) throws {
        var harness = Harness()
        try harness.initialize(revision)
        let answer = try harness.ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}")
        for tool in answer["result"]?["tools"]?.elements ?? [] {
            #expect(tool.keys == ["name", "description", "inputSchema", "annotations"])
        }
    }

    @Test(arguments: [
        "initialize", "ping", "logging/setLevel", "resources/list", "prompts/list", "subscriptions/listen", "nothing",
    ])
    func `a modern request for what is not there is method not found`(_ method: String) throws {
        var harness = Harness()
        let answer = try harness.ask(harness.modern("\"a\"", method))
        #expect(answer["error"]?["code"]?.int == -32601)
        #expect(answer["id"]?.string == "a")
    }

    @Test(arguments: ["v999", "2025-11-25", ""])
    func `a modern request of another version is told the supported ones`(_ version: String) throws {
        var harness = Harness()
        let answer = try harness.ask(
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{\
            "io.modelcontextprotocol/protocolVersion":"\(version)",\
            "io.modelcontextprotocol/clientCapabilities":{}}}}
            """)
        #expect(answer["error"]?["code"]?.int == -32022)
        #expect(answer["error"]?["data"]?["supported"] == .array([.string("2026-07-28")]))
        #expect(answer["error"]?["data"]?["requested"]?.string == version)
    }

    // MARK: Refusals

    /// Line, error code, id of the answer as JSON text or nothing.
    static let refusals: [(String, Int64, String?)] = [
        ("{", -32700, nil),
        ("nonsense", -32700, nil),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"ping\"}", -32700, nil),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} {}", -32700, nil),
        ("1", -32600, nil),
        ("{}", -32600, nil),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600, nil),
        ("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", -32600, nil),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", -32600, "1"),
        ("[]", -32600, nil),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600, nil),
        ("{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"nothing\"}", -32601, "\"1\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\"}", -32601, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":\"x\"}}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":7}}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{\"a\":1,\"a\":2}}}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{\"progressToken\":1.5}}}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":7}}", -32602, "1"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"drop_everything\"}}", -32602, "1"),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"list_views\",\"arguments\":[]}}",
            -32602, "1"
        ),
        (
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_views","arguments":{"a":1,"a":1}}}
            """,
            -32602, "1"
        ),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"loud\"}}", -32602, "1"),
        (
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/list",\
            "params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}
            """,
            -32602, "1"
        ),
        (
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":7,\
            "io.modelcontextprotocol/clientCapabilities":{}}}}
            """,
            -32602, "1"
        ),
        (
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/list",\
            "params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/logLevel":"loud"}}}
            """,
            -32602, "1"
        ),
    ]

    @Test(arguments: ServerStateTests.refusals)
    func `a wrong message gets its error`(_ line: String, _ code: Int64, _ id: String?) throws {
        var harness = Harness()
        try harness.initialize()
        let answer = try harness.ask(line)
        #expect(answer["error"]?["code"]?.int == code)
        // Without a readable id the member is absent: no revision allows null.
        #expect(answer["id"] == (try id.map { try json($0) }))
        #expect(harness.effects.isEmpty)
    }

    @Test func `before initialize only ping and modern requests are served`() throws {
        var harness = Harness()
        #expect(try harness.ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}")["result"] == .object([]))
        #expect(try harness.ask("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}")["error"]?["code"]?.int == -32600)
        #expect(try harness.ask(harness.modern("3", "tools/list"))["result"] != nil)
    }

    @Test(arguments: [
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}", "{\"jsonrpc\":\"2.0\",\"id\":9,\"error\":{\"code\":1,\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":77}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{}}",
    ])
    func `notifications and responses get no answer`(_ line: String) throws {
        var harness = Harness()
        try harness.initialize()
        #expect(harness.send(line).isEmpty)
    }

    // MARK: Batches

    @Test func `a 2025-03-26 session may send batches`() throws {
        var harness = Harness()
        try harness.initialize("2025-03-26")
        let lines = harness.send(
            """
            [{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"notifications/initialized"},7,\
            {"jsonrpc":"2.0","id":2,"method":"tools/list"},{"jsonrpc":"2.0","id":3,"method":"initialize"}, [] ]
            """)
        let answers = try lines.map { try json($0) }
        #expect(answers.map { $0["id"]?.int } == [1, nil, 2, 3, nil])
        #expect(answers.map { $0["error"]?["code"]?.int } == [nil, -32600, nil, -32600, -32600])
    }

    @Test func `a batch is bounded and never modern`() throws {
        var harness = Harness()
        try harness.initialize("2025-03-26")
        let ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
        let many = "[" + Array(repeating: ping, count: 101).joined(separator: ",") + "]"
        #expect(try harness.ask(many)["error"]?["code"]?.int == -32600)
        #expect(try harness.ask("[\(harness.modern("1", "tools/list"))]")["error"]?["code"]?.int == -32600)
    }

    // MARK: Calls

    @Test func `a call is started, answered once and echoes its id`() throws {
        for id in ["1", "\"1\"", "-9007199254740991", "\"with \\\"quotes\\\" and 0123456789012345678901234567890\""] {
            var harness = Harness()
            #expect(harness.send(harness.call(id, "list_views", "{\"database\":\"sample\"}")).isEmpty)
            let key = try #require(harness.started.first)
            #expect(harness.finish(key, "{\"content\":[]}") == ["{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"content\":[]}}"])
            let isIdle = harness.isIdle
            #expect(isIdle)
        }
    }

    @Test func `calls beyond the concurrency wait in order, and beyond that are refused`() throws {
        var harness = Harness(concurrency: 2, waitingMax: 2)
        for id in 1...4 { #expect(harness.send(harness.call("\(id)", "execute_query", "{\"query\":\"q\(id)\"}")).isEmpty) }
        #expect(harness.started.count == 2)
        let refused = try harness.ask(harness.call("5", "execute_query", "{\"query\":\"q5\"}"))
        #expect(refused["result"]?["isError"] == .bool(true))
        #expect(harness.finish(harness.started[1]) == ["{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}"])
        #expect(harness.started.count == 3)
        #expect(harness.finish(harness.started[2]) == ["{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}"])
        #expect(harness.finish(harness.started[3]) == ["{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}"])
        #expect(harness.finish(harness.started[0]) == ["{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"])
        let isIdle = harness.isIdle
        #expect(isIdle)
    }

    @Test func `an id that is still in use is refused`() throws {
        var harness = Harness()
        _ = harness.send(harness.call("1", "list_views", "{\"database\":\"sample\"}"))
        #expect(try harness.ask(harness.modern("1", "tools/list"))["error"]?["code"]?.int == -32600)
        #expect(try harness.ask(harness.modern("\"1\"", "tools/list"))["result"] != nil)
    }

    @Test func `a cancelled running call is stopped and never answered`() throws {
        var harness = Harness()
        _ = harness.send(harness.call("1", "execute_query", "{\"query\":\"q\"}"))
        let key = try #require(harness.started.first)
        let cancel = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}"
        #expect(harness.send(cancel.split(separator: "\"requestId\":1").joined(separator: "\"requestId\":\"1\"")).isEmpty)
        #expect(harness.effects.last != .cancel(key))
        #expect(harness.send(cancel).isEmpty)
        #expect(harness.effects.last == .cancel(key))
        let count = harness.effects.count
        #expect(harness.send(cancel).isEmpty)
        #expect(harness.effects.count == count)
        #expect(harness.finish(key).isEmpty)
        let isIdle = harness.isIdle
        #expect(isIdle)
    }

    @Test func `a cancelled waiting call is never started`() throws {
        var harness = Harness(concurrency: 1)
        _ = harness.send(harness.call("1", "execute_query", "{\"query\":\"a\"}"))
        _ = harness.send(harness.call("2", "execute_query", "{\"query\":\"b\"}"))
        _ = harness.send(harness.call("3", "execute_query", "{\"query\":\"c\"}"))
        _ = harness.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}")
        #expect(harness.finish(harness.started[0]).count == 1)
        #expect(harness.started.count == 2)
        #expect(harness.finish(harness.started[1]) == ["{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}"])
        let isIdle = harness.isIdle
        #expect(isIdle)
    }

    @Test func `list_databases is answered at once`() throws {
        var harness = Harness(["a", "b"])
        let answer = try harness.ask(harness.call("1", "list_databases", "{}"))
        #expect(answer["result"]?["structuredContent"]?["databases"]?.elements.map { $0["name"]?.string } == ["a", "b"])
        #expect(harness.effects.isEmpty)
    }

    // MARK: Progress and log

    @Test func `progress goes out once a second with the token and the call`() throws {
        var harness = Harness()
        let line = harness.modern("7", "tools/call", "\"name\":\"execute_query\",\"arguments\":{\"query\":\"q\"}")
            .split(separator: "\"_meta\":{").joined(separator: "\"_meta\":{\"progressToken\":\"tok\",")
        _ = harness.send(line)
        let key = try #require(harness.started.first)
        let start = harness.now
        let nextDeadline = harness.nextDeadline
        #expect(nextDeadline == start + .seconds(1))
        #expect(harness.tick().isEmpty)
        harness.now = start + .milliseconds(1_010)
        let first = try json(try #require(harness.tick().first))
        #expect(first["method"]?.string == "notifications/progress")
        #expect(first["params"]?["progressToken"]?.string == "tok")
        #expect(first["params"]?["progress"] == .number(lexeme: "1.010"))
        #expect(first["params"]?["total"] == .number(lexeme: "5"))
        #expect(first["params"]?["_meta"]?["io.mcp-supervisor/relatedRequest"]?.int == 7)
        #expect(harness.tick().isEmpty)
        harness.now = start + .milliseconds(2_500)
        #expect(harness.tick().count == 1)
        #expect(harness.finish(key).count == 1)
        let last = harness.nextDeadline
        #expect(last == nil)
        harness.now = start + .seconds(9)
        #expect(harness.tick().isEmpty)
    }

    @Test func `without a token there is no progress and no deadline`() {
        var harness = Harness()
        _ = harness.send(harness.call("1", "execute_query", "{\"query\":\"q\"}"))
        let nextDeadline = harness.nextDeadline
        #expect(nextDeadline == nil)
        harness.now = harness.now + .seconds(100)
        #expect(harness.tick().isEmpty)
    }

    @Test func `a legacy client gets log messages from the level it set`() throws {
        var harness = Harness()
        try harness.initialize()
        let call =
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_query","arguments":{"query":"q"}}}
            """
        _ = harness.send(call)
        #expect(harness.finish(harness.started[0], failure: .timeout(.seconds(5))).count == 1)
        _ = harness.send("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"warning\"}}")
        _ = harness.send(call)
        #expect(harness.finish(harness.started[1]).count == 1)
        _ = harness.send(call)
        let lines = harness.finish(harness.started[2], failure: .timeout(.seconds(5)))
        #expect(lines.count == 2)
        let message = try json(lines[0])
        #expect(message["params"]?["level"]?.string == "warning")
        #expect(message["params"]?["_meta"]?["io.mcp-supervisor/relatedRequest"]?.int == 1)
    }

    @Test func `a modern request asks for log messages by itself`() throws {
        var harness = Harness()
        let line = harness.call("1", "execute_query", "{\"query\":\"q\"}")
            .split(separator: "\"_meta\":{").joined(separator: "\"_meta\":{\"io.modelcontextprotocol/logLevel\":\"debug\",")
        _ = harness.send(line)
        _ = harness.send(harness.call("2", "execute_query", "{\"query\":\"q\"}"))
        #expect(harness.finish(harness.started[0]).count == 2)
        #expect(harness.finish(harness.started[1]).count == 1)
    }

    @Test func `every line that goes out is one line of JSON`() throws {
        var harness = Harness()
        try harness.initialize()
        var lines = Self.refusals.flatMap { harness.send($0.0) }
        lines += harness.send(harness.call("\"a\\nb\\u2028\"", "list_databases", "{\"x\\n\":1}"))
        lines += harness.send(
            "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"a\\nb\\u2029\u{2028}\"}}")
        for line in lines {
            #expect((try? json(line)) != nil, "\(line)")
            #expect(!line.utf8.contains(0x0A) && !line.utf8.contains(0x0D))
        }
    }
}
