import Base
import Testing
import Wire

@testable import SupervisorCore

/// A modern worker that answers `input_required`: to a legacy client, whose call is made again with the answers, and to a modern one,
/// which comes back itself.
@Suite struct SupervisorInputRoundTests {
    @Test func `a legacy client is asked one by one, and the call is made again under a new id`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: RigInput.all)
        let client = try rig.send(RigText.legacyCall(session: session, meta: #""progressToken":"t""#))
        let first = try rig.worker.request()
        #expect(first["params"]?["_meta"]?["io.modelcontextprotocol/clientCapabilities"]?["roots"] == [:])
        try rig.worker.answer(first, RigInput.required(["a": RigInput.form("A?"), "b": RigInput.form("B?")], state: "s\\u00e9"))
        let questions = try client.reply().events
        #expect(questions.compactMap { $0["params"]?["message"] } == ["A?", "B?"])
        #expect(try rig.worker.isSilent)
        _ = try rig.ask(RigText.answer(session: session, questions[1], RigInput.declined))
        #expect(try rig.worker.isSilent)
        _ = try rig.ask(RigText.answer(session: session, questions[0], RigInput.accepted))
        let second = try rig.worker.request()
        #expect(second["id"] != first["id"] && second["params"]?["name"] == "t")
        #expect(second["params"]?["requestState"] == "s\u{E9}")
        #expect(second["params"]?["inputResponses"]?["a"]?["action"] == "accept")
        #expect(second["params"]?["_meta"]?["progressToken"] == second["id"])
        try rig.worker.progress(second)
        try rig.worker.answer(second, #"{"resultType":"complete","content":[]}"#)
        let events = try client.reply().events
        #expect(events[2]["params"]?["progressToken"] == "t" && events[3]["id"] == 1)
        #expect(rig.isForgetful)
    }

    @Test func `a state without a question is brought back after a pause`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: RigInput.all)
        let client = try rig.send(RigText.legacyCall(session: session))
        for _ in 0..<8 {
            try rig.worker.answer(try rig.worker.request(), #"{"resultType":"input_required","requestState":"s"}"#)
            rig.advance(.milliseconds(240))
            #expect(try rig.worker.isSilent)
            rig.advance(.milliseconds(10))
        }
        try rig.worker.answer(try rig.worker.request(), #"{"resultType":"input_required","requestState":"s"}"#)
        let reply = try client.reply()
        #expect(reply.json["result"]?["isError"] == true || reply.events.last?["result"]?["isError"] == true)
        #expect(rig.isForgetful)
    }

    enum End: CaseIterable { case refusal, badAnswer, cancel, timeout, deletion, left, drain }

    @Test(arguments: End.allCases)
    func `a round that is not answered ends the call, and takes the other questions back`(end: End) throws {
        // A stream that can be resumed is waited for.
        let rig = try Rig(.modern, #""limits":{"eventCount":0}"#)
        let session = try rig.session(capabilities: RigInput.all)
        let client = try rig.send(RigText.legacyCall(session: session))
        try rig.worker.answer(
            try rig.worker.request(), RigInput.required(["a": RigInput.form("A?"), "b": RigInput.form("B?")], state: "s"))
        let questions = try client.reply().events
        switch end {
        case .refusal: _ = try rig.ask(RigText.refusal(session: session, questions[0], #"{"code":-1,"message":"no"}"#))
        case .badAnswer: _ = try rig.ask(RigText.answer(session: session, questions[0], #"{"action":1}"#))
        case .cancel:
            _ = try rig.ask(RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":1}"#))
        case .timeout: rig.advance(.seconds(601))
        case .deletion: _ = try rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", session)]))
        case .left: client.reset()
        case .drain: rig.drain()
        }
        #expect(rig.isForgetful)
        if end != .drain { #expect(try rig.worker.isSilent, "it has nothing of this call") }
        guard end != .left else { return }
        let events = try client.reply().events
        #expect(events.contains { $0["method"] == "notifications/cancelled" && $0["params"]?["requestId"] == questions[1]["id"] })
    }

    @Test func `a worker that dies between two rounds is not missed, and its successor goes on`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: RigInput.all)
        let client = try rig.send(RigText.legacyCall(session: session))
        try rig.worker.answer(try rig.worker.request(), RigInput.required(["a": RigInput.form("A?")], state: "s"))
        let question = try #require(try client.reply().events.first)
        try rig.worker.die()
        _ = try rig.ask(RigText.answer(session: session, question, RigInput.accepted))
        let again = try rig.worker.request()
        #expect(rig.workers.count == 2 && again["params"]?["requestState"] == "s")
        try rig.worker.die()
        let error = try #require(try client.reply().events.last?["error"])
        #expect(error["data"]?["delivered"] == true, "a worker has had it, if not this one")
        #expect(rig.isForgetful)
    }

    @Test func `a client without the capability is told what it would have been asked`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: #"{"roots":{}}"#)
        let client = try rig.send(RigText.legacyCall(session: session))
        try rig.worker.answer(try rig.worker.request(), RigInput.required(["a": RigInput.form("A?")]))
        let reply = try client.reply()
        #expect(reply.json["result"]?["isError"] == true && reply.text.contains("A?"))
        #expect(rig.isForgetful)
    }

    @Test(arguments: [
        #"{"resultType":"input_required"}"#, #"{"resultType":"input_required","inputRequests":[]}"#,
        #"{"resultType":"input_required","requestState":7}"#,
        #"{"resultType":"input_required","inputRequests":{"a":{"method":"tools/call","params":{}}}}"#,
        RigInput.required(Dictionary(uniqueKeysWithValues: (0..<17).map { ("k\($0)", RigInput.form) })),
    ])
    func `a request for input that is not valid is an error for clients of both eras`(answer: String) throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: RigInput.all)
        let legacy = try rig.send(RigText.legacyCall(session: session))
        try rig.worker.answer(try rig.worker.request(), answer)
        #expect(try legacy.reply().json["result"]?["isError"] == true)
        let modern = try rig.send(RigText.askable())
        try rig.worker.answer(try rig.worker.request(), answer)
        #expect(try modern.reply().code == -32603)
        #expect(rig.isForgetful)
    }

    // MARK: Modern client, modern worker

    @Test func `a worker's state goes out sealed and comes back exactly`() throws {
        let rig = try Rig(.modern)
        let client = try rig.send(RigText.askable())
        try rig.worker.answer(try rig.worker.request(), RigInput.required(["a": RigInput.form("A?")], state: "in\\\"ner"))
        let reply = try client.reply().json
        #expect(reply.questionKeys == ["a"] && !reply.description.contains("ner"))
        #expect(rig.isForgetful, "nothing waits")
        _ = try rig.send(RigText.retry(reply, ["a": RigInput.accepted]))
        let again = try rig.worker.request()
        #expect(again["params"]?["requestState"] == "in\"ner")
        #expect(again["params"]?["inputResponses"]?["a"]?["content"]?["name"] == "Ann")
        #expect(try rig.ask(RigText.retry(reply, arguments: #"{"a":3}"#)).code == -32602)
        #expect(try rig.ask(RigText.askable(params: #""requestState":"in\"ner","#)).code == -32602)
    }

    @Test func `a state may come back with other capabilities than it went out with`() throws {
        let rig = try Rig(.modern)
        for capabilities in ["{}", RigInput.all] {
            let client = try rig.send(RigText.askable(capabilities: capabilities))
            try rig.worker.answer(try rig.worker.request(), #"{"resultType":"input_required","requestState":"s"}"#)
            let reply = try client.reply().json
            _ = try rig.send(RigText.retry(reply, capabilities: #"{"roots":{}}"#))
            #expect(try rig.worker.request()["params"]?["requestState"] == "s")
        }
    }

    @Test func `a worker without a state is given none`() throws {
        let rig = try Rig(.modern)
        let client = try rig.send(RigText.askable())
        try rig.worker.answer(try rig.worker.request(), RigInput.required(["a": RigInput.form("A?")]))
        #expect(try client.reply().json["result"]?["requestState"] == nil)
        _ = try rig.send(RigText.askable(params: #""inputResponses":{"a":\#(RigInput.declined)},"#))
        #expect(try rig.worker.request()["params"]?["inputResponses"]?["a"]?["action"] == "decline")
    }

    @Test func `a legacy worker's URL to visit is a question, and the call is tried again from the start`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.askable())
        let data = #"{"elicitations":[{"mode":"url","url":"https://a.example/","message":"m","elicitationId":"e"}]}"#
        try rig.worker.refuse(try rig.worker.request(), code: -32042, data: data)
        let reply = try client.reply().json
        #expect(reply["result"]?["inputRequests"]?["url-1"]?["params"]?["url"] == "https://a.example/")
        #expect(rig.isForgetful)
        let again = try rig.send(RigText.retry(reply, ["url-1": #"{"action":"accept"}"#]))
        try rig.worker.answer(try rig.worker.request(), #"{"content":[]}"#)
        #expect(try again.reply().json["result"]?["resultType"] == "complete")
        let poor = try rig.send(RigText.askable(capabilities: #"{"roots":{}}"#))
        try rig.worker.refuse(try rig.worker.request(), code: -32042, data: data)
        #expect(try poor.reply().code == -32021)
    }
}
