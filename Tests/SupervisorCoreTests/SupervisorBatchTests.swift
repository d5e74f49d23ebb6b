import Base
import Testing
import Wire

@testable import SupervisorCore

/// Batches, which only sessions of 2025-03-26 (and 2024-11-05) have.
@Suite struct SupervisorBatchTests {
    private static func batch(_ session: String, _ elements: [String]) -> String {
        RigText.post("[" + elements.joined(separator: ", \n") + "]", [("Mcp-Session-Id", session)])
    }

    private static func call(_ id: String, meta: String = "") -> String {
        RigText.legacyBody("tools/call", id: id, params: #"{"name":"t","_meta":{\#(meta)}}"#)
    }

    @Test func `every request of a batch gets one answer on one stream, in the order of the answers`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        let client = try rig.send(
            Self.batch(
                session,
                [
                    RigText.legacyBody("ping", id: #""p""#), Self.call("1"),
                    RigText.legacyBody("notifications/initialized", id: nil),
                    Self.call("2", meta: #""progressToken":"t""#), RigText.legacyBody("no/such", id: "3"),
                ]))
        let requests = [try rig.worker.request(), try rig.worker.request()]
        try rig.worker.progress(requests[1])
        try rig.worker.answer(requests[1])
        #expect(try !client.reply().isComplete)
        try rig.worker.answer(requests[0])
        let reply = try client.reply()
        #expect(reply.isComplete && reply.isStream)
        #expect(reply.events.compactMap { $0["id"] } == ["p", 3, 2, 1])
        #expect(reply.events.contains { $0["params"]?["progressToken"] == "t" })
        #expect(client.isOpen && rig.callCount == 0)
    }

    @Test func `what waits of a batch for a new worker is its own request`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        try rig.worker.die()
        let client = try rig.send(Self.batch(session, [Self.call("1"), Self.call("2")]))
        rig.advance(.seconds(1))
        let requests = [try rig.worker.request(), try rig.worker.request()]
        #expect(requests.allSatisfy { $0["method"] == "tools/call" && $0["params"]?["name"] == "t" })
        for request in requests { try rig.worker.answer(request) }
        #expect(try client.reply().events.map { $0["id"] } == [1, 2])
    }

    @Test func `a request of a batch is asked again as it came, with the answers`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session(capabilities: RigInput.all, "2025-03-26")
        let client = try rig.send(Self.batch(session, [Self.call("1"), Self.call("2")]))
        let first = try rig.worker.request(), second = try rig.worker.request()
        let question =
            #"{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}},"requestState":"s"}"#
        try rig.worker.answer(second, question)
        let ask = try #require(try client.reply().events.last)
        #expect(ask["method"] == "roots/list")
        _ = try rig.send(RigText.answer(session: session, ask, #"{"roots":[]}"#))
        let again = try rig.worker.request()
        #expect(again["params"]?["name"] == "t" && again["params"]?["requestState"] == "s" && again["id"] != second["id"])
        try rig.worker.answer(again)
        try rig.worker.answer(first)
        #expect(try client.reply().events.suffix(2).map { $0["id"] } == [2, 1])
    }

    @Test func `a batch without requests is accepted`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        for elements in [[RigText.legacyBody("notifications/x", id: nil)], [#"{"jsonrpc":"2.0","id":1,"result":{}}"#]] {
            let reply = try rig.ask(Self.batch(session, elements))
            #expect(reply.status == 202 && reply.body.isEmpty)
        }
    }

    @Test(arguments: [
        [], [RigText.legacyBody("ping"), #"{"jsonrpc":"2.0","id":1,"result":{}}"#], [RigText.legacyBody("ping"), "5"],
        [RigText.legacyBody("ping"), RigText.modernBody("tools/list")], [RigText.legacyBody("initialize", params: "{}")],
        ["[]"], Array(repeating: RigText.legacyBody("ping"), count: 101),
    ])
    func `a batch that may not be is refused whole`(elements: [String]) throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        let reply = try rig.ask(Self.batch(session, elements))
        #expect(reply.status == 400 && reply.code == -32600)
        #expect(rig.callCount == 0)
    }

    @Test(arguments: ["2025-06-18", "2025-11-25"]) func `later revisions have no batches`(revision: String) throws {
        let rig = try Rig()
        let session = try rig.session(revision)
        #expect(try rig.ask(Self.batch(session, [RigText.legacyBody("ping")])).code == -32600)
    }

    @Test func `an id may stand once in a batch`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        let client = try rig.send(Self.batch(session, [Self.call("1"), Self.call("1")]))
        try rig.worker.answer(try rig.worker.request())
        let events = try client.reply().events
        #expect(events.count == 2)
        #expect(events[0]["error"]?["code"] == -32600 && events[1]["result"] != nil)
    }

    @Test func `a cancelled call of a batch leaves the others, and the last one ends the stream`() throws {
        let rig = try Rig()
        let session = try rig.session("2025-03-26")
        let client = try rig.send(Self.batch(session, [Self.call("1"), Self.call("2")]))
        let requests = [try rig.worker.request(), try rig.worker.request()]
        func cancel(_ id: Int) throws {
            _ = try rig.ask(
                RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":\#(id)}"#))
        }
        try cancel(1)
        #expect(try rig.worker.next()["params"]?["requestId"] == requests[0]["id"])
        #expect(try !client.reply().isComplete)
        try cancel(2)
        #expect(try client.reply().isComplete && client.isOpen)
    }

    @Test func `the calls of a batch outlive their client, and time out each for itself`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"20s""#)
        let session = try rig.session("2025-03-26")
        let gone = try rig.send(Self.batch(session, [Self.call("1"), Self.call("2")]))
        gone.reset()
        #expect(rig.callCount == 2)
        try rig.worker.answer(try rig.worker.request())
        rig.advance(.seconds(1))
        let client = try rig.send(Self.batch(session, [Self.call("3"), Self.call("4")]))
        rig.advance(.seconds(19))
        #expect(rig.callCount == 2)
        rig.advance(.seconds(1))
        let reply = try client.reply()
        #expect(reply.isComplete && reply.comments == 1)
        #expect(reply.events.map { $0["error"]?["code"] } == [-32603, -32603])
    }

    @Test func `a dead worker and an open circuit are told to each`() throws {
        let rig = try Rig(.legacy, workers: #""queue":1,"concurrency":1"#)
        let session = try rig.session("2025-03-26")
        let client = try rig.send(Self.batch(session, [Self.call("1"), Self.call("2"), Self.call("3")]))
        #expect(try client.reply().events.map { $0["id"] } == [3])
        try rig.worker.die()
        #expect(try client.reply().events.map { $0["id"] } == [3, 1])
        rig.advance(.seconds(1))
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().isComplete)
    }

    @Test func `a drain waits for a batch and answers it at its deadline`() throws {
        let rig = try Rig(.legacy, #""drain":{"deadline":"5s"}"#)
        let session = try rig.session("2025-03-26")
        let client = try rig.send(Self.batch(session, [Self.call("1"), Self.call("2")]))
        rig.drain()
        try rig.worker.answer(try rig.worker.request())
        rig.advance(.seconds(5))
        let reply = try client.reply()
        #expect(reply.isComplete && reply.events.count == 2)
        #expect(client.isShut)
        try rig.worker.die()
        #expect(rig.exitStatus == 0)
    }
}
