import Base
import Testing
import Wire

@testable import SupervisorCore

/// `Mcp-Param-*` fields against arguments, through the whole machine.
@Suite struct SupervisorToolRulesTests {
    private static let annotated =
        #"{"tools":[{"name":"t","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"}}}}]}"#

    private static func rig(_ tools: String? = annotated) throws -> Rig {
        let rig = try Rig(.legacy, starting: false)
        rig.tools = tools
        rig.start()
        return rig
    }

    @Test(arguments: [
        (#"{"r":"eu"}"#, "eu", true), (#"{"r":"eu"}"#, "us", false), (#"{"r":"eu"}"#, nil, false), ("{}", nil, true),
        (#"{"r":null}"#, nil, true), ("{}", "eu", false), (#"{"r":"eu"}"#, "=?base64?ZXU=?=", true),
        (#"{"r":"eu"}"#, "=?base64?ZXU?=", false),
    ])
    func `a field must say what the argument says`(arguments: String, field: String?, isGood: Bool) throws {
        let rig = try Self.rig()
        let client = try rig.send(RigText.modernCall(arguments: arguments, [("Mcp-Param-Region", field)]))
        guard !isGood else { return #expect(try rig.worker.request()["method"] == "tools/call") }
        let reply = try client.reply()
        #expect(reply.status == 400 && reply.code == -32020 && reply.json["id"] == 1)
        #expect(reply.message.contains("Mcp-Param-Region"))
        #expect(rig.callCount == 0)
    }

    @Test func `a call waits until all pages of the list are read, and one list serves all that wait`() throws {
        let rig = try Self.rig(nil)
        let clients = try ["eu", "us"].map {
            try rig.send(RigText.modernCall(arguments: #"{"r":"eu"}"#, [("Mcp-Param-Region", $0)]))
        }
        let first = try rig.worker.request()
        #expect(first["method"] == "tools/list" && first["params"] == [:])
        #expect(try rig.worker.isSilent)
        try rig.worker.answer(first, #"{"tools":[{"name":"other","inputSchema":{}}],"nextCursor":"2"}"#)
        let second = try rig.worker.request()
        #expect(second["params"] == ["cursor": "2"])
        try rig.worker.answer(second, Self.annotated)
        let call = try rig.worker.request()
        #expect(call["method"] == "tools/call" && call["params"]?["arguments"] == ["r": "eu"])
        #expect(try rig.worker.isSilent)
        try rig.worker.answer(call, #"{"content":[]}"#)
        #expect(try clients[0].reply().status == 200)
        #expect(try clients[1].reply().code == -32020)
        #expect(rig.callCount == 0)
    }

    @Test func `a list that changed is read again`() throws {
        let rig = try Self.rig(#"{"tools":[{"name":"t","inputSchema":{}}]}"#)
        _ = try rig.send(RigText.modernCall(arguments: #"{"r":"eu"}"#))
        _ = try rig.worker.request()
        rig.tools = Self.annotated
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try rig.ask(RigText.modernCall(arguments: #"{"r":"eu"}"#)).code == -32020)
    }

    @Test func `before a call is refused a list that is not new is read again`() throws {
        let rig = try Self.rig()
        #expect(try rig.ask(RigText.modernCall(arguments: #"{"r":"eu"}"#)).code == -32020)
        rig.tools = #"{"tools":[{"name":"t","inputSchema":{}}]}"#
        #expect(try rig.ask(RigText.modernCall(arguments: #"{"r":"eu"}"#)).code == -32020)
        rig.advance(.seconds(6))
        _ = try rig.send(RigText.modernCall(arguments: #"{"r":"eu"}"#))
        #expect(try rig.worker.request()["method"] == "tools/call")
    }

    @Test func `a worker that cannot list its tools decides about its calls alone`() throws {
        let rig = try Self.rig(nil)
        _ = try rig.send(RigText.modernCall([("Mcp-Param-Region", "eu")]))
        try rig.worker.refuse(try rig.worker.request(), code: -32603)
        #expect(try rig.worker.request()["method"] == "tools/call")
    }

    @Test func `who waits for a list when the worker dies waits for the next worker's`() throws {
        let rig = try Self.rig(nil)
        let client = try rig.send(RigText.modernCall(arguments: #"{"r":"eu"}"#))
        _ = try rig.worker.request()
        rig.tools = Self.annotated
        try rig.worker.die()
        rig.advance(.seconds(2))
        #expect(try client.reply().code == -32020)
        let other = try Self.rig(nil)
        let waiting = try other.send(RigText.modernCall())
        waiting.reset()
        #expect(other.callCount == 0)
    }

    @Test func `what a client's own list says is enough`() throws {
        let rig = try Self.rig(nil)
        _ = try rig.send(RigText.modern("tools/list"))
        try rig.worker.answer(try rig.worker.request(), Self.annotated)
        _ = try rig.send(RigText.modernCall(arguments: #"{"r":"eu"}"#, [("Mcp-Param-Region", "eu")]))
        #expect(try rig.worker.request()["method"] == "tools/call")
    }

    @Test func `a client on a WebSocket has no fields`() throws {
        let rig = try Self.rig()
        let duplex = try RigDuplex(.webSocket, rig)
        duplex.send(RigText.modernBody("tools/call", params: #""name":"t","arguments":{"r":"eu"},"#))
        #expect(try rig.worker.request()["method"] == "tools/call")
    }

    // MARK: Cursors

    private static func page(_ rig: Rig, _ session: String, _ cursor: String? = nil) throws -> RigClient {
        try rig.send(
            RigText.legacy("resources/list", session: session, params: cursor.map { #"{"cursor":\#($0)}"# } ?? "{}"))
    }

    @Test func `a cursor comes back to the process that made it, and to no other`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let client = try Self.page(rig, session)
        try rig.worker.answer(try rig.worker.request(), #"{"resources":[],"nextCursor":"a\/\u0062\""}"#)
        let cursor = try #require(try client.reply().json["result"]?["nextCursor"])
        #expect(cursor.stringValue?.hasSuffix("a/b\"") == true && cursor != "a/b\"")
        let second = try Self.page(rig, session, "\(cursor)")
        let request = try rig.worker.request()
        #expect(request["params"] == ["cursor": "a/b\""])
        try rig.worker.answer(request, #"{"resources":[]}"#)
        #expect(try second.reply().json["result"] == ["resources": []])
        for wrong in [#""a""#, #""""#, #""0000000""#] {
            let reply = try Self.page(rig, session, wrong).reply()
            #expect(reply.status == 200 && reply.code == -32602)
        }
        try rig.worker.die()
        rig.advance(.seconds(1))
        #expect(try Self.page(rig, session, "\(cursor)").reply().code == -32602)
        #expect(rig.callCount == 0)
    }

    @Test func `a page that waits in the queue is not asked of another process`() throws {
        let rig = try Rig(workers: #""concurrency":1"#)
        let session = try rig.session()
        let first = try Self.page(rig, session)
        try rig.worker.answer(try rig.worker.request(), #"{"resources":[],"nextCursor":"a"}"#)
        let cursor = try #require(try first.reply().json["result"]?["nextCursor"])
        _ = try rig.send(RigText.legacyCall(session: session, id: "7"))
        let waiting = try Self.page(rig, session, "\(cursor)")
        try rig.worker.die()
        rig.advance(.seconds(1))
        #expect(try waiting.reply().code == -32602)
        #expect(rig.callCount == 0)
    }

    @Test func `a modern client's cursors are tied as well`() throws {
        let rig = try Rig(.modern)
        let client = try rig.send(RigText.modern("resources/list"))
        try rig.worker.answer(
            try rig.worker.request(),
            #"{"resultType":"complete","resources":[],"nextCursor":"a","ttlMs":0,"cacheScope":"private"}"#)
        let cursor = try #require(try client.reply().json["result"]?["nextCursor"])
        _ = try rig.send(RigText.modern("resources/list", params: #""cursor":\#(cursor),"#))
        #expect(try rig.worker.request()["params"]?["cursor"] == "a")
        #expect(try rig.ask(RigText.modern("resources/list", params: #""cursor":"a","#)).code == -32602)
    }

    @Test func `tags differ by worker, process and start`() {
        let tags = [
            Cursor.tag(salt: 1, server: 0, epoch: 1), Cursor.tag(salt: 1, server: 0, epoch: 2),
            Cursor.tag(salt: 1, server: 1, epoch: 1), Cursor.tag(salt: 2, server: 0, epoch: 1),
        ]
        #expect(Set(tags).count == 4 && tags.allSatisfy { $0.count == Cursor.tagBytes })
    }

    // MARK: Completion, log levels

    @Test func `a level of a session does not silence a running call that asked for more`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let client = try rig.send(RigText.modernCall(meta: #""io.modelcontextprotocol/logLevel":"debug","#))
        let call = try rig.worker.request()
        #expect(try rig.ask(RigText.legacy("logging/setLevel", session: session, params: #"{"level":"error"}"#)).status == 200)
        #expect(try rig.worker.isSilent)
        try rig.worker.answer(call, #"{"content":[]}"#)
        #expect(try client.reply().status == 200)
        #expect(try rig.ask(RigText.legacy("logging/setLevel", session: session, params: #"{"level":"alert"}"#)).status == 200)
        #expect(try rig.worker.next()["params"] == ["level": "alert"])
    }

    @Test func `a line that names no call is for nobody where clients have no keys`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        _ = try rig.send(RigText.legacyCall(session: session, id: "7"))
        try rig.worker.answer(try rig.worker.request())
        try rig.worker.write(
            #"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#)
        #expect(try stream.reply().events.isEmpty)
    }

    @Test func `a worker has one principal, or several for ever`() {
        let one = Principal(name: "a", group: "g"), other = Principal(name: "b", group: "g")
        var clientele = Worker.Clientele.nobody
        clientele.add(one)
        clientele.add(one)
        #expect(clientele == .one(one))
        clientele.add(other)
        clientele.add(one)
        #expect(clientele == .several)
    }
}
