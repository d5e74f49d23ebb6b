import Base
import Testing
import Wire

@testable import SupervisorCore

/// Plain HTTP: bare results, errors with a status, progress beside the call.
@Suite struct SupervisorRESTTests {
    private static let call = #"{"name":"t","arguments":{"x":1.0}}"#

    private static func get(_ path: String, _ headers: RigText.Headers = []) -> String {
        RigText.request("GET", path, [("Accept", "application/json")] + headers)
    }

    private static func post(_ path: String, _ body: String?, _ headers: RigText.Headers = []) -> String {
        RigText.request("POST", path, [("Accept", "application/json")] + headers, body: body)
    }

    private static func follow(_ name: String) -> String {
        RigText.request("GET", "/mcp/v1/sse/progress/\(name)", [("Accept", "text/event-stream")])
    }

    @Test(arguments: Rig.Back.allCases, ["/mcp/tools/call", "/mcp/v1/tools/call", "/servers/only/mcp/tools/call"])
    func `a call is answered with its bare result`(back: Rig.Back, path: String) throws {
        let rig = try Rig(back)
        let client = try rig.send(Self.post(path, Self.call))
        let request = try rig.worker.request()
        #expect(request["method"] == "tools/call" && request["params"]?["name"] == "t")
        #expect(request["params"]?["arguments"]?["x"] == .number(lexeme: "1.0"))
        let envelope = back == .modern ? #""resultType":"complete","# : ""
        try rig.worker.answer(request, "{\(envelope)" + #""content":[{"type":"text","text":"ok"}],"isError":false}"#)
        let reply = try client.reply()
        #expect(reply.status == 200 && reply["content-type"] == "application/json")
        #expect(reply.text == #"{"content":[{"type":"text","text":"ok"}],"isError":false}"#)
        #expect(client.isOpen && rig.sessionCount == 0 && rig.callCount == 0)
    }

    @Test(
        arguments: [
            (Self.get("/mcp/tools"), "tools/list", nil), (Self.get("/mcp/tools?cursor=TAGa%2Fb%22c"), "tools/list", #"a/b"c"#),
            (Self.post("/mcp/v1/tools/list", "{}"), "tools/list", nil), (Self.post("/mcp/v1/tools/list", nil), "tools/list", nil),
            (Self.post("/mcp/v1/resources/list", #"{"cursor":"TAGx"}"#), "resources/list", "x"),
        ] as [(String, String, String?)])
    func `lists are passed on with their cursor, which names the process that made it`(
        text: String, method: String, cursor: String?
    ) throws {
        let rig = try Rig()
        let first = try rig.send(Self.get("/mcp/tools"))
        try rig.worker.answer(try rig.worker.request(), #"{"tools":[],"nextCursor":"n"}"#)
        let next = try #require(try first.reply().json["nextCursor"]?.stringValue)
        #expect(next.hasSuffix("n") && next.count == Cursor.tagBytes + 1)
        let tag = String(next.dropLast())
        // The length of a body is in its head.
        let body = text.components(separatedBy: "TAG").joined(separator: tag)
        let client = try rig.send(body.contains("POST") ? Self.post("/mcp/v1/\(method)", Self.body(body)) : body)
        let request = try rig.worker.request()
        #expect(request["method"] == .string(method) && request["params"]?["cursor"]?.stringValue == cursor)
        try rig.worker.answer(request, #"{"tools":[],"nextCursor":"n"}"#)
        #expect(try client.reply().json == ["tools": [], "nextCursor": .string(tag + "n")])
    }

    /// What follows the head; nil when nothing does.
    private static func body(_ request: String) -> String? {
        let parts = request.components(separatedBy: "\r\n\r\n")
        return parts.count > 1 && !parts[1].isEmpty ? parts[1] : nil
    }

    @Test func `initialize needs nothing and begins nothing`() throws {
        let rig = try Rig()
        for body in [nil, "{}", #"{"protocolVersion":"2025-06-18"}"#] {
            let reply = try rig.ask(Self.post("/mcp/v1/initialize", body))
            #expect(reply.status == 200 && reply.json["serverInfo"]?["name"] == "rig" && reply["mcp-session-id"] == nil)
            #expect(reply.json["protocolVersion"] == (body?.contains("06") == true ? "2025-06-18" : "2025-11-25"))
        }
        #expect(rig.sessionCount == 0)
    }

    @Test(arguments: [(-32601, 404), (-32602, 400), (-32603, 500), (-32002, 404), (-1, 500)] as [(Int64, Int)])
    func `an error of the server has a status`(code: Int64, status: Int) throws {
        let rig = try Rig()
        let client = try rig.send(Self.post("/mcp/tools/call", Self.call))
        try rig.worker.refuse(try rig.worker.request(), code: code, data: #"{"x":1}"#)
        let reply = try client.reply()
        #expect(reply.status == status)
        #expect(reply.json == ["error": ["code": .integer(code), "message": "no", "data": ["x": 1]]])
    }

    @Test(
        arguments: [
            ("{", 400, -32700), ("[]", 400, -32600), ("5", 400, -32600), (#"{},"id":7"#, 400, -32700),
            (#"{"a":1,"a":2}"#, 400, -32700),
            (#"{"_meta":5}"#, 400, -32602),
            (
                "{\"_meta\":{\(RigText.envelope)}}",
                400, -32600
            ),
        ] as [(String, Int, Int64)])
    func `a body that is no parameters is refused`(body: String, status: Int, code: Int64) throws {
        let rig = try Rig()
        let reply = try rig.ask(Self.post("/mcp/v1/tools/call", body))
        #expect(reply.status == status && reply.json["error"]?["code"] == .integer(code))
        #expect(reply.json["jsonrpc"] == nil && rig.callCount == 0)
    }

    @Test(
        arguments: [
            (Self.get("/mcp/tools/call"), 405), (Self.post("/mcp/tools", "{}"), 405), (Self.get("/mcp/v1/nothing"), 404),
            (Self.get("/mcp/tools/"), 404), (Self.get("/mcp/v1/sse/progress/"), 404), (Self.get("/mcp/v1/sse/subscribe"), 406),
            (Self.post("/mcp/tools/call", Self.call, [("Content-Type", "text/plain")]), 415),
            (Self.post("/mcp/tools/call", Self.call, [("Accept", "text/html")]), 406),
            (Self.post("/mcp/tools/call", Self.call, [("Origin", "https://evil.example")]), 403),
            (Self.post("/mcp/tools/call", Self.call, [("X-Operation-Id", "a b")]), 400),
            (Self.follow("a%20b"), 404), (Self.follow("a/b"), 404),
        ] as [(String, Int)])
    func `what is wrong is told by its status`(text: String, status: Int) throws {
        let rig = try Rig()
        #expect(try rig.ask(text).status == status)
    }

    @Test func `a method that the server has not is not found`() throws {
        let rig = try Rig(starting: false)
        rig.capabilities = #"{"tools":{}}"#
        rig.start()
        let reply = try rig.ask(Self.post("/mcp/v1/resources/read", #"{"uri":"x:"}"#))
        #expect(reply.status == 404 && reply.json["error"]?["code"] == -32601)
    }

    @Test func `a client that leaves has cancelled`() throws {
        let rig = try Rig()
        let client = try rig.send(Self.post("/mcp/tools/call", Self.call))
        let request = try rig.worker.request()
        client.reset()
        let told = try rig.worker.next()
        #expect(told["method"] == "notifications/cancelled" && told["params"]?["requestId"] == request["id"])
        #expect(rig.callCount == 0)
    }

    @Test func `no call becomes a stream, however long it takes`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"2m""#)
        let client = try rig.send(Self.post("/mcp/tools/call", #"{"name":"t","_meta":{"progressToken":"p"}}"#))
        let request = try rig.worker.request()
        #expect(request["params"]?["_meta"]?["progressToken"] == nil)
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#)
        rig.advance(.seconds(100))
        #expect(!client.hasReply)
        rig.advance(.seconds(30))
        let reply = try client.reply()
        #expect(reply.status == 500 && reply.json["error"]?["code"] == -32603)
    }

    @Test func `an operation is followed from before its call to its end`() throws {
        let rig = try Rig()
        let stream = try rig.send(Self.follow("op-1"))
        let other = try rig.send(Self.follow("op-2"))
        #expect(try stream.reply().isStream)
        let client = try rig.send(
            Self.post("/mcp/v1/tools/call", #"{"name":"t","_meta":{"progressToken":9,"x":1}}"#, [("X-Operation-Id", "op-1")]))
        let request = try rig.worker.request()
        #expect(request["params"]?["_meta"]?["x"] == 1)
        try rig.worker.progress(request, 1)
        try rig.worker.progress(request, 2)
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#)
        #expect(!client.hasReply)
        try rig.worker.answer(request)
        #expect(try client.reply().text == "{}")
        let reply = try stream.reply()
        #expect(
            reply.isComplete
                && reply.events.map { $0["params"] } == [
                    ["progressToken": "op-1", "progress": 1], ["progressToken": "op-1", "progress": 2],
                ])
        #expect(try other.reply().events.isEmpty && !other.reply().isComplete)
        other.reset()
        #expect(rig.machine.operations.isEmpty)
    }

    @Test func `the newest stream of an operation replaces an older one, and other servers have their own`() throws {
        let rig = try Rig(file: #"{"mcpServers":{"a":{"command":"/x"},"b":{"command":"/y"}}}"#)
        let old = try rig.send(Self.follow("o"))
        let new = try rig.send(Self.follow("o"))
        #expect(try old.reply().isComplete && !new.reply().isComplete)
        let client = try rig.send(Self.post("/servers/b/mcp/tools/call", Self.call, [("X-Operation-Id", "o")]))
        let worker = try #require(rig.workers.first { $0.server == 1 })
        let request = try worker.request()
        worker.progress(request)
        worker.answer(request)
        #expect(try client.reply().status == 200)
        #expect(try new.reply().events.isEmpty && !new.reply().isComplete)
    }

    @Test func `a call that is cut off ends the stream of its operation`() throws {
        let rig = try Rig()
        let stream = try rig.send(Self.follow("o"))
        let client = try rig.send(Self.post("/mcp/tools/call", Self.call, [("X-Operation-Id", "o")]))
        client.reset()
        #expect(try stream.reply().isComplete && rig.machine.operations.isEmpty)
    }

    @Test func `changes of lists are told, and a drain ends the stream`() throws {
        let rig = try Rig()
        let stream = try rig.send(
            RigText.request("GET", "/mcp/v1/sse/subscribe?resource_type=x", [("Accept", "text/event-stream")]))
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try stream.reply().events == [["jsonrpc": "2.0", "method": "notifications/tools/list_changed"]])
        let operation = try rig.send(Self.follow("o"))
        rig.drain()
        let whole = try stream.reply()
        #expect(whole.isComplete && whole.events.count == 1)
        #expect(try operation.reply().isComplete)
    }

    @Test func `a JSON-RPC message is answered by one, in either era`() throws {
        let rig = try Rig()
        let legacy = try rig.send(Self.post("/mcp/v1/jsonrpc", RigText.legacyBody("prompts/list", id: #""a""#)))
        try rig.worker.answer(try rig.worker.request(), #"{"prompts":[]}"#)
        #expect(try legacy.reply().json == ["jsonrpc": "2.0", "id": "a", "result": ["prompts": []]])
        let modern = try rig.send(Self.post("/mcp/v1/jsonrpc", RigText.modernBody("tools/list", id: "5")))
        try rig.worker.answer(try rig.worker.request(), #"{"tools":[]}"#)
        #expect(try modern.reply().json["result"]?["resultType"] == "complete")
        #expect(try rig.ask(Self.post("/mcp/v1/jsonrpc", RigText.legacyBody("ping"))).json["result"] == [:])
        #expect(try rig.ask(Self.post("/mcp/v1/jsonrpc", RigText.legacyBody("notifications/x", id: nil))).status == 202)
        let unknown = try rig.ask(Self.post("/mcp/v1/jsonrpc", RigText.legacyBody("logging/setLevel", id: "3")))
        #expect(unknown.status == 404 && unknown.json["id"] == 3)
        #expect(try rig.ask(Self.post("/mcp/v1/jsonrpc", "[]")).status == 400)
    }

    @Test func `a busy server says when to come back`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1,"queue":0"#)
        _ = try rig.send(Self.post("/mcp/tools/call", Self.call))
        let reply = try rig.ask(Self.post("/mcp/tools/call", Self.call))
        #expect(reply.status == 503 && reply["retry-after"] != nil && reply.json["error"]?["data"]?["delivered"] == false)
    }

    @Test func `pipelined requests are answered in order, and HTTP/1.0 too`() throws {
        let rig = try Rig()
        let client = try rig.send(Self.post("/mcp/tools/call", Self.call) + Self.get("/mcp/tools"))
        try rig.worker.answer(try rig.worker.request())
        try rig.worker.answer(try rig.worker.request(), #"{"tools":[]}"#)
        #expect(try client.reply().text == "{}")
        #expect(try client.reply().json == ["tools": []])
        let old = try rig.send(RigText.request("GET", "/mcp/tools", version: "1.0"))
        try rig.worker.answer(try rig.worker.request(), #"{"tools":[]}"#)
        #expect(try old.reply().text == #"{"tools":[]}"#)
    }
}
