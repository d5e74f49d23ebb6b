import Base
import Testing
import Wire

@testable import SupervisorCore

/// Resource subscriptions through the whole machine.
@Suite struct SupervisorSubscriptionTests {
    private static func rig(_ settings: String = "") throws -> Rig {
        let rig = try Rig(.legacy, settings, starting: false)
        rig.capabilities = #"{"resources":{"subscribe":true,"listChanged":true},"tools":{}}"#
        rig.start()
        try rig.worker.forgetLines()
        return rig
    }

    private static func subscribe(_ uri: String, _ session: String, id: String = "1", end: Bool = false) -> String {
        RigText.legacy(
            end ? "resources/unsubscribe" : "resources/subscribe", session: session, id: id, params: #"{"uri":"\#(uri)"}"#)
    }

    private static func listen(_ uris: String, id: String = "1") -> String {
        RigText.modern(
            "subscriptions/listen", id: id,
            params: #""notifications":{"resourcesListChanged":true,"resourceSubscriptions":\#(uris)},"#)
    }

    private static func update(_ uri: String) -> String {
        #"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"\#(uri)","title":"T","_meta":{"x":1}}}"#
    }

    @Test func `a session subscribes once downstream, is told, and unsubscribes`() throws {
        let rig = try Self.rig()
        let first = try rig.session(), second = try rig.session()
        let streams = [try rig.send(RigText.get(session: first)), try rig.send(RigText.get(session: second))]
        let client = try rig.send(Self.subscribe("a:/x", first))
        let request = try rig.worker.next()
        #expect(request["method"] == "resources/subscribe" && request["params"] == ["uri": "a:/x"])
        #expect(!client.hasReply)
        try rig.worker.answer(request, #"{"odd":1}"#)
        #expect(try client.reply().json == ["jsonrpc": "2.0", "id": 1, "result": [:]])
        #expect(try rig.ask(Self.subscribe("a:/x", second)).json["result"] == [:])
        #expect(try rig.ask(Self.subscribe("a:/x", second)).json["result"] == [:])
        #expect(try rig.worker.isSilent)
        try rig.worker.write(Self.update("a:/x/y"))
        for stream in streams {
            let event = try #require(try stream.reply().events.last)
            #expect(event["method"] == "notifications/resources/updated" && event["params"] == ["uri": "a:/x/y", "title": "T"])
        }
        #expect(try rig.ask(Self.subscribe("a:/x", first, end: true)).json["result"] == [:])
        #expect(try rig.worker.isSilent)
        #expect(try rig.ask(Self.subscribe("a:/x", second, end: true)).json["result"] == [:])
        let end = try rig.worker.next()
        #expect(end["method"] == "resources/unsubscribe" && end["params"] == ["uri": "a:/x"])
        try rig.worker.answer(end)
        #expect(rig.subscriptionCount == 0)
        try rig.worker.write(Self.update("a:/x"))
        #expect(try streams.map { try $0.reply().events.count } == [1, 1])
    }

    @Test func `what was never subscribed to is unsubscribed from without a worker`() throws {
        let rig = try Self.rig()
        let session = try rig.session()
        #expect(try rig.ask(Self.subscribe("a:/x", session, end: true)).json["result"] == [:])
        #expect(try rig.worker.isSilent && rig.subscriptionCount == 0)
    }

    @Test func `a refusal reaches everybody who waits, as the worker said it`() throws {
        let rig = try Self.rig()
        let clients = try (0..<2).map { _ in try rig.send(Self.subscribe("a:/x", try rig.session())) }
        let request = try rig.worker.next()
        #expect(try rig.worker.isSilent)
        try rig.worker.refuse(request, code: -32002, data: #"{"uri":"a:/x"}"#)
        for client in clients {
            let reply = try client.reply()
            #expect(reply.status == 200 && reply.code == -32002 && reply.json["error"]?["data"] == ["uri": "a:/x"])
        }
        #expect(rig.subscriptionCount == 0 && rig.callCount == 0)
    }

    @Test(arguments: ["{}", #"{"uri":1}"#, #"{"uri":""}"#])
    func `a uri is needed`(params: String) throws {
        let rig = try Self.rig()
        let session = try rig.session()
        for method in ["resources/subscribe", "resources/unsubscribe"] {
            #expect(try rig.ask(RigText.legacy(method, session: session, params: params)).code == -32602)
        }
    }

    @Test func `a server that offers none has none`() throws {
        let rig = try Rig()
        let session = try rig.session()
        #expect(try rig.ask(Self.subscribe("a:/x", session)).code == -32601)
        let stream = try rig.send(Self.listen(#"["a:/x"]"#))
        #expect(try stream.reply().events.first?["params"]?["notifications"] == ["resourcesListChanged": true])
    }

    @Test func `a modern subscription is acknowledged with what workers agreed to, and every update is stamped`() throws {
        let rig = try Self.rig()
        let stream = try rig.send(Self.listen(#"["a:/x","b:/y","a:/x"]"#, id: #""L""#))
        let requests = [try rig.worker.next(), try rig.worker.next()]
        #expect(requests.map { $0["params"]?["uri"] } == ["a:/x", "b:/y"])
        #expect(try rig.worker.isSilent && !stream.hasReply)
        try rig.worker.refuse(requests[1], code: -32602)
        try rig.worker.answer(requests[0])
        let first = try #require(try stream.reply().events.first)
        #expect(first["method"] == "notifications/subscriptions/acknowledged")
        #expect(first["params"]?["notifications"] == ["resourcesListChanged": true, "resourceSubscriptions": ["a:/x"]])
        try rig.worker.write(Self.update("a:/x"))
        let event = try #require(try stream.reply().events.last)
        #expect(
            event["params"] == ["uri": "a:/x", "title": "T", "_meta": ["io.modelcontextprotocol/subscriptionId": "L"]])
        stream.reset()
        let end = try rig.worker.next()
        #expect(end["method"] == "resources/unsubscribe" && end["params"]?["uri"] == "a:/x")
        try rig.worker.answer(end)
        #expect(rig.subscriptionCount == 0)
    }

    @Test func `a subscription that no worker answers for is acknowledged without it`() throws {
        let rig = try Self.rig()
        let stream = try rig.send(Self.listen(#"["a:/x"]"#))
        rig.advance(.seconds(60))
        #expect(try stream.reply().events.first?["params"]?["notifications"] == ["resourcesListChanged": true])
        try rig.worker.answer(try rig.worker.next())
        #expect(try rig.worker.next()["method"] == "resources/unsubscribe")
    }

    @Test func `a client that leaves before the acknowledgement wants nothing`() throws {
        let rig = try Self.rig()
        let stream = try rig.send(Self.listen(#"["a:/x","b:/y"]"#))
        let requests = [try rig.worker.next(), try rig.worker.next()]
        try rig.worker.answer(requests[0])
        stream.reset()
        #expect(try rig.worker.next()["params"]?["uri"] == "a:/x")
        try rig.worker.answer(requests[1])
        #expect(try rig.worker.next()["params"]?["uri"] == "b:/y")
        #expect(rig.callCount == 0)
    }

    @Test(arguments: ["1", #"[1]"#, #"[""]"#, "{}"])
    func `a list of uris is needed`(uris: String) throws {
        #expect(try Self.rig().ask(Self.listen(uris)).code == -32602)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `the end of a connection ends its subscriptions`(way: RigDuplex.Way) throws {
        let rig = try Rig(.legacy, starting: false)
        rig.capabilities = #"{"resources":{"subscribe":true}}"#
        rig.start()
        try rig.worker.forgetLines()
        let duplex = try RigDuplex(initialized: way, rig)
        duplex.send(RigText.legacyBody("resources/subscribe", id: "1", params: #"{"uri":"a:/x"}"#))
        try rig.worker.answer(try rig.worker.next())
        #expect(try duplex.messages() == [["jsonrpc": "2.0", "id": 1, "result": [:]]])
        try rig.worker.write(Self.update("a:/x"))
        #expect(try duplex.messages().first?["params"]?["uri"] == "a:/x")
        duplex.leave()
        #expect(try rig.worker.next()["method"] == "resources/unsubscribe")
    }

    @Test func `a modern subscription on a WebSocket ends with its cancellation`() throws {
        let rig = try Self.rig()
        let duplex = try RigDuplex(.webSocket, rig)
        duplex.send(
            RigText.modernBody(
                "subscriptions/listen", id: "5", params: #""notifications":{"resourceSubscriptions":["a:/x"]},"#))
        try rig.worker.answer(try rig.worker.next())
        #expect(
            try duplex.messages().first?["params"]?["notifications"] == ["resourceSubscriptions": ["a:/x"]])
        try rig.worker.write(Self.update("a:/x"))
        #expect(try duplex.messages().first?["params"]?["_meta"] == ["io.modelcontextprotocol/subscriptionId": 5])
        duplex.send(RigText.legacyBody("notifications/cancelled", id: nil, params: #"{"requestId":5}"#))
        #expect(try duplex.messages().first?["id"] == 5)
        #expect(try rig.worker.next()["method"] == "resources/unsubscribe")
    }

    @Test func `a replacement is told of all subscriptions, and clients that they may have missed something`() throws {
        let rig = try Self.rig()
        let session = try rig.session()
        let client = try rig.send(Self.subscribe("a:/x", session))
        try rig.worker.answer(try rig.worker.next())
        #expect(try client.reply().json["result"] == [:])
        try rig.worker.die()
        rig.advance(.seconds(1))
        #expect(rig.workers.count == 2)
        let again = try rig.worker.request()
        #expect(again["method"] == "resources/subscribe")
        try rig.worker.answer(again)
        let stream = try rig.send(RigText.get(session: session))
        let event = try #require(try stream.reply().events.last)
        #expect(event["method"] == "notifications/resources/updated" && event["params"] == ["uri": "a:/x"])
    }

    @Test func `a worker for other clients is told of the same subscriptions, and either may report`() throws {
        let rig = try Self.rig()
        let stream = try rig.send(Self.listen(#"["a:/x"]"#))
        try rig.worker.answer(try rig.worker.next())
        let client = try rig.send(
            RigText.post(
                RigText.legacyBody(
                    "initialize", id: "0",
                    params:
                        #"{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"c","version":"1"}}"#))
        )
        #expect(try client.reply().status == 200 && rig.workers.count == 2)
        let told = try rig.worker.request()
        #expect(told["params"]?["uri"] == "a:/x")
        try rig.worker.answer(told)
        try rig.worker.write(Self.update("a:/x"))
        rig.workers[0].write(Self.update("a:/x"))
        #expect(try stream.reply().events.count == 3)
    }

    @Test func `sessions and servers have so many subscriptions and no more`() throws {
        let rig = try Self.rig(#""limits":{"subscriptionsPerSession":2,"subscriptionsPerServer":3}"#)
        let session = try rig.session()
        for (index, uri) in ["a:/1", "a:/2"].enumerated() {
            let client = try rig.send(Self.subscribe(uri, session, id: "\(index)"))
            try rig.worker.answer(try rig.worker.next())
            #expect(try client.reply().json["result"] == [:])
        }
        #expect(try rig.ask(Self.subscribe("a:/3", session)).status == 429)
        let stream = try rig.send(Self.listen(#"["a:/3","a:/4","a:/5"]"#))
        try rig.worker.answer(try rig.worker.next())
        #expect(
            try stream.reply().events.first?["params"]?["notifications"]?["resourceSubscriptions"] == ["a:/3"])
        #expect(try rig.worker.isSilent && rig.subscriptionCount == 3)
        #expect(try rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", session)])).status == 200)
        for _ in 0..<2 {
            let end = try rig.worker.next()
            #expect(end["method"] == "resources/unsubscribe")
            try rig.worker.answer(end)
        }
        #expect(rig.subscriptionCount == 1)
    }

    @Test func `a drain does not wait for a subscription that is not acknowledged`() throws {
        let rig = try Self.rig()
        let stream = try rig.send(Self.listen(#"["a:/x"]"#))
        let request = try rig.worker.next()
        rig.drain()
        try rig.worker.answer(request)
        #expect(try stream.reply().status == 503)
        #expect(rig.callCount == 0)
    }
}

extension Rig {
    var subscriptionCount: Int { self.machine.subscriptions.count }
}

/// The same with a modern worker, which has one subscription of ours for everything.
@Suite struct SupervisorListenTests {
    private static func rig() throws -> Rig {
        let rig = try Rig(
            file: #"{"mcpServers":{"only":{"command":"/bin/server","era":"modern"}}}"#, starting: false)
        rig.capabilities = #"{"resources":{"subscribe":true}}"#
        rig.start()
        rig.handshakes = false
        try rig.worker.forgetLines()
        return rig
    }

    private static func subscribe(_ uri: String, _ session: String, id: String = "1", end: Bool = false) -> String {
        RigText.legacy(
            end ? "resources/unsubscribe" : "resources/subscribe", session: session, id: id, params: #"{"uri":"\#(uri)"}"#)
    }

    private static func wanted(_ listen: JSONValue) -> JSONValue? { listen["params"]?["notifications"]?["resourceSubscriptions"] }

    @Test func `each change of what is wanted is a subscription of its own, after which the old one is cancelled`() throws {
        let rig = try Self.rig()
        let session = try rig.session(), stream = try rig.send(RigText.get(session: session))
        #expect(try rig.worker.isSilent, "nothing to hear")
        let first = try rig.send(Self.subscribe("a:/x", session))
        let listen = try rig.worker.next()
        #expect(listen["method"] == "subscriptions/listen" && listen["id"] == "changes-1" && Self.wanted(listen) == ["a:/x"])
        let second = try rig.send(Self.subscribe("a:/y", session, id: "2"))
        #expect(try rig.worker.isSilent && !first.hasReply && !second.hasReply)
        try rig.worker.acknowledge(listen)
        rig.settle()
        #expect(try first.reply().json["result"] == [:])
        let larger = try rig.worker.next()
        #expect(larger["id"] == "changes-2" && Self.wanted(larger) == ["a:/x", "a:/y"] && !second.hasReply)
        try rig.worker.acknowledge(larger)
        rig.settle()
        #expect(try second.reply().json["result"] == [:])
        #expect(try rig.worker.next()["params"]?["requestId"] == "changes-1")
        try rig.worker.write(#"{"jsonrpc":"2.0","id":"changes-1","result":{"resultType":"complete"}}"#)
        try rig.worker.write(
            #"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:/y","_meta":{"io.modelcontextprotocol/subscriptionId":"changes-2"}}}"#
        )
        #expect(try stream.reply().events.map { $0["params"] } == [["uri": "a:/y"]])
        #expect(try rig.ask(Self.subscribe("a:/x", session, end: true)).json["result"] == [:])
        let smaller = try rig.worker.next()
        #expect(Self.wanted(smaller) == ["a:/y"])
        try rig.worker.acknowledge(smaller)
        rig.settle()
        #expect(try rig.worker.next()["params"]?["requestId"] == "changes-2" && rig.subscriptionCount == 1)
        #expect(try rig.ask(Self.subscribe("a:/y", session, end: true)).json["result"] == [:])
        #expect(try rig.worker.next()["params"]?["requestId"] == "changes-3")
        #expect(try rig.worker.isSilent && rig.subscriptionCount == 0 && rig.machine.counters.strayAnswers == 0)
    }

    @Test func `what an acknowledgement leaves out is refused`() throws {
        let rig = try Self.rig()
        let client = try rig.send(Self.subscribe("a:/x", try rig.session()))
        var listen = try rig.worker.next()
        listen = ["id": listen["id"] ?? .null, "params": ["notifications": [:]]]
        try rig.worker.acknowledge(listen)
        rig.settle()
        #expect(try client.reply().code == -32602)
        #expect(rig.subscriptionCount == 0 && rig.callCount == 0)
    }

    @Test func `a modern client is acknowledged what the worker honours, and a refusal leaves nothing behind`() throws {
        let rig = try Self.rig()
        let text = RigText.modern("subscriptions/listen", params: #""notifications":{"resourceSubscriptions":["a:/x","a:/y"]},"#)
        let client = try rig.send(text)
        let listen = try rig.worker.next()
        #expect(Self.wanted(listen) == ["a:/x", "a:/y"] && !client.hasReply)
        try rig.worker.acknowledge(["id": "changes-1", "params": ["notifications": ["resourceSubscriptions": ["a:/y"]]]])
        rig.settle()
        let acknowledgement = try #require(try client.reply().events.first)
        #expect(acknowledgement["params"]?["notifications"] == ["resourceSubscriptions": ["a:/y"]])
        client.reset()
        #expect(try rig.worker.next()["method"] == "notifications/cancelled" && rig.subscriptionCount == 0)
        let other = try rig.send(text)
        try rig.worker.refuse(try rig.worker.next(), code: -32603)
        #expect(try other.reply().events.first?["params"]?["notifications"] == [:])
        #expect(rig.subscriptionCount == 0)
    }

    @Test func `after an end nobody knows what changed meanwhile, and after a death neither`() throws {
        let rig = try Self.rig()
        let session = try rig.session(), stream = try rig.send(RigText.get(session: session))
        let client = try rig.send(Self.subscribe("a:/x", session))
        try rig.worker.acknowledge(try rig.worker.next())
        rig.settle()
        #expect(try client.reply().status == 200)
        try rig.worker.write(#"{"jsonrpc":"2.0","id":"changes-1","result":{"resultType":"complete"}}"#)
        #expect(try rig.worker.isSilent)
        rig.advance(.milliseconds(500))
        try rig.worker.acknowledge(try rig.worker.next())
        rig.settle()
        #expect(try stream.reply().events.map { $0["params"] } == [["uri": "a:/x"]])
        try rig.worker.die()
        rig.advance(.seconds(1))
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        let listen = try rig.worker.next()
        #expect(listen["id"] == "changes-1" && Self.wanted(listen) == ["a:/x"])
        try rig.worker.acknowledge(listen)
        rig.settle()
        #expect(try stream.reply().events.count == 2)
    }

    @Test func `an acknowledgement that never comes is a refusal`() throws {
        let rig = try Self.rig()
        let client = try rig.send(Self.subscribe("a:/x", try rig.session()))
        _ = try rig.worker.next()
        rig.advance(ChangesListen.patience)
        #expect(try client.reply().code == -32603)
        #expect(try rig.worker.next()["params"]?["requestId"] == "changes-1" && rig.subscriptionCount == 0)
    }
}
