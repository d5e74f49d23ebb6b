import Base
import Testing
import Wire

@testable import SupervisorCore

/// A modern client's call to a legacy worker that asks in the middle of it.
@Suite struct SupervisorInputParkTests {
    @Test func `a call that asks is answered with its question, and goes on when its client comes back`() throws {
        let rig = try Rig()
        let (reply, request) = try rig.parked()
        let key = try #require(reply.questionKeys.first)
        #expect(rig.parkedCount == 1 && key.hasPrefix("elicitation-"))
        let client = try rig.send(RigText.retry(reply, id: "7", [key: RigInput.accepted]))
        let answer = try rig.worker.next()
        #expect(answer["id"] == "q" && answer["result"]?["content"]?["name"] == "Ann")
        try rig.worker.answer(request, #"{"content":[]}"#)
        let last = try client.reply()
        #expect(last.json["id"] == 7 && last.json["result"]?["resultType"] == "complete")
        #expect(rig.isForgetful)
    }

    @Test func `questions that come together are told together`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.askable())
        let request = try rig.worker.request()
        try rig.worker.ask(id: "1")
        rig.advance(.milliseconds(10))
        try rig.worker.ask(#"{}"#, id: "2", "roots/list")
        try rig.worker.ask(id: "3")
        rig.advance(.milliseconds(19))
        #expect(!client.hasReply)
        rig.advance(.milliseconds(1))
        let reply = try client.reply().json
        #expect(reply.questionKeys.count == 3 && Set(reply.questionKeys).count == 3)
        // The timers of the later questions have nothing left to do.
        rig.advance(.seconds(1))
        var answers: [String: String] = [:]
        for key in reply.questionKeys { answers[key] = key.hasPrefix("roots") ? #"{"roots":[]}"# : RigInput.declined }
        _ = try rig.send(RigText.retry(reply, answers))
        #expect(try rig.worker.messages().map { $0["id"] ?? .null } == [1, 2, 3])
        try rig.worker.answer(request)
        #expect(rig.isForgetful)
    }

    /// The timer of a second question used to find the call without its worker, and made it again.
    @Test func `a call whose worker has answered meanwhile is not made again`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.askable())
        let request = try rig.worker.request()
        try rig.worker.ask(id: "1")
        rig.advance(.milliseconds(20))
        try rig.worker.ask(id: "2")
        rig.advance(.milliseconds(10))
        let reply = try client.reply().json
        try rig.worker.answer(request, #"{"content":[],"late":true}"#)
        #expect(try rig.worker.messages().compactMap { $0["result"]?["action"] } == ["cancel", "cancel"])
        rig.advance(.seconds(30))
        #expect(try rig.worker.isSilent && rig.callCount == 1)
        let again = try rig.ask(RigText.retry(reply))
        #expect(again.json["result"]?["late"] == true)
        #expect(rig.isForgetful)
    }

