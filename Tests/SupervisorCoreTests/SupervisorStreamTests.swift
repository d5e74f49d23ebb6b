import Base
import Testing
import Wire

@testable import SupervisorCore

/// When a response becomes a stream, what travels on it, and how it ends.
@Suite struct SupervisorStreamTests {
    @Test func `an answer that comes first is JSON`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(meta: #""progressToken":"p","#))
        let request = try rig.worker.request()
        rig.advance(.seconds(14))
        #expect(!client.hasReply)
        try rig.worker.answer(request)
        #expect(try client.reply()["content-type"] == "application/json")
    }

    @Test func `the first notification opens the stream`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(id: "3", meta: #""progressToken":"p","#))
        let request = try rig.worker.request()
        #expect(request["params"]?["_meta"]?["progressToken"] == request["id"])
        try rig.worker.progress(request, 1)
        let open = try client.reply()
        #expect(open.status == 200 && open.isStream && !open.isComplete)
        #expect(open["cache-control"]?.contains("no-transform") == true && open["x-accel-buffering"] == "no")
        #expect(
            open.events == [
                ["jsonrpc": "2.0", "method": "notifications/progress", "params": ["progressToken": "p", "progress": 1]]
            ])
        try rig.worker.progress(request, 2)
        try rig.worker.refuse(request, code: -32601)
        let whole = try client.reply()
        #expect(whole.isComplete && whole.status == 200)
        #expect(whole.events.count == 3)
        #expect(whole.events.last?["id"] == 3 && whole.events.last?["error"]?["code"] == -32601)
        #expect(client.isOpen)
    }

    @Test func `progress that was not asked for is dropped`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall())
        let request = try rig.worker.request()
        try rig.worker.progress(request)
        #expect(!client.hasReply)
    }

    @Test func `progress for a foreign, finished or invented token is dropped`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(meta: #""progressToken":1,"#))
        let request = try rig.worker.request()
        for token in ["1", #""p""#, "999999999", "-1", "1.5", "null", "9223372036854775808"] {
            try rig.worker.write(
                #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":\#(token),"progress":1}}"#)
        }
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#)
        #expect(!client.hasReply)
        try rig.worker.answer(request)
        try rig.worker.progress(request)
        #expect(try client.reply()["content-type"] == "application/json")
        #expect(!client.hasReply)
        #expect(rig.machine.counters.droppedNotifications == 9)
    }

    @Test(arguments: ["7", #""7""#, #""""#, "0", "-1", #""a\u0062\"""#])
    func `a progress token comes back exactly as it was sent`(token: String) throws {
        for back in Rig.Back.allCases {
            let rig = try Rig(back)
            let client = try rig.send(RigText.modernCall(meta: #""progressToken":\#(token),"#))
            try rig.worker.progress(try rig.worker.request())
            #expect(try client.reply().text.contains(#""progressToken":\#(token),"#))
        }
    }

    @Test(arguments: Rig.Back.allCases) func `silence opens the stream at fifteen seconds and comments keep it`(back: Rig.Back)
        throws
    {
        let rig = try Rig(back)
        let session = try rig.session()
        let clients = [try rig.send(RigText.modernCall()), try rig.send(RigText.legacyCall(session: session))]
        let requests = [try rig.worker.request(), try rig.worker.request()]
        rig.advance(.milliseconds(14_999))
        for client in clients { #expect(!client.hasReply) }
        rig.advance(.milliseconds(1))
        for client in clients { #expect(try client.reply().isStream) }
        rig.advance(.seconds(45))
        for client in clients { #expect(try client.reply().comments == 3) }
        for request in requests { try rig.worker.answer(request) }
        for client in clients { #expect(try client.reply().events.count == 1) }
    }

    @Test func `a call times out on its stream at its own instant`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"20s""#)
        let client = try rig.send(RigText.modernCall(id: "8"))
        let request = try rig.worker.request()
        rig.advance(.milliseconds(19_999))
        #expect(try !client.reply().isComplete)
        rig.advance(.milliseconds(1))
        let reply = try client.reply()
        #expect(reply.isComplete)
        #expect(
            reply.events == [
                [
                    "jsonrpc": "2.0", "id": 8,
                    "error": [
                        "code": -32603, "message": "the server did not answer within 20000 ms; the call was cancelled",
                        "data": ["delivered": true],
                    ],
                ]
            ])
        #expect(try rig.worker.next()["params"]?["requestId"] == request["id"])
        try rig.worker.answer(request)
        #expect(rig.machine.counters.strayAnswers == 1)
    }

    @Test func `progress prolongs a call, but not for ever`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"10s""#)
        let client = try rig.send(RigText.modernCall(meta: #""progressToken":1,"#))
        let request = try rig.worker.request()
        for step in 1...12 {
            rig.advance(.seconds(8))
            try rig.worker.progress(request, step)
            #expect(try !client.reply().isComplete)
        }
        rig.advance(.seconds(4))
        #expect(try client.reply().events.last?["error"]?["code"] == -32603)
    }

    @Test func `the time in the queue does not count against the worker`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1,"callTimeout":"10s""#)
        let first = try rig.send(RigText.modernCall())
        let second = try rig.send(RigText.modernCall())
        rig.advance(.seconds(9))
        try rig.worker.answer(try rig.worker.request())
        #expect(try first.reply().status == 200)
        rig.advance(.seconds(9))
        try rig.worker.answer(try rig.worker.request())
        #expect(try second.reply().events.last?["result"] != nil)
    }

    @Test func `a modern client that leaves cancels, whether waiting, queued or streaming`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":2"#)
        let waiting = try rig.send(RigText.modernCall(id: "1"))
        let streaming = try rig.send(RigText.modernCall(id: "2", meta: #""progressToken":1,"#))
        let queued = try rig.send(RigText.modernCall(id: "3"))
        let requests = [try rig.worker.request(), try rig.worker.request()]
        try rig.worker.progress(requests[1])
        queued.end()
        waiting.end()
        #expect(try rig.worker.next()["params"]?["requestId"] == requests[0]["id"])
        streaming.reset()
        #expect(try rig.worker.next()["params"]?["requestId"] == requests[1]["id"])
        #expect(rig.callCount == 0)
        #expect(try rig.worker.isSilent)
    }

    // MARK: Streams of sessions

    @Test func `the newest GET stream replaces the older one`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let first = try rig.send(RigText.get(session: session))
        #expect(try first.reply().isStream && !first.reply().isComplete)
        let second = try rig.send(RigText.get(session: session))
        #expect(try first.reply().isComplete)
        #expect(first.isOpen)
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try second.reply().events == [["jsonrpc": "2.0", "method": "notifications/tools/list_changed"]])
        first.end()
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"#)
        #expect(try second.reply().events.count == 2)
    }

    @Test func `list changes reach every session and subscription once`() throws {
        let rig = try Rig()
        let sessions = [try rig.session(), try rig.session("2025-03-26")]
        let streams = [try rig.send(RigText.get(session: sessions[0])), try rig.send(RigText.get(session: sessions[1]))]
        let listen = try rig.send(Self.listen(#""s""#, #""toolsListChanged":true,"resourcesListChanged":true"#))
        let prompts = try rig.send(Self.listen("5", #""promptsListChanged":true,"toolsListChanged":false"#))
        try rig.worker.writeRaw(
            #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"# + "\n"
                + #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{}}}"# + "\n"
                + #"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"# + "\n")
        for stream in streams {
            #expect(
                try stream.reply().events.map { $0["method"] } == [
                    "notifications/tools/list_changed", "notifications/prompts/list_changed",
                ])
        }
        #expect(
            try listen.reply().events.dropFirst() == [
                [
                    "jsonrpc": "2.0", "method": "notifications/tools/list_changed",
                    "params": ["_meta": ["io.modelcontextprotocol/subscriptionId": "s"]],
                ]
            ])
        #expect(
            try prompts.reply().events.dropFirst() == [
                [
                    "jsonrpc": "2.0", "method": "notifications/prompts/list_changed",
                    "params": ["_meta": ["io.modelcontextprotocol/subscriptionId": 5]],
                ]
            ])
    }

    @Test func `changes wait for a stream, each list once`() throws {
        let rig = try Rig()
        let session = try rig.session()
        for _ in 0..<3 {
            try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
            try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}"#)
        }
        let stream = try rig.send(RigText.get(session: session))
        #expect(
            try stream.reply().events.map { $0["method"] } == [
                "notifications/tools/list_changed", "notifications/resources/list_changed",
            ])
        let again = try rig.send(RigText.get(session: session))
        #expect(try again.reply().events.isEmpty)
    }

    @Test func `a replacement that says something else about itself has other lists`() throws {
        let rig = try Rig(starting: false)
        rig.capabilities = #"{"tools":{}}"#
        rig.start()
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        try rig.worker.die()
        rig.advance(.seconds(1))
        #expect(try stream.reply().events.isEmpty)
        rig.capabilities = #"{"tools":{},"prompts":{}}"#
        try rig.worker.die()
        rig.advance(.seconds(2))
        #expect(
            try stream.reply().events.compactMap { $0["method"] } == [
                "notifications/tools/list_changed", "notifications/prompts/list_changed",
            ])
    }

    @Test func `streams end at their greatest age and clients may reconnect`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamAge":"40s"}"#)
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        let listen = try rig.send(Self.listen("1", #""toolsListChanged":true"#))
        rig.advance(.milliseconds(39_999))
        #expect(try stream.reply().comments == 2 && !stream.reply().isComplete)
        rig.advance(.milliseconds(1))
        #expect(try stream.reply().isComplete && stream.isOpen)
        let ended = try listen.reply()
        #expect(ended.isComplete && ended.events.last?["result"]?["resultType"] == "complete")
        stream.send(RigText.get(session: session))
        #expect(try !stream.reply().isComplete)
    }

    // MARK: subscriptions/listen

    private static func listen(_ id: String, _ notifications: String) -> String {
        RigText.modern("subscriptions/listen", id: id, params: #""notifications":{\#(notifications)},"#)
    }

    @Test func `a subscription is acknowledged first, with what is honoured`() throws {
        let rig = try Rig(starting: false)
        rig.capabilities = #"{"tools":{"listChanged":true}}"#
        rig.start()
        let client = try rig.send(
            Self.listen(#""x""#, #""toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["file:///a"]"#))
        #expect(
            try client.reply().events == [
                [
                    "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
                    "params": [
                        "notifications": ["toolsListChanged": true], "_meta": ["io.modelcontextprotocol/subscriptionId": "x"],
                    ],
                ]
            ])
        client.end()
        #expect(rig.connectionCount == 0)
    }

    @Test func `a subscription ends with its result when the supervisor drains`() throws {
        let rig = try Rig()
        let client = try rig.send(Self.listen("0", #""toolsListChanged":true"#))
        rig.drain()
        let reply = try client.reply()
        #expect(reply.isComplete)
        #expect(
            reply.events.last == [
                "jsonrpc": "2.0", "id": 0,
                "result": ["resultType": "complete", "_meta": ["io.modelcontextprotocol/subscriptionId": 0]],
            ])
    }

    // MARK: Slow readers

    @Test func `a reader that falls too far behind loses its stream, and a modern call is cancelled`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4K"}"#)
        let client = try rig.connect()
        client.window = 0
        client.send(RigText.modernCall(meta: #""progressToken":1,"#))
        let request = try rig.worker.request()
        for step in 0..<100 { try rig.worker.progress(request, step) }
        #expect(client.isClosed)
        #expect(rig.callCount == 0)
        #expect(try rig.worker.next()["method"] == "notifications/cancelled")
    }

    @Test func `a change that a slow session misses is told on its next stream`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4K"}"#)
        let session = try rig.session()
        let slow = try rig.connect()
        slow.window = 0
        slow.send(RigText.get(session: session))
        for _ in 0..<200 { try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#) }
        #expect(!slow.isClosed && rig.machine.eventBudget.bytes < 10_000, "it is told once when it has caught up")
        let next = try rig.send(RigText.get(session: session))
        #expect(try next.reply().events.count == 1)
    }

    @Test func `the final answer is always queued, however large`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4K"}"#)
        let client = try rig.connect()
        client.window = 100
        client.send(RigText.modernCall())
        try rig.worker.answer(try rig.worker.request(), #"{"text":"\#(String(repeating: "x", count: 100_000))"}"#)
        for _ in 0..<200 { client.take(1_000) }
        #expect(try client.reply().json["result"]?["text"]?.stringValue?.utf8.count == 100_000)
    }

    @Test func `a reader that takes nothing for the write time-out is given up`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.window = 10
        client.send(RigText.modernCall())
        try rig.worker.answer(try rig.worker.request())
        rig.advance(.seconds(29))
        client.take(1)
        rig.advance(.milliseconds(29_999))
        #expect(!client.isClosed)
        rig.advance(.milliseconds(1))
        #expect(client.isClosed)
    }

    @Test func `a stream that is always read a little late keeps no old bytes`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.window = 1_000
        client.send(RigText.modernCall(meta: #""progressToken":1,"#))
        let request = try rig.worker.request()
        for step in 0..<10_000 {
            try rig.worker.progress(request, step)
            client.take(100)
        }
        let connection = rig.machine.connections[client.key]
        #expect(connection.unsentBytes > 0)
        #expect(connection.output.count < 300_000)
    }
}
