import Base
import MCP
import Testing
import Wire

@testable import SupervisorCore

/// What clients notice of a worker that took the place of a dead one.
@Suite struct SupervisorRestartTests {
    private static let tools =
        #"{"tools":[{"name":"t","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},{"name":"u","annotations":{"readOnlyHint":false}}]}"#

    /// With lists that have passed.
    private static func rig(_ back: Rig.Back = .legacy, stateless: String = "") throws -> Rig {
        let rig = try Rig(file: "{" + back.rawValue.replacing(#""only":{"#, with: #""only":{\#(stateless)"#) + "}")
        let client = try rig.send(RigText.modern("tools/list"))
        try rig.worker.answer(try rig.worker.request(), Self.tools)
        #expect(try client.reply().status == 200)
        return rig
    }

    private static func call(_ tool: String, meta: String = "") -> String {
        RigText.post(
            RigText.modernBody("tools/call", params: #""name":"\#(tool)","arguments":{},"#, meta: meta),
            RigText.modernHeaders("tools/call", name: tool))
    }

    @Test(arguments: Rig.Back.allCases)
    func `a call of a harmless tool is made again, once, under a new id`(back: Rig.Back) throws {
        let rig = try Self.rig(back)
        let client = try rig.send(Self.call("t"))
        let first = try rig.worker.request()
        try rig.worker.die()
        rig.advance(.seconds(1))
        let second = try rig.worker.request()
        #expect(second["params"] == first["params"] && second["id"] != first["id"] && !client.hasReply)
        try rig.worker.die()
        rig.advance(.seconds(1))
        let reply = try client.reply()
        #expect(reply.code == -32603 && reply.json["error"]?["data"]?["delivered"] == true)
        #expect(rig.callCount == 0)
    }

    @Test func `an answer of the second worker is the answer`() throws {
        let rig = try Self.rig()
        let client = try rig.send(Self.call("t"))
        _ = try rig.worker.request()
        try rig.worker.die()
        rig.advance(.seconds(1))
        try rig.worker.answer(try rig.worker.request(), #"{"content":[]}"#)
        #expect(try client.reply().json["result"]?["content"] == [])
    }

    @Test func `other calls are not made again`() throws {
        let rig = try Self.rig()
        let unknown = try rig.send(Self.call("u"))
        let told = try rig.send(Self.call("t", meta: #""progressToken":1,"#))
        _ = try rig.worker.request()
        try rig.worker.progress(try rig.worker.request())
        try rig.worker.die()
        #expect(try unknown.reply().code == -32603)
        #expect(try told.reply().isComplete, "its client has heard of it")
    }

    @Test func `nothing is repeated for a server with state, and its sessions end`() throws {
        let rig = try Self.rig(stateless: #""stateless":false,"#)
        let session = try rig.session()
        let client = try rig.send(Self.call("t"))
        _ = try rig.worker.request()
        try rig.worker.die()
        #expect(try client.reply().code == -32603)
        rig.advance(.seconds(1))
        #expect(rig.sessionCount == 0)
        #expect(try rig.ask(RigText.legacyCall(session: session)).status == 404)
    }

    @Test(arguments: ["", #""stateless":true,"#])
    func `other sessions go on`(stateless: String) throws {
        let rig = try Self.rig(stateless: stateless)
        let session = try rig.session()
        try rig.worker.die()
        rig.advance(.seconds(1))
        let client = try rig.send(RigText.legacyCall(session: session))
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().status == 200)
    }

    @Test func `lists that differ are told, and only those`() throws {
        let rig = try Self.rig()
        let listen = try rig.send(
            RigText.modern(
                "subscriptions/listen", params: #""notifications":{"toolsListChanged":true,"promptsListChanged":true},"#))
        func restart(_ list: String) throws {
            try rig.worker.die()
            rig.advance(.seconds(5))
            #expect(try rig.worker.ownRequests.map { $0["method"] } == ["tools/list"], "nobody has asked for another")
            try rig.worker.answer(try #require(try rig.worker.ownRequests.first), list)
        }
        try restart(Self.tools)
        #expect(try listen.reply().events.count == 1)
        try restart(#"{"tools":[]}"#)
        let events = try listen.reply().events
        #expect(events.count == 2 && events.last?["method"] == "notifications/tools/list_changed")
        #expect(rig.machine.counters.strayAnswers == 0)
    }

    @Test func `a revision that a worker suddenly refuses is no error of a legacy client`() throws {
        let rig = try Self.rig(.modern)
        let client = try rig.send(RigText.legacyCall(session: try rig.session()))
        try rig.worker.refuse(try rig.worker.request(), code: -32022, data: #"{"supported":["2099-01-01"]}"#)
        let reply = try client.reply()
        #expect(reply.status == 200 && reply.code == -32603 && reply.json["error"]?["data"]?["workerCode"] == -32022)
    }

    @Test func `a capability that a legacy client lacks is told in words`() throws {
        let rig = try Self.rig(.modern)
        let session = try rig.session()
        let client = try rig.send(RigText.legacyCall(session: session))
        try rig.worker.refuse(
            try rig.worker.request(), code: -32021, data: #"{"requiredCapabilities":{"elicitation":{"form":{}}}}"#)
        let result = try client.reply().json["result"]
        #expect(result?["isError"] == true)
        #expect(result?["content"]?[0]?["text"]?.stringValue?.contains("elicitation.form") == true)
    }
}
