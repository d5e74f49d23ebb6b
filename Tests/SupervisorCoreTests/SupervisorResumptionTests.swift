import Base
import Testing
import Wire

@testable import SupervisorCore

/// Streams of sessions that outlive their connections: `Last-Event-ID` of revisions 2025-03-26 to 2025-11-25.
@Suite struct SupervisorResumptionTests {
    static let revisions = ["2025-03-26", "2025-06-18", "2025-11-25"]

    /// A call whose stream is open because of a first progress message.
    private func streaming(_ rig: Rig, _ session: String, id: String = "1") throws -> (client: RigClient, request: JSONValue) {
        let client = try rig.send(RigText.legacyCall(session: session, id: id, meta: #""progressToken":"p""#))
        let request = try rig.worker.request()
        try rig.worker.progress(request, 1)
        return (client, request)
    }

    private func resume(_ rig: Rig, _ session: String, _ id: String) throws -> RigClient {
        try rig.send(RigText.get(session: session, [("Last-Event-ID", id)]))
    }

    @Test(arguments: Self.revisions) func `every event has an id, and only 2025-11-25 is primed`(revision: String) throws {
        let rig = try Rig()
        let session = try rig.session(revision)
        let (client, request) = try self.streaming(rig, session)
        let isPrimed = revision == "2025-11-25"
        let blocks = try client.reply().blocks
        #expect(blocks.first == (isPrimed ? "id: 1-1\nretry: 1000\ndata:" : "id: 1-1\ndata: \(blocks[0].dropFirst(14))"))
        #expect(try client.reply().ids == (isPrimed ? ["1-1", "1-2"] : ["1-1"]))
        try rig.worker.answer(request)
        #expect(try client.reply().ids.last == (isPrimed ? "1-3" : "1-2"))
        let stream = try rig.send(RigText.get(session: session))
        #expect(try stream.reply().text == (isPrimed ? "id: 2-1\nretry: 1000\ndata:\n\n" : ""))
    }

    @Test func `streams of modern requests, of 2024-11-05 and without a log have no ids`() throws {
        let rig = try Rig()
        let modern = try rig.send(RigText.modernCall(meta: #""progressToken":1,"#))
        try rig.worker.progress(try rig.worker.request())
        #expect(try !modern.reply().text.contains("id: "))
        let old = try self.streaming(rig, try rig.session("2024-11-05"))
        #expect(try !old.client.reply().text.contains("id: "))
        let without = try Rig(.legacy, #""limits":{"eventCount":0}"#)
        let session = try without.session()
        #expect(try !self.streaming(without, session).client.reply().text.contains("id: "))
        #expect(try self.resume(without, session, "1-1").reply().status == 400)
    }

    @Test func `an answer as JSON costs no log`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let client = try rig.send(RigText.legacyCall(session: session))
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply()["content-type"] == "application/json")
        #expect(rig.logs == 0 && rig.machine.eventBudget.bytes == 0)
    }

    @Test(arguments: Self.revisions) func `a call goes on without its connection, and its client gets what it missed`(
        revision: String
    ) throws {
        let rig = try Rig()
        let session = try rig.session(revision)
        let (client, request) = try self.streaming(rig, session)
        let last = try #require(try client.reply().ids.last)
        client.reset()
        try rig.worker.progress(request, 2)
        let resumed = try self.resume(rig, session, last)
        #expect(try resumed.reply().events.map { $0["params"]?["progress"] } == [2])
        #expect(try resumed.reply().ids.first == (revision == "2025-11-25" ? last : try resumed.reply().ids.last))
        try rig.worker.progress(request, 3)
        try rig.worker.answer(request)
        let reply = try resumed.reply()
        #expect(reply.isComplete && reply.events.count == 3)
        #expect(reply.events.last?["id"] == 1 && reply.events.last?["result"] == [:])
        #expect(resumed.isOpen)
    }

    @Test func `after its last message a stream is replayed and ends, as often as it is asked for`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        client.reset()
        try rig.worker.answer(request)
        for _ in 0..<2 {
            let reply = try self.resume(rig, session, "1-1").reply()
            #expect(reply.status == 200 && reply.isComplete && reply.events.count == 2)
        }
        #expect(try self.resume(rig, session, "1-3").reply().events.isEmpty)
        #expect(try self.resume(rig, session, "1-3").reply().isComplete)
        rig.advance(.minutes(5))
        #expect(try self.resume(rig, session, "1-1").reply().status == 400)
        #expect(rig.machine.eventBudget.bytes == 0)
    }

    @Test(arguments: [
        "", "-", "1", "1-", "-1", "1-0", "0-1", "01-1", "1-01", "1-4", "2-1", "A-1", "1-1-1", "1 1", "zzzzzzzzzzzzzz-1",
        "3w5e11264sgsf-3w5e11264sgsf", "é-1", "1-1,1-2", "../1-1", "null",
    ])
    func `an id that was never given out is answered with 400`(id: String) throws {
        let rig = try Rig()
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        #expect(try client.reply().ids == ["1-1", "1-2"])
        let reply = try self.resume(rig, session, id).reply()
        #expect(reply.status == 400, "\(reply.text)")
        try rig.worker.answer(request)
        #expect(try client.reply().isComplete, "the stream is left alone")
    }

    @Test func `an id is only known in its session`() throws {
        let rig = try Rig()
        let (one, other) = (try rig.session(), try rig.session())
        _ = try self.streaming(rig, one)
        #expect(try self.resume(rig, other, "1-1").reply().status == 400)
        #expect(try self.resume(rig, String(repeating: "0", count: 32), "1-1").reply().status == 404)
    }

    @Test func `a cancelled call's stream is resumed to an end without an answer`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        client.reset()
        _ = try rig.ask(RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":1}"#))
        try rig.worker.answer(request)
        let reply = try self.resume(rig, session, "1-1").reply()
        #expect(reply.status == 200 && reply.isComplete && reply.events.count == 1)
        #expect(reply.events[0]["method"] == "notifications/progress")
    }

    @Test func `a time-out and the death of a worker reach a client that was away`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"20s""#)
        let session = try rig.session()
        let (first, _) = try self.streaming(rig, session)
        first.reset()
        rig.advance(.seconds(21))
        #expect(try self.resume(rig, session, "1-2").reply().events.first?["error"]?["code"] == -32603)
        let (second, _) = try self.streaming(rig, session, id: "2")
        second.reset()
        try rig.worker.die()
        let reply = try self.resume(rig, session, "2-2").reply()
        #expect(reply.isComplete && reply.events.first?["error"]?["data"]?["delivered"] == true)
    }

    @Test func `a stream is taken over from a connection that still lives`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let (old, request) = try self.streaming(rig, session)
        let new = try self.resume(rig, session, "1-1")
        let oldReply = try old.reply()
        #expect(oldReply.isComplete && old.isOpen)
        try rig.worker.progress(request, 2)
        old.reset()
        try rig.worker.answer(request)
        let newReply = try new.reply()
        #expect(newReply.isComplete && newReply.ids == ["1-1", "1-2", "1-3", "1-4"])
        #expect(rig.callCount == 0)
    }

