import Base
import Testing
import Wire

@testable import SupervisorCore

/// A legacy client's call to a legacy worker that asks in the middle of it.
@Suite struct SupervisorInputAskTests {
    /// A call that has asked: its client's stream, the question there, and what the worker got.
    private struct Asked {
        let rig: Rig
        let session: String
        let client: RigClient
        let question: JSONValue
        let request: JSONValue
    }

    private static func asked(
        _ question: String = RigInput.form, workers: String = "", settings: String = "", method: String = "elicitation/create"
    ) throws -> Asked {
        let rig = try Rig(workers: workers, settings)
        let session = try rig.session(capabilities: RigInput.all)
        let client = try rig.send(RigText.legacyCall(session: session))
        let request = try rig.worker.request()
        try rig.worker.ask(question, method)
        let events = try client.reply().events
        return Asked(rig: rig, session: session, client: client, question: try #require(events.first), request: request)
    }

    @Test func `the question is a request on the stream of its call, and the answer may come on any connection`() throws {
        let it = try Self.asked()
        #expect(it.question["method"] == "elicitation/create" && it.question["params"]?["message"] == "Who?")
        #expect(it.question["id"]?.stringValue?.hasPrefix("ask-") == true)
        #expect(try it.rig.ask(RigText.answer(session: it.session, it.question, RigInput.accepted)).status == 202)
        let answer = try it.rig.worker.next()
        #expect(answer["id"] == "q" && answer["result"]?["content"]?["name"] == "Ann")
        try it.rig.worker.answer(it.request, #"{"content":[]}"#)
        let reply = try it.client.reply()
        #expect(reply.isComplete && reply.events.last?["id"] == 1)
        #expect(it.rig.isForgetful)
    }

    @Test(arguments: RigDuplex.Way.allCases)
    func `a connection that carries messages both ways carries the question and its answer`(way: RigDuplex.Way) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(way, rig)
        duplex.send(
            RigText.legacyBody(
                "initialize", id: "0",
                params:
                    #"{"protocolVersion":"2025-11-25","capabilities":\#(RigInput.all),"clientInfo":{"name":"c","version":"1"}}"#))
        _ = try duplex.messages()
        duplex.call("1")
        let request = try rig.worker.request()
        try rig.worker.ask()
        let question = try #require(try duplex.messages().first)
        duplex.send(#"{"jsonrpc":"2.0","id":\#(question["id"] ?? .null),"result":\#(RigInput.accepted)}"#)
        #expect(try rig.worker.next()["id"] == "q")
        try rig.worker.answer(request)
        #expect(try duplex.messages().last?["id"] == 1)
        #expect(rig.isForgetful)
    }

    @Test func `a second answer, one of another session and one to nothing are dropped`() throws {
        let it = try Self.asked()
        let other = try it.rig.session(capabilities: RigInput.all)
        #expect(try it.rig.ask(RigText.answer(session: other, it.question, RigInput.accepted)).status == 202)
        for id in [#""ask-""#, #""ask-99999999999999999999999""#, #""ask-8589934592""#, "7", #""other""#] {
            let text = #"{"jsonrpc":"2.0","id":\#(id),"result":\#(RigInput.accepted)}"#
            #expect(try it.rig.ask(RigText.post(text, [("Mcp-Session-Id", it.session)])).status == 202)
        }
        #expect(try it.rig.worker.isSilent)
        for _ in 0..<3 { _ = try it.rig.ask(RigText.answer(session: it.session, it.question, RigInput.declined)) }
        #expect(try it.rig.worker.messages().count == 1)
    }

    /// An error object on several lines used to end the worker's line and begin another, of the client's choice.
    @Test func `a client's error is passed on as one line`() throws {
        let it = try Self.asked()
        let error = "{\"code\":-1,\r\n\"message\":\"no\",\"data\":\n{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/call\"}\n}"
        _ = try it.rig.ask(RigText.refusal(session: it.session, it.question, error))
        let answer = try it.rig.worker.next()
        #expect(answer["id"] == "q" && answer["error"]?["code"] == -1 && answer["error"]?["data"]?["id"] == 9)
        #expect(try it.rig.worker.isSilent)
    }

    @Test func `an answer that does not fit the question is an error for the worker`() throws {
        let it = try Self.asked()
        _ = try it.rig.ask(RigText.answer(session: it.session, it.question, #"{"action":"accept","content":{"name":[1]}}"#))
        #expect(try it.rig.worker.next()["error"]?["code"] == -32602)
        #expect(it.rig.askCount == 0)
    }

    // MARK: Ends

    enum End: CaseIterable {
        case answer, error, cancel, timeout, death, deletion, drain
    }

    @Test(arguments: End.allCases)
    func `however the call ends, the worker has one answer and the client no question`(end: End) throws {
        let it = try Self.asked(workers: #""callTimeout":"20s""#)
        let id = it.question["id"] ?? .null
        switch end {
        case .answer: try it.rig.worker.answer(it.request)
        case .error: try it.rig.worker.refuse(it.request, code: -32000)
        case .cancel:
            _ = try it.rig.ask(
                RigText.legacy("notifications/cancelled", session: it.session, id: nil, params: #"{"requestId":1}"#))
        case .timeout: it.rig.advance(.seconds(601))
        case .death: try it.rig.worker.die()
        case .deletion: _ = try it.rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", it.session)]))
        case .drain: it.rig.drain()
        }
        let worker = it.rig.workers[it.rig.workers.count - (end == .death ? 2 : 1)]
        let answers = try worker.messages().filter { $0["id"] == "q" }
        #expect(answers.count == (end == .death ? 0 : 1))
        #expect(answers.allSatisfy { $0["result"]?["action"] == "cancel" })
        let events = try it.client.reply().events
        #expect(events.contains { $0["method"] == "notifications/cancelled" && $0["params"]?["requestId"] == id })
        #expect(it.rig.askCount == 0)
        if end != .drain { #expect(it.rig.isForgetful) }
    }

    @Test func `a client that loses a stream that cannot be resumed is not waited for`() throws {
        let it = try Self.asked(settings: #""limits":{"eventCount":0}"#)
        it.client.reset()
        #expect(try it.rig.worker.next()["result"]?["action"] == "cancel")
        #expect(it.rig.askCount == 0 && it.rig.callCount == 1, "the call itself goes on")
        try it.rig.worker.ask(id: "2")
        #expect(try it.rig.worker.next()["id"] == 2)
        try it.rig.worker.answer(it.request)
        #expect(it.rig.isForgetful)
    }

    @Test func `a client on stdin and stdout that has ended its input cannot answer`() throws {
        let rig = try Rig(transport: .stdio)
        let duplex = try RigDuplex(.standardStreams, rig)
        duplex.send(
            RigText.legacyBody(
                "initialize", id: "0",
                params:
                    #"{"protocolVersion":"2025-11-25","capabilities":\#(RigInput.all),"clientInfo":{"name":"c","version":"1"}}"#))
        duplex.call("1")
        let request = try rig.worker.request()
        try rig.worker.ask()
        duplex.client.end()
        #expect(try rig.worker.next()["result"]?["action"] == "cancel")
        try rig.worker.answer(request)
        #expect(rig.callCount == 0)
    }

    @Test func `a question that the worker takes back is taken back from the client`() throws {
        let it = try Self.asked()
        try it.rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}"#)
        let events = try it.client.reply().events
        #expect(events.last?["method"] == "notifications/cancelled")
        _ = try it.rig.ask(RigText.answer(session: it.session, it.question, RigInput.accepted))
        #expect(try it.rig.worker.isSilent)
    }

    // MARK: Time

    @Test func `the worker's own time stands still while the client thinks, whatever it reports`() throws {
        let it = try Self.asked(workers: #""callTimeout":"20s""#)
        it.rig.advance(.seconds(100))
        try it.rig.worker.progress(it.request)
        it.rig.advance(.seconds(100))
        #expect(it.rig.callCount == 1)
        _ = try it.rig.ask(RigText.answer(session: it.session, it.question, RigInput.accepted))
        it.rig.advance(.seconds(19))
        #expect(it.rig.callCount == 1)
        it.rig.advance(.seconds(2))
        #expect(it.rig.callCount == 0)
        let reply = try it.client.reply()
        #expect(reply.comments > 5 && reply.events.last?["error"]?["code"] == -32603)
    }

    @Test func `a worker that wants to hear of progress hears it from us, until the client says it itself`() throws {
        let it = try Self.asked(RigInput.form("Who?", #""progressToken":"p""#))
        let token = try #require(it.question["params"]?["_meta"]?["progressToken"]?.int64Value)
        it.rig.advance(.seconds(20))
        #expect(try it.rig.worker.messages().count == 1)
        let progress = #"{"progressToken":\#(token),"progress":50,"message":"typing"}"#
        let other = try it.rig.session(capabilities: RigInput.all)
        for session in [other, it.session] {
            _ = try it.rig.ask(RigText.legacy("notifications/progress", session: session, id: nil, params: progress))
        }
        let told = try it.rig.worker.messages()
        #expect(told.count == 1 && told[0]["params"]?["progressToken"] == "p" && told[0]["params"]?["message"] == "typing")
        it.rig.advance(.seconds(100))
        #expect(try it.rig.worker.isSilent)
    }

    // MARK: Whose it is

    @Test func `a question is never shown to one of two who could be meant`() throws {
        let rig = try Rig()
        let session = try rig.session(capabilities: RigInput.all)
        let other = try rig.session(capabilities: RigInput.all)
        let first = try rig.send(RigText.legacyCall(session: session))
        let second = try rig.send(RigText.legacyCall(session: other))
        let request = try rig.worker.request()
        let later = try rig.worker.request()
        try rig.worker.ask()
        #expect(try rig.worker.next()["error"]?["code"] == -32603)
        #expect(!first.hasReply && !second.hasReply && rig.askCount == 0)
        // From now on there is only one at a time; lists go past it.
        let third = try rig.send(RigText.legacyCall(session: session, id: "3"))
        _ = try rig.send(RigText.legacy("tools/list", session: session, id: "4"))
        #expect(try rig.worker.next()["method"] == "tools/list")
        try rig.worker.answer(request)
        #expect(try rig.worker.isSilent)
        try rig.worker.answer(later)
        let last = try rig.worker.request()
        try rig.worker.ask(id: "9")
        #expect(try third.reply().events.first?["method"] == "elicitation/create")
        try rig.worker.die()
        #expect(rig.machine.servers.allSatisfy { $0.isInteractive }, "a new process is the same program")
        _ = last
    }

    @Test func `of a cancelled call that may still run nothing is shown to another`() throws {
        let rig = try Rig()
        let session = try rig.session(capabilities: RigInput.all)
        _ = try rig.send(RigText.legacyCall(session: session))
        _ = try rig.worker.request()
        _ = try rig.ask(RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":1}"#))
        let client = try rig.send(RigText.legacyCall(session: session, id: "2"))
        try rig.worker.forgetLines()
        try rig.worker.ask()
        #expect(try rig.worker.next()["error"]?["code"] == -32603)
        #expect(!client.hasReply)
    }

    @Test func `a question outside of all calls has nobody to answer it`() throws {
        let rig = try Rig()
        _ = try rig.session(capabilities: RigInput.all)
        try rig.worker.forgetLines()
        try rig.worker.ask("{}", "roots/list")
        #expect(try rig.worker.next()["error"]?["code"] == -32601)
    }

    @Test func `what a revision has no words for is an error for the worker`() throws {
        let rig = try Rig()
        let session = try rig.session(capabilities: #"{"elicitation":{},"sampling":{}}"#, "2025-06-18")
        let client = try rig.send(RigText.legacyCall(session: session))
        _ = try rig.worker.request()
        try rig.worker.ask(#"{"mode":"url","url":"https://a.example/","message":"m","elicitationId":"e"}"#)
        #expect(try rig.worker.next()["error"]?["code"] == -32602)
        try rig.worker.ask(
            #"{"message":"m","requestedSchema":{"type":"object","properties":{"a":{"type":"array","items":{"enum":["x"]}}}}}"#)
        #expect(try rig.worker.next()["error"]?["code"] == -32602)
        #expect(try client.reply().events.isEmpty)
    }

    // MARK: Bounds

    @Test func `a call has so many questions at its client and no more`() throws {
        let it = try Self.asked()
        for number in 2...20 { try it.rig.worker.ask(id: "\(number)") }
        #expect(it.rig.askCount == 16)
        let refused = try it.rig.worker.messages()
        #expect(refused.count == 4 && refused.allSatisfy { $0["result"]?["action"] == "cancel" })
        try it.rig.worker.answer(it.request)
        #expect(it.rig.isForgetful)
    }

    @Test func `questions that are too long to be kept are answered in the client's place`() throws {
        let rig = try Rig()
        let session = try rig.session(capabilities: RigInput.all)
        var clients: [RigClient] = []
        let text = String(repeating: "x", count: 1 << 20)
        let form = #"{"message":"\#(text)","requestedSchema":{"type":"object"}}"#
        var refused = 0
        for id in 1...8 {
            clients.append(try rig.send(RigText.legacyCall(session: session, id: "\(id)")))
            let request = try #require(try rig.worker.messages().last)
            let meta = #""_meta":{"io.mcp-supervisor/relatedRequest":\#(request["id"] ?? .null)}"#
            for number in 1...10 { try rig.worker.ask(String(form.dropLast()) + ",\(meta)}", id: "\(number)") }
            refused += try rig.worker.messages().filter { $0["result"]?["action"] == "cancel" }.count
        }
        #expect(rig.inputBytes <= InputTable.bytesMax && rig.askCount < 64)
        #expect(refused == 80 - rig.askCount)
        try rig.worker.die()
        #expect(rig.isForgetful)
    }
}