    @Test func `answers to some questions are given, and the others asked again in a new round`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.askable())
        let request = try rig.worker.request()
        try rig.worker.ask(RigInput.form("A?"), id: "1")
        try rig.worker.ask(RigInput.form("B?"), id: "2")
        rig.advance(.milliseconds(30))
        let first = try client.reply().json
        let keys = first.questionKeys
        let next = try rig.send(RigText.retry(first, [keys[0]: RigInput.declined, "unknown": RigInput.declined]))
        #expect(try rig.worker.messages().count == 1)
        #expect(!next.hasReply)
        rig.advance(.milliseconds(30))
        let second = try next.reply().json
        #expect(second.questionKeys == [keys[1]])
        #expect(second["result"]?["requestState"] != first["result"]?["requestState"])
        // Who brings nothing new is told the same at once, in a round of its own.
        let third = try rig.ask(RigText.retry(second)).json
        #expect(third.questionKeys == [keys[1]])
        #expect(try rig.ask(RigText.retry(second, [keys[1]: RigInput.declined])).code == -32602)
        _ = try rig.send(RigText.retry(third, [keys[1]: RigInput.declined]))
        #expect(try rig.worker.messages().count == 1)
        try rig.worker.answer(request)
        #expect(rig.isForgetful)
    }

    @Test func `of two retries with one state the first goes on, and the worker is answered once`() throws {
        let rig = try Rig()
        let (reply, request) = try rig.parked()
        let key = try #require(reply.questionKeys.first)
        let first = try rig.send(RigText.retry(reply, id: "2", [key: RigInput.accepted]))
        #expect(try rig.ask(RigText.retry(reply, id: "3", [key: RigInput.accepted])).code == -32602)
        #expect(try rig.worker.messages().count == 1)
        try rig.worker.answer(request)
        #expect(try first.reply().json["result"] != nil)
        #expect(try rig.ask(RigText.retry(reply, id: "4", [key: RigInput.accepted])).code == -32602)
        #expect(try rig.worker.isSilent)
    }

    enum Wrong: CaseIterable {
        case altered, truncated, tool, arguments, method, server, expired, empty
    }

    @Test(arguments: Wrong.allCases)
    func `a state is only good for the same request of the same client in time`(wrong: Wrong) throws {
        let file =
            #"{"mcpServers":{"only":{"command":"/bin/a","era":"legacy"},"other":{"command":"/bin/b","era":"legacy"}},"defaultServer":"only"}"#
        let rig = try Rig(file: file)
        let (reply, _) = try rig.parked()
        let key = try #require(reply.questionKeys.first)
        let answers = [key: RigInput.accepted]
        var text = RigText.retry(reply, answers)
        let state = try #require(reply["result"]?["requestState"]?.stringValue)
        func with(_ other: String) -> String {
            RigText.askable(params: #""inputResponses":{"\#(key)":\#(RigInput.accepted)},"requestState":"\#(other)","#)
        }
        switch wrong {
        case .altered: text = with((state.first == "A" ? "B" : "A") + state.dropFirst())
        case .truncated: text = with(String(state.dropLast(4)))
        case .empty: text = with("")
        case .tool: text = RigText.retry(reply, answers, name: "u")
        case .arguments: text = RigText.retry(reply, answers, arguments: #"{"a":2}"#)
        case .method: text = RigText.retry(reply, answers, method: "prompts/get")
        case .server: text = text.replacing("POST /mcp ", with: "POST /servers/other/mcp ")
        case .expired:
            rig.machine.wallClock(secondsSince1970: 1_000_000_601)
        }
        #expect(try rig.ask(text).code == -32602)
        #expect(rig.parkedCount == 1, "the right one can still come")
        guard wrong != .expired else { return }
        _ = try rig.send(RigText.retry(reply, answers))
        #expect(rig.parkedCount == 0)
    }

    @Test func `the same arguments may be written in another way`() throws {
        let rig = try Rig()
        let (reply, _) = try rig.parked(RigText.askable(arguments: #"{"a":1,"b":[true]}"#))
        let key = try #require(reply.questionKeys.first)
        _ = try rig.send(
            RigText.retry(reply, [key: RigInput.declined], arguments: "{ \"b\" : [ true ],\"\\u0061\":1.0}"))
        #expect(rig.parkedCount == 0)
    }

    @Test(arguments: [20_000, 100_000])
    func `a long request is recognised without being kept`(length: Int) throws {
        let rig = try Rig()
        let arguments = #"{"a":"\#(String(repeating: "x", count: length))"}"#
        let (reply, _) = try rig.parked(RigText.askable(arguments: arguments))
        #expect(rig.inputBytes < 1_000)
        let key = try #require(reply.questionKeys.first)
        let other = arguments.replacing("xx\"}", with: "xy\"}")
        #expect(try rig.ask(RigText.retry(reply, [key: RigInput.declined], arguments: other)).code == -32602)
        _ = try rig.send(RigText.retry(reply, [key: RigInput.declined], arguments: arguments))
        #expect(rig.parkedCount == 0)
    }

    @Test func `an answer that does not fit leaves the call parked`() throws {
        let rig = try Rig()
        let (reply, _) = try rig.parked()
        let key = try #require(reply.questionKeys.first)
        for bad in [#"{"action":"maybe"}"#, #"{"action":"accept","content":{"name":7}}"#, #"{"action":"accept","content":[]}"#] {
            #expect(try rig.ask(RigText.retry(reply, [key: bad])).code == -32602)
        }
        for members in [#""inputResponses":null,"#, #""inputResponses":[],"#, #""requestState":7,"#] {
            #expect(try rig.ask(RigText.askable(params: members)).code == -32602)
        }
        #expect(try rig.worker.isSilent && rig.parkedCount == 1)
    }

    @Test func `a client that never comes back is waited for as long as it may take`() throws {
        let rig = try Rig()
        let (reply, request) = try rig.parked()
        rig.advance(.seconds(599))
        #expect(try rig.worker.isSilent)
        rig.advance(.seconds(2))
        let messages = try rig.worker.messages()
        #expect(messages.count == 2)
        #expect(messages[0]["id"] == "q" && messages[0]["result"]?["action"] == "cancel")
        #expect(messages[1]["method"] == "notifications/cancelled" && messages[1]["params"]?["requestId"] == request["id"])
        #expect(rig.isForgetful)
        #expect(try rig.ask(RigText.retry(reply)).code == -32602)
    }

    @Test func `the worker's own time stands still while the client is away`() throws {
        let rig = try Rig(workers: #""callTimeout":"20s""#)
        let (reply, _) = try rig.parked()
        let key = try #require(reply.questionKeys.first)
        rig.advance(.seconds(300))
        let client = try rig.send(RigText.retry(reply, [key: RigInput.declined]))
        rig.advance(.seconds(19))
        #expect(rig.callCount == 1)
        rig.advance(.seconds(2))
        #expect(try client.reply().events.last?["error"]?["code"] == -32603)
        #expect(rig.isForgetful)
    }

    @Test func `progress and log lines of a parked call are dropped, and shorten nothing`() throws {
        let rig = try Rig(workers: #""callTimeout":"5s""#)
        let (_, request) = try rig.parked(RigText.askable(meta: #""progressToken":1,"#))
        try rig.worker.progress(request)
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}}"#)
        rig.advance(.seconds(100))
        #expect(rig.parkedCount == 1)
    }

    @Test func `a worker that wants to hear of progress does while its question waits`() throws {
        let rig = try Rig()
        let (reply, _) = try rig.parked(meta: #""progressToken":"p""#)
        #expect(reply["result"]?["inputRequests"]?[reply.questionKeys[0]]?["params"]?["_meta"] == nil)
        rig.advance(.seconds(50))
        let notes = try rig.worker.messages()
        #expect(notes.count == 3 && notes.allSatisfy { $0["params"]?["progressToken"] == "p" })
        #expect(notes.compactMap { $0["params"]?["progress"]?.int64Value } == [1, 2, 3])
        _ = try rig.send(RigText.retry(reply, [reply.questionKeys[0]: RigInput.declined]))
        rig.advance(.seconds(50))
        #expect(try rig.worker.messages().count == 1, "its answer, and no word after it")
    }

    // MARK: What happens meanwhile

    @Test func `a question that is taken back while the client is away needs no answer`() throws {
        let rig = try Rig()
        let (reply, request) = try rig.parked()
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}"#)
        let client = try rig.send(RigText.retry(reply, [reply.questionKeys[0]: RigInput.accepted]))
        #expect(try rig.worker.isSilent)
        try rig.worker.answer(request)
        #expect(try client.reply().json["result"] != nil)
        #expect(rig.isForgetful)
    }

    @Test func `a question that comes while the client is away is told when it comes back`() throws {
        let rig = try Rig()
        let (reply, _) = try rig.parked()
        try rig.worker.ask(RigInput.form("And?"), id: "9")
        rig.advance(.seconds(5))
        let client = try rig.send(RigText.retry(reply, [reply.questionKeys[0]: RigInput.declined]))
        rig.advance(.milliseconds(30))
        #expect(try client.reply().json.questionKeys.count == 1)
        #expect(try rig.worker.messages().map { $0["id"] ?? .null } == ["q"])
    }

    @Test func `a worker that dies leaves an honest error for the client's return`() throws {
        let rig = try Rig()
        let (reply, _) = try rig.parked()
        try rig.worker.die()
        #expect(rig.parkedCount == 1)
        let answer = try rig.ask(RigText.retry(reply, [reply.questionKeys[0]: RigInput.accepted])).json
        #expect(answer["error"]?["code"] == -32603 && answer["error"]?["data"]?["delivered"] == true)
        #expect(rig.isForgetful)
    }

    @Test func `a client that loses the connection of its retry may send it again`() throws {
        let rig = try Rig()
        let (reply, request) = try rig.parked()
        let retry = RigText.retry(reply, [reply.questionKeys[0]: RigInput.accepted])
        try rig.send(retry).reset()
        #expect(try rig.worker.messages().count == 1)
        rig.advance(.seconds(1))
        try rig.send(retry).reset()
        rig.advance(.seconds(1))
        let client = try rig.send(retry)
        #expect(try rig.worker.isSilent, "the worker is answered once")
        try rig.worker.answer(request, #"{"content":[],"done":true}"#)
        #expect(try client.reply().json["result"]?["done"] == true)
        #expect(rig.isForgetful)
    }

    @Test func `a retry whose connection is lost is cancelled when it does not come again`() throws {
        let rig = try Rig()
        let (reply, request) = try rig.parked()
        try rig.send(RigText.retry(reply, [reply.questionKeys[0]: RigInput.accepted])).reset()
        rig.advance(.milliseconds(1_900))
        #expect(try rig.worker.messages().count == 1)
        rig.advance(.milliseconds(200))
        let cancel = try rig.worker.next()
        #expect(cancel["method"] == "notifications/cancelled" && cancel["params"]?["requestId"] == request["id"])
        #expect(rig.isForgetful)
    }

    @Test func `a first request whose connection is lost is cancelled at once, and its question answered`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.askable())
        _ = try rig.worker.request()
        try rig.worker.ask()
        client.reset()
        let messages = try rig.worker.messages()
        #expect(messages[0]["result"]?["action"] == "cancel" && messages[1]["method"] == "notifications/cancelled")
        #expect(rig.isForgetful)
    }

    @Test func `a call that was parked over HTTP goes on over a WebSocket`() throws {
        let rig = try Rig()
        let (reply, request) = try rig.parked()
        let duplex = try RigDuplex(.webSocket, rig)
        duplex.send(
            RigText.askableBody(id: "5", params: RigText.retryParams(reply, [reply.questionKeys[0]: RigInput.accepted])))
        try rig.worker.answer(request)
        #expect(try duplex.messages().last?["id"] == 5)
        #expect(rig.isForgetful)
    }

    @Test func `a drain parks nothing, and waits for nobody who cannot come back`() throws {
        let rig = try Rig()
        let parked = try rig.parked()
        let running = try rig.send(RigText.askable(id: "2"))
        _ = try rig.worker.request()
        rig.drain()
        #expect(rig.parkedCount == 0)
        try rig.worker.forgetLines()
        // Until then it could ask for the call that was cancelled.
        try rig.worker.answer(parked.request)
        try rig.worker.ask(id: "8")
        #expect(try rig.worker.messages().contains { $0["id"] == 8 })
        #expect(try running.reply().json["error"] != nil)
        #expect(rig.callCount == 0)
    }

    // MARK: Capabilities

    @Test func `what the client has not declared is told to it, and to the worker`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.askable(capabilities: #"{"roots":{}}"#))
        _ = try rig.worker.request()
        try rig.worker.ask()
        let reply = try client.reply()
        #expect(reply.status == 400 && reply.code == -32021)
        #expect(reply.json["error"]?["data"]?["requiredCapabilities"]?["elicitation"]?["form"] == [:])
        #expect(try rig.worker.messages().first?["error"]?["code"] == -32602)
        #expect(rig.isForgetful)
    }

    @Test func `a return is held to what it declares itself`() throws {
        let rig = try Rig()
        let (reply, _) = try rig.parked()
        try rig.worker.ask(RigInput.form("And?"), id: "9")
        let client = try rig.send(
            RigText.retry(reply, [reply.questionKeys[0]: RigInput.declined], capabilities: #"{"roots":{}}"#))
        rig.advance(.milliseconds(30))
        #expect(try client.reply().code == -32021)
        #expect(rig.isForgetful)
    }

    @Test func `an answer that came before its question is given once`() throws {
        let rig = try Rig()
        let (reply, first) = try rig.parked()
        let key = reply.questionKeys[0]
        try rig.worker.answer(first)
        _ = try rig.ask(RigText.retry(reply))
        try rig.worker.forgetLines()
        let client = try rig.send(RigText.askable(params: #""inputResponses":{"\#(key)":\#(RigInput.accepted)},"#))
        let request = try rig.worker.request()
        #expect(request["params"]?["inputResponses"] == nil)
        try rig.worker.ask(id: "1")
        #expect(try rig.worker.next()["result"]?["content"]?["name"] == "Ann")
        try rig.worker.ask(id: "2")
        #expect(try rig.worker.isSilent)
        rig.advance(.milliseconds(30))
        #expect(try client.reply().json.questionKeys == [key])
    }

    @Test func `a list of a modern client is not asked for anything`() throws {
        let rig = try Rig()
        let client = try rig.send(
            RigText.post(
                RigText.askableBody(method: "resources/list").replacing(#""name":"t","#, with: ""),
                RigText.modernHeaders("resources/list")))
        _ = try rig.worker.request()
        try rig.worker.ask()
        #expect(try rig.worker.next()["error"]?["code"] == -32602)
        rig.advance(.seconds(1))
        #expect(!client.hasReply)
    }
}