    @Test func `a client that leaves before it knew an id is not waited for`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-06-18")
        let client = try rig.send(RigText.legacyCall(session: session))
        let request = try rig.worker.request()
        rig.advance(.seconds(16))
        #expect(try client.reply().isStream)
        client.reset()
        try rig.worker.answer(request)
        #expect(rig.machine.eventBudget.bytes == 0)
        #expect(rig.openStreams == 0)
    }

    // MARK: The GET stream

    @Test(arguments: Self.revisions) func `list changes wait for the GET stream to be resumed`(revision: String) throws {
        let rig = try Rig()
        let session = try rig.session(revision)
        let stream = try rig.send(RigText.get(session: session))
        let change = #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
        try rig.worker.write(change)
        let last = try #require(try stream.reply().ids.last)
        stream.reset()
        try rig.worker.write(change)
        try rig.worker.write(change)
        let resumed = try self.resume(rig, session, last)
        #expect(try resumed.reply().events.count == 1)
        try rig.worker.write(change)
        #expect(try resumed.reply().events.count == 2)
        #expect(Set(try resumed.reply().ids).count == 3 - (revision == "2025-11-25" ? 0 : 1))
    }

    @Test func `a GET stream that is behind is told of a list once, when it has caught up`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4K"}"#)
        let session = try rig.session()
        let slow = try rig.connect()
        slow.window = 0
        slow.send(RigText.get(session: session))
        let change = #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
        for _ in 0..<500 { try rig.worker.write(change) }
        for _ in 0..<100 { slow.take(200) }
        let told = try slow.reply().events.count
        #expect(told > 20 && told < 60)
        try rig.worker.write(change)
        slow.take(200)
        #expect(try slow.reply().events.count == told + 1)
        #expect(try slow.reply().ids.count == told + 2)
    }

    @Test func `a new GET stream replaces one that could be resumed`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let old = try rig.send(RigText.get(session: session))
        let new = try rig.send(RigText.get(session: session))
        #expect(try old.reply().isComplete)
        let resumed = try self.resume(rig, session, "1-1").reply()
        #expect(resumed.isComplete && resumed.events.isEmpty)
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try new.reply().events.count == 1)
    }

    @Test func `at its age the GET stream's connection ends, and the stream goes on`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamAge":"1m"}"#)
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        rig.advance(.minutes(1))
        let streamReply = try stream.reply()
        #expect(streamReply.isComplete && streamReply.text.hasSuffix("retry: 1000\n\n"))
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try self.resume(rig, session, "1-1").reply().events.count == 1)
    }

    @Test func `a drain tells clients of GET streams when to come back`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        let (call, request) = try self.streaming(rig, session)
        rig.drain()
        let streamReply = try stream.reply()
        #expect(streamReply.isComplete && streamReply.text.hasSuffix("retry: 1000\n\n"))
        try rig.worker.answer(request)
        let callReply = try call.reply()
        #expect(callReply.isComplete && callReply.events.count == 2)
        #expect(rig.callCount == 0)
    }

    // MARK: Batches

    @Test func `a batch is resumed as one stream`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        let bodies = (1...3).map { RigText.legacyBody("tools/call", id: "\($0)", params: #"{"name":"t","arguments":{}}"#) }
        let client = try rig.send(RigText.post("[\(bodies.joined(separator: ","))]", [("Mcp-Session-Id", session)]))
        let requests = [try rig.worker.request(), try rig.worker.request(), try rig.worker.request()]
        try rig.worker.answer(requests[0])
        let last = try #require(try client.reply().ids.last)
        client.reset()
        try rig.worker.answer(requests[2])
        let resumed = try self.resume(rig, session, last)
        #expect(try resumed.reply().events.map { $0["id"] } == [3])
        try rig.worker.answer(requests[1])
        let resumedReply = try resumed.reply()
        #expect(resumedReply.isComplete && resumedReply.events.map { $0["id"] } == [3, 2])
        #expect(rig.openStreams == 0)
    }

    @Test func `a batch ends in the log with its last answer`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        let bodies = (1...3).map { RigText.legacyBody("tools/call", id: "\($0)", params: #"{"name":"t","arguments":{}}"#) }
        let client = try rig.send(RigText.post("[\(bodies.joined(separator: ","))]", [("Mcp-Session-Id", session)]))
        let requests = [try rig.worker.request(), try rig.worker.request(), try rig.worker.request()]
        try rig.worker.answer(requests[0])
        client.reset()
        try rig.worker.answer(requests[1])
        #expect(rig.openStreams == 1)
        _ = try rig.ask(RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":3}"#))
        #expect(rig.openStreams == 0)
        #expect(try self.resume(rig, session, "1-1").reply().isComplete)
    }

    // MARK: Questions

    @Test func `a question for a client that is away waits for it`() throws {
        let rig = try Rig()
        let reply = try rig.ask(
            RigText.post(
                RigText.legacyBody(
                    "initialize",
                    params:
                        #"{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"c","version":"1"}}"#))
        )
        let session = try #require(reply["mcp-session-id"])
        let (client, request) = try self.streaming(rig, session)
        client.reset()
        try rig.worker.forgetLines()
        try rig.worker.write(#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#)
        #expect(try rig.worker.isSilent, "it is not refused")
        let resumed = try self.resume(rig, session, "1-2")
        let question = try #require(try resumed.reply().events.first)
        #expect(question["method"] == "roots/list")
        let id = try #require(question["id"]?.stringValue)
        let answer = #"{"jsonrpc":"2.0","id":"\#(id)","result":{"roots":[]}}"#
        #expect(try rig.ask(RigText.post(answer, [("Mcp-Session-Id", session)])).status == 202)
        #expect(try rig.worker.next()["result"] == ["roots": []])
        try rig.worker.answer(request)
        #expect(try resumed.reply().isComplete)
    }

    // MARK: Readers that are slow

    @Test func `a replay is written in parts, and nothing is lost behind it`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        client.reset()
        let text = String(repeating: "x", count: 10_000)
        for step in 2...100 { try rig.worker.progress(request, step, message: text) }
        let slow = try rig.connect()
        slow.window = 1_000
        slow.send(RigText.get(session: session, [("Last-Event-ID", "1-1")]))
        #expect(rig.unsentMax < 150 << 10)
        try rig.worker.progress(request, 101)
        try rig.worker.answer(request)
        #expect(rig.callCount == 0)
        for _ in 0..<500 {
            slow.take(5_000)
            #expect(rig.unsentMax < 150 << 10)
        }
        let reply = try slow.reply()
        #expect(reply.isComplete && reply.events.count == 102)
        #expect(reply.events.dropLast().map { $0["params"]?["progress"]?.int64Value } == (1...101).map { Int64($0) })
        #expect(rig.openStreams == 0)
    }

    @Test func `a reader that falls behind a live stream catches up from the log`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        client.window = 0
        let text = String(repeating: "x", count: 10_000)
        for step in 2...100 { try rig.worker.progress(request, step, message: text) }
        try rig.worker.answer(request)
        #expect(client.isOpen && rig.unsentMax < 300 << 10)
        for _ in 0..<500 { client.take(5_000) }
        let reply = try client.reply()
        #expect(reply.isComplete && reply.events.count == 101)
        #expect(reply.ids == (1...102).map { "1-" + String($0, radix: 36) })
    }

    @Test func `a reader that the log has left behind is refused, not served with a gap`() throws {
        let rig = try Rig(.legacy, #""limits":{"eventCount":10}"#)
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        client.reset()
        for step in 2...20 { try rig.worker.progress(request, step) }
        #expect(try self.resume(rig, session, "1-2").reply().status == 400)
        #expect(try self.resume(rig, session, "1-f").reply().events.count == 6)
    }

    @Test func `an answer too large for the log reaches a reader that is behind`() throws {
        let rig = try Rig(.legacy, #""limits":{"eventBytes":"100K","streamQueue":"4K"}"#)
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        client.window = 0
        let text = String(repeating: "x", count: 5_000)
        for step in 2...10 { try rig.worker.progress(request, step, message: text) }
        try rig.worker.answer(request, #"{"large":"\#(String(repeating: "y", count: 200_000))"}"#)
        for _ in 0..<100 { client.take(5_000) }
        let reply = try client.reply()
        #expect(reply.isComplete && reply.events.count == 11 && reply.events.last?["id"] == 1)
    }

    // MARK: Bounds

    @Test func `the end of a session gives its events back`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let (client, _) = try self.streaming(rig, session)
        let stream = try rig.send(RigText.get(session: session))
        client.reset()
        #expect(rig.machine.eventBudget.bytes > 0)
        _ = try rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", session)]))
        #expect(rig.machine.eventBudget.bytes == 0)
        #expect(try stream.reply().isComplete)
        #expect(try self.resume(rig, session, "1-1").reply().status == 404)
    }

    @Test func `when all sessions' events are too many, messages pass unkept`() throws {
        let rig = try Rig(.legacy, #""limits":{"eventBytesTotal":"4K"}"#)
        let session = try rig.session()
        let (client, request) = try self.streaming(rig, session)
        let other = try rig.session()
        let filler = try self.streaming(rig, other, id: "2")
        for step in 2...60 { try rig.worker.progress(filler.request, step) }
        try rig.worker.answer(filler.request)
        try rig.worker.answer(request, #"{"a":"\#(String(repeating: "y", count: 5_000))"}"#)
        let clientReply = try client.reply()
        #expect(clientReply.isComplete && clientReply.events.count == 2)
        #expect(try filler.client.reply().events.count == 61)
        #expect(rig.machine.eventBudget.bytes <= 4_096)
    }

    /// Cuts connections at any byte and resumes after the last event that came whole.
    @Test(arguments: 0..<40) func `whatever is cut, each event comes once and in order`(seed: UInt64) throws {
        var random = PRNG(seed: seed)
        let rig = try Rig(.legacy, seed % 2 == 0 ? #""limits":{"streamQueue":"4K"}"# : "")
        let session = try rig.session(Self.revisions[Int(seed % 3)])
        let (first, request) = try self.streaming(rig, session)
        var client = first
        client.window = 300
        var collected = StreamCollector()
        var progress = 1
        var isAnswered = false
        for _ in 0..<200 {
            switch random.below(8) {
            case 0 where !isAnswered && progress > 20:
                try rig.worker.answer(request)
                isAnswered = true
            case 0, 1, 2, 3:
                guard !isAnswered else { continue }
                progress += 1
                try rig.worker.progress(request, progress, message: String(repeating: "x", count: Int(random.below(3_000))))
            case 4: client.window = Int(random.below(200))
            case 5: client.take(Int(random.below(5_000)))
            case 6 where random.below(2) == 0: rig.advance(.milliseconds(Int64(random.below(2_000))))
            default:
                collected.take(client)
                guard let last = collected.last else { continue }
                if random.below(3) > 0 { client.reset() }
                client = try rig.connect()
                client.window = Int(random.below(300))
                client.send(RigText.get(session: session, [("Last-Event-ID", last)]))
            }
        }
        if !isAnswered { try rig.worker.answer(request) }
        client.window = 0
        client.take(10_000_000)
        client.take(10_000_000)
        collected.take(client)
        #expect(collected.messages.count == progress + 1)
        #expect(collected.messages.last?["result"] == [:])
        #expect(collected.messages.dropLast().map { $0["params"]?["progress"]?.int64Value } == (1...progress).map { Int64($0) })
        #expect(rig.callCount == 0 && rig.openStreams == 0)
    }
}

/// A client that remembers the last event that came whole, over many connections.
private struct StreamCollector {
    private(set) var messages: [JSONValue] = []
    private(set) var last: String?

    /// Called once for a connection, when it is given up.
    mutating func take(_ client: RigClient) {
        guard let reply = RigReply(client.rest[...], toHead: false, isEnded: false) else { return }
        let whole = reply.text.hasSuffix("\n\n") ? reply.blocks : reply.blocks.dropLast()
        for block in whole {
            for line in block.split(separator: "\n") {
                if line.hasPrefix("id: ") { self.last = String(line.dropFirst(4)) }
                if line.hasPrefix("data: ") {
                    self.messages.append((try? JSONValue.parse([UInt8](line.dropFirst(6).utf8))) ?? .null)
                }
            }
        }
    }
}

extension RigReply {
    fileprivate var blocks: [String] { self.text.components(separatedBy: "\n\n").filter { !$0.isEmpty } }

    fileprivate var ids: [String] {
        self.text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
    }
}

extension Rig {
    /// Sessions with an event log.
    fileprivate var logs: Int {
        var count = 0
        for key in self.machine.sessions.allKeys where self.machine.sessions[key].events != nil { count += 1 }
        return count
    }

    fileprivate var openStreams: Int {
        var count = 0
        for key in self.machine.sessions.allKeys { count += self.machine.sessions[key].events?.openCount ?? 0 }
        return count
    }

    fileprivate var unsentMax: Int { self.machine.census().connections.map(\.unsent).max() ?? 0 }
}

extension RigWorker {
    fileprivate func progress(_ request: JSONValue, _ step: Int, message: String) {
        self.write(
            #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":\#(request["id"] ?? .null),"progress":"#
                + #"\#(step),"message":"\#(message)"}}"#)
    }
}
