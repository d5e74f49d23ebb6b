import Base
import Testing
import Wire

@testable import SupervisorCore

/// Where two features meet: batches with questions and subscriptions, connections that live long with keys that do not.
@Suite struct SupervisorSeamTests {
    private static func batch(_ session: String, _ elements: [String]) -> String {
        RigText.post("[" + elements.joined(separator: ",\n") + "]", [("Mcp-Session-Id", session)])
    }

    @Test func `a call of a batch can be asked, and is made again alone`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: RigInput.all, "2025-03-26")
        let call = RigText.legacyBody("tools/call", id: "1", params: #"{"name":"t","arguments":{"a":"\#u{E9}"}}"#)
        let client = try rig.send(Self.batch(session, [RigText.legacyBody("ping", id: "7"), call]))
        try rig.worker.answer(try rig.worker.request(), #"{"resultType":"input_required","requestState":"s"}"#)
        rig.advance(.milliseconds(250))
        let second = try rig.worker.request()
        #expect(second["params"]?["arguments"] == ["a": "\u{E9}"] && second["params"]?["requestState"] == "s")
        try rig.worker.answer(second, #"{"resultType":"complete","content":[]}"#)
        let reply = try client.reply()
        #expect(reply.isComplete && reply.events.compactMap { $0["id"] } == [7, 1])
        #expect(rig.isForgetful)
    }

    @Test func `a subscription of a batch whose client left is answered when the client resumes the stream`() throws {
        let rig = try Rig(.legacy, starting: false)
        rig.capabilities = #"{"resources":{"subscribe":true,"listChanged":true},"tools":{}}"#
        rig.start()
        try rig.worker.forgetLines()
        let session = try rig.session("2025-03-26")
        let subscribe = RigText.legacyBody("resources/subscribe", id: "2", params: #"{"uri":"a:/x"}"#)
        let client = try rig.send(Self.batch(session, [RigText.legacyBody("ping", id: "1"), subscribe]))
        #expect(try client.reply().events.count == 1)
        client.reset()
        try rig.worker.answer(try rig.worker.next())
        let resumed = try rig.send(RigText.get(session: session, [("Last-Event-ID", "1-1")]))
        let reply = try resumed.reply()
        #expect(reply.isComplete && reply.events.compactMap { $0["id"] } == [2])
    }

    @Test func `a WebSocket does not outlive the key that opened it`() throws {
        let file = #"{"listen":["0.0.0.0:8000"],"auth":{"keys":"file:/k"},"hosts":["127.0.0.1"],\#(Rig.Back.legacy.rawValue)}"#
        let rig = try Rig(file: file, keys: [FakeDigests.key("k", "s", expires: 1_000_000_100)])
        func open() throws -> RigClient {
            let client = try rig.connect(from: .distant, credential: true)
            client.send(RigText.upgrade("/ws", [("Authorization", "Bearer msk_k_s")]))
            try #require(try client.reply().status == 101)
            return client
        }
        let busy = try open(), idle = try open()
        busy.send(.text(RigText.modernBody("server/discover")))
        #expect(busy.messages().first?["result"] != nil)
        rig.machine.wallClock(secondsSince1970: 1_000_000_100)
        busy.send(.text(RigText.modernBody("server/discover")))
        #expect(busy.frames().map(\.closeCode) == [1008])
        rig.advance(.seconds(60))
        #expect(idle.frames().last?.closeCode == 1008 && rig.duplexCount == 0)
    }

    @Test func `messages that a worker writes as a batch count as lines of their own`() throws {
        let rig = try Rig()
        rig.knowsTools()
        let clients = try (1...2).map { _ in try rig.send(RigText.modernCall()) }
        let ids = try clients.map { _ in try rig.worker.request()["id"] ?? .null }
        let answers = ids.map { #"{"jsonrpc":"2.0","id":\#($0),"result":{"content":[]}}"# }
        try rig.worker.write("[" + answers.joined(separator: ",") + ",[],5]")
        #expect(try clients.map { try $0.reply().json["result"]?["content"] } == [[], []])
        try rig.worker.write("[]")
        #expect(rig.callCount == 0)
    }

    @Test func `a batch is answered although its client has ended its input, if it said that it would`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        let body = "[\(RigText.legacyBody("tools/call", id: "1", params: #"{"name":"t"}"#))]"
        let client = try rig.send(RigText.post(body, [("Mcp-Session-Id", session), ("Connection", "close")]))
        client.end()
        try rig.worker.answer(try rig.worker.request())
        let reply = try client.reply()
        #expect(reply.isComplete && reply.events.compactMap { $0["id"] } == [1])
        #expect(client.isClosed && rig.callCount == 0)
    }

    @Test(arguments: [true, false])
    func `a client that does not come back keeps an interactive server from others for half a time-out`(isFirst: Bool) throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"60s""#)
        rig.knowsTools()
        // A question that names no call, in one of two.
        let both = try (1...2).map { try rig.send(RigText.askable(id: "\($0)")) }
        let requests = try both.map { _ in try rig.workers[1].request() }
        try rig.worker.ask()
        for request in requests { try rig.worker.answer(request) }
        try rig.worker.forgetLines()
        var other: RigClient? = isFirst ? nil : try rig.send(RigText.askable(id: "3"))
        if isFirst {
            _ = try rig.parked(RigText.askable(id: "4"))
            other = try rig.send(RigText.askable(id: "3"))
        } else {
            _ = try rig.worker.request()
            try rig.worker.ask(RigInput.form("Who?"))
            other = try rig.send(RigText.askable(id: "5"))
            rig.advance(.milliseconds(30))
        }
        rig.advance(.seconds(29))
        #expect(try !rig.worker.lines.contains { $0.contains("tools/call") })
        rig.advance(.seconds(2))
        let next = try #require(try rig.worker.messages().first { $0["method"] == "tools/call" })
        try rig.worker.answer(next, #"{"content":[]}"#)
        let reply = try #require(try other?.reply())
        #expect((reply.isStream ? reply.events.last : reply.json)?["result"]?["content"] == [])
        #expect(rig.isForgetful)
    }

    @Test func `a call without parameters is made again with the state alone`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: RigInput.all)
        let client = try rig.send(RigText.legacy("tools/call", session: session))
        try rig.worker.answer(try rig.worker.request(), #"{"resultType":"input_required","requestState":"s"}"#)
        rig.advance(.milliseconds(250))
        let second = try rig.worker.request()
        #expect(second["params"]?["requestState"] == "s" && second["params"]?["name"] == nil)
        try rig.worker.answer(second, #"{"resultType":"complete","content":[]}"#)
        #expect(try client.reply().json["result"]?["content"] == [])
        #expect(rig.isForgetful)
    }

    @Test func `a worker that never confirms the end of a subscription does not use up the table`() throws {
        let rig = try Rig(.legacy, #""limits":{"subscriptionsPerServer":4}"#, starting: false)
        rig.capabilities = #"{"resources":{"subscribe":true,"listChanged":true},"tools":{}}"#
        rig.start()
        try rig.worker.forgetLines()
        let session = try rig.session()
        for number in 0..<9 {
            let params = #"{"uri":"a:/\#(number)"}"#
            let client = try rig.send(RigText.legacy("resources/subscribe", session: session, params: params))
            try rig.worker.answer(try rig.worker.next())
            #expect(try client.reply().status == 200)
            #expect(try rig.ask(RigText.legacy("resources/unsubscribe", session: session, params: params)).status == 200)
            try rig.worker.forgetLines()
        }
        #expect(rig.subscriptionCount <= 4)
    }
}
