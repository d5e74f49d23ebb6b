import Base
import Testing
import Wire

@testable import SupervisorCore

/// What holds for every connection whose messages go both ways: WebSocket, HTTP+SSE, stdin and stdout.
@Suite struct SupervisorDuplexTests {
    private static func cancel(_ id: String) -> String {
        RigText.legacyBody("notifications/cancelled", id: nil, params: #"{"requestId":\#(id)}"#)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `a legacy session is the connection`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        #expect(rig.sessionCount == 1)
        duplex.send(RigText.legacyBody("notifications/initialized", id: nil))
        duplex.call(#""a""#)
        let request = try rig.worker.request()
        #expect(request["params"]?["name"] == "t")
        try rig.worker.answer(request, #"{"content":[]}"#)
        #expect(try duplex.messages() == [["jsonrpc": "2.0", "id": "a", "result": ["content": []]]])
        duplex.send(RigText.legacyBody("ping", id: "7"))
        #expect(try duplex.messages() == [["jsonrpc": "2.0", "id": 7, "result": [:]]])
        duplex.leave()
        #expect(rig.sessionCount == 0 && rig.duplexCount == 0)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `progress and answers of several calls come as they are known`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.call("1", meta: #","_meta":{"progressToken":"p"}"#)
        duplex.call("2")
        let requests = [try rig.worker.request(), try rig.worker.request()]
        try rig.worker.progress(requests[0], 1)
        try rig.worker.answer(requests[1])
        try rig.worker.answer(requests[0])
        let messages = try duplex.messages()
        #expect(messages.map { $0["id"] } == [nil, 2, 1])
        #expect(messages[0]["params"] == ["progressToken": "p", "progress": 1])
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `a duplicate id is refused while the first runs, and 1 is not "1"`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        for id in ["1", #""1""#, "1"] { duplex.call(id) }
        let messages = try duplex.messages()
        #expect(messages.count == 1 && messages[0]["id"] == 1 && messages[0]["error"]?["code"] == -32600)
        #expect(rig.callCount == 2)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `a cancelled request gets no answer, and the worker is told`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.call("1")
        let request = try rig.worker.request()
        for id in [#""1""#, "2", "null", "{}"] { duplex.send(Self.cancel(id)) }
        #expect(rig.callCount == 1)
        duplex.send(Self.cancel("1"))
        let told = try rig.worker.next()
        #expect(told["method"] == "notifications/cancelled" && told["params"]?["requestId"] == request["id"])
        try rig.worker.answer(request)
        #expect(try duplex.messages().isEmpty && rig.callCount == 0)
        duplex.call("1")
        try rig.worker.answer(try rig.worker.request())
        #expect(try duplex.messages().first?["id"] == 1)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `the end of the connection cancels what runs for it`(way: RigDuplex.Way) throws {
        let rig = try Rig(workers: #""concurrency":1"#, transport: .both)
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.call("1")
        duplex.call("2")
        _ = try rig.worker.request()
        duplex.leave()
        #expect(rig.callCount == 0 && rig.sessionCount == 0)
        #expect(try rig.worker.next()["method"] == "notifications/cancelled")
        #expect(try rig.worker.isSilent)
        #expect(try rig.ask(RigText.request("GET", "/health")).status == 200)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `requests before initialize are refused, ping is not`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(way, rig)
        duplex.send(RigText.legacyBody("ping", id: "1"))
        duplex.call("2")
        let messages = try duplex.messages()
        #expect(messages.map { $0["id"] } == [1, 2])
        #expect(messages[1]["error"]?["code"] == -32600)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `a second initialize is refused`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.send(RigText.legacyBody("initialize", id: "5", params: #"{"protocolVersion":"2025-11-25"}"#))
        #expect(try duplex.messages().first?["error"]?["code"] == -32600)
        #expect(rig.sessionCount == 1)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `an initialize that waits for the worker makes one session and cannot be cancelled`(way: RigDuplex.Way) throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let duplex = try RigDuplex(way, rig)
        let initialize = RigText.legacyBody("initialize", id: "0", params: #"{"protocolVersion":"2025-06-18"}"#)
        duplex.send(initialize)
        duplex.send(Self.cancel("0"))
        duplex.send(initialize.replacing(#""id":0"#, with: #""id":1"#))
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        let messages = try duplex.messages()
        #expect(messages.count == 2 && rig.sessionCount == 1)
        #expect(messages.contains { $0["id"] == 0 && $0["result"]?["protocolVersion"] == "2025-06-18" })
        #expect(messages.contains { $0["id"] == 1 && $0["error"]?["code"] == -32600 })
        duplex.leave()
        #expect(rig.sessionCount == 0)
    }

    @Test(arguments: [RigDuplex.Way.webSocket, .standardStreams])
    func `what follows initialize is held until it is answered`(way: RigDuplex.Way) throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let duplex = try RigDuplex(way, rig)
        duplex.send(RigText.legacyBody("initialize", id: "0", params: #"{"protocolVersion":"2025-06-18"}"#))
        duplex.send(RigText.legacyBody("notifications/initialized", id: nil))
        duplex.call("1")
        #expect(try duplex.messages().isEmpty)
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        #expect(try duplex.messages().map { $0["id"] } == [0])
        try rig.worker.answer(try rig.worker.request())
        #expect(try duplex.messages().map { $0["id"] } == [1])
    }

    @Test(arguments: [RigDuplex.Way.webSocket, .standardStreams])
    func `held bytes are bounded by not reading`(way: RigDuplex.Way) throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let duplex = try RigDuplex(way, rig)
        duplex.send(RigText.legacyBody("initialize", id: "0", params: #"{"protocolVersion":"2025-06-18"}"#))
        duplex.call("1", meta: #","padding":"\#(String(repeating: "x", count: 70_000))""#)
        #expect(duplex.client.isPaused)
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        #expect(!duplex.client.isPaused)
        #expect(rig.callCount == 1)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `what is no message is answered without an id, and the connection goes on`(way: RigDuplex.Way) throws {
        guard way != .eventStream else { return }
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        for text in [
            "{", "5", #"{"jsonrpc":"2.0"}"#, #"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "[]", #"[{"jsonrpc":"2.0"}]"#,
        ] {
            duplex.send(text)
            let messages = try duplex.messages()
            #expect(messages.count == 1, "\(text)")
            #expect([-32700, -32600].contains(messages.first?["error"]?["code"]?.int64Value), "\(text)")
        }
        duplex.send(RigText.legacyBody("ping", id: "9"))
        #expect(try duplex.messages().first?["id"] == 9)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `notifications and answers are never answered`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        for text in [
            RigText.legacyBody("notifications/x", id: nil),
            RigText.legacyBody("notifications/x", id: nil, params: #"{"_meta":5}"#),
            #"{"jsonrpc":"2.0","id":1,"result":{}}"#, #"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}"#,
            Self.cancel("99"),
        ] {
            duplex.send(text)
        }
        #expect(try duplex.messages().isEmpty)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `sessions of 2025-03-26 may send batches, later ones may not`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let batch =
            "[\(RigText.legacyBody("ping", id: "1")),\(RigText.legacyBody("tools/list", id: "2")),"
            + "\(RigText.legacyBody("tools/list", id: "2"))]"
        let old = try RigDuplex(initialized: way, rig, "2025-03-26")
        old.send(batch)
        #expect(try old.messages().map { $0["id"] } == [1, 2])
        try rig.worker.answer(try rig.worker.request(), #"{"tools":[]}"#)
        #expect(try old.messages().map { $0["id"] } == [2])
        guard way != .standardStreams else { return }
        let new = try RigDuplex(initialized: way, rig, "2025-06-18")
        new.send(batch)
        let messages = try new.messages()
        #expect(messages.count == 1 && messages[0]["error"]?["code"] == -32600)
    }

    @Test(arguments: [RigDuplex.Way.webSocket, .standardStreams])
    func `modern requests need no session, and are cancelled by notification`(way: RigDuplex.Way) throws {
        let rig = try Rig(.modern)
        let duplex = try RigDuplex(way, rig)
        duplex.send(RigText.modernBody("server/discover", id: "1"))
        #expect(try duplex.messages().first?["result"]?["supportedVersions"] == ["2026-07-28"])
        duplex.send(RigText.modernBody("tools/call", id: "2", params: #""name":"t","arguments":{},"#))
        let request = try rig.worker.request()
        duplex.send(RigText.modernBody("tools/call", id: "2", params: #""name":"t","#))
        #expect(try duplex.messages().first?["error"]?["code"] == -32600)
        duplex.send(
            RigText.modernBody("notifications/cancelled", id: "3", params: #""requestId":2,"#).replacing(#""id":3,"#, with: ""))
        #expect(rig.callCount == 0)
        #expect(try rig.worker.next()["params"]?["requestId"] == request["id"])
        duplex.send(
            RigText.modernBody("tools/call", id: "4", params: #""name":"t","#).replacing("2026-07-28", with: "2030-01-01"))
        #expect(try duplex.messages().first?["error"]?["code"] == -32022)
        duplex.send(
            #"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#
        )
        #expect(try duplex.messages().first?["error"]?["code"] == -32602)
        duplex.send(RigText.modernBody("ping", id: "6"))
        #expect(try duplex.messages().first?["error"]?["code"] == -32601)
        #expect(rig.sessionCount == 0)
    }

    @Test func `HTTP+SSE has no modern revision`() throws {
        let rig = try Rig()
        let duplex = try RigDuplex(.eventStream, rig)
        duplex.send(RigText.modernBody("tools/list", id: "1"))
        #expect(try duplex.messages().first?["error"]?["code"] == -32600)
    }

    @Test(arguments: [RigDuplex.Way.webSocket, .standardStreams])
    func `subscriptions are told of changes and end by their id`(way: RigDuplex.Way) throws {
        let rig = try Rig(.modern)
        let duplex = try RigDuplex(way, rig)
        let listen = RigText.modernBody(
            "subscriptions/listen", id: "1", params: #""notifications":{"toolsListChanged":true,"promptsListChanged":false},"#)
        duplex.send(listen)
        #expect(try duplex.messages().first?["method"] == "notifications/subscriptions/acknowledged")
        duplex.send(listen)
        #expect(try duplex.messages().first?["error"]?["code"] == -32600)
        for list in ["tools", "prompts"] {
            try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/\#(list)/list_changed"}"#)
        }
        let changes = try duplex.messages()
        #expect(changes.map { $0["method"] } == ["notifications/tools/list_changed"])
        #expect(changes.first?["params"]?["_meta"]?["io.modelcontextprotocol/subscriptionId"] == 1)
        duplex.send(Self.cancel("1"))
        #expect(try duplex.messages().first?["result"]?["resultType"] == "complete")
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try duplex.messages().isEmpty)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `legacy sessions are told of changed lists`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try duplex.messages().map { $0["method"] } == ["notifications/tools/list_changed"])
    }

    @Test(arguments: [RigDuplex.Way.webSocket, .eventStream])
    func `a reader too slow for list changes loses its connection, and nobody else does`(way: RigDuplex.Way) throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4096"}"#)
        let slow = try RigDuplex(initialized: way, rig)
        let other = try RigDuplex(initialized: .webSocket, rig)
        slow.client.window = 0
        for _ in 0..<80 { try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#) }
        #expect(slow.client.isClosed && other.client.isOpen)
        #expect(rig.sessionCount == 1 && rig.duplexCount == 1)
        #expect(try other.messages().count == 80)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `one connection runs no more calls than a session may`(way: RigDuplex.Way) throws {
        let rig = try Rig(.legacy, #""limits":{"callsPerSession":2}"#)
        let duplex = try RigDuplex(initialized: way, rig)
        for id in 1...3 { duplex.call("\(id)") }
        let messages = try duplex.messages()
        #expect(messages.count == 1 && messages[0]["id"] == 3 && messages[0]["error"]?["code"] == -32000)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `a drain answers what runs, refuses what is new and then ends the connection`(way: RigDuplex.Way) throws {
        let rig = try Rig(transport: way == .standardStreams ? .stdio : .http)
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.call("1")
        let request = try rig.worker.request()
        rig.drain()
        #expect(duplex.client.isOpen)
        if way != .eventStream {
            duplex.call("2")
            #expect(try duplex.messages().first?["error"]?["data"]?["delivered"] == false)
        }
        try rig.worker.answer(request)
        switch way {
        case .webSocket:
            let frames = duplex.client.frames()
            #expect(frames.first?.json["id"] == 1)
            #expect(frames.last?.closeCode == 1012)
        case .eventStream:
            let reply = try duplex.client.reply()
            #expect(reply.isComplete && reply.events.last?["id"] == 1)
        case .standardStreams: #expect(try duplex.messages().map { $0["id"] } == [1])
        }
        #expect(!duplex.client.isOpen)
        try rig.worker.die(.exited(0))
        #expect(rig.exitStatus == 0)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `a call that times out is answered`(way: RigDuplex.Way) throws {
        let rig = try Rig(workers: #""callTimeout":"5s""#)
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.call("1")
        rig.advance(.seconds(6))
        #expect(try duplex.messages().last?["error"]?["code"] == -32603)
        #expect(rig.callCount == 0)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `the death of a worker answers what it had`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.call("1")
        _ = try rig.worker.request()
        try rig.worker.die()
        #expect(try duplex.messages().map { $0["error"]?["code"] } == [-32603])
        #expect(duplex.client.isOpen)
    }
}
