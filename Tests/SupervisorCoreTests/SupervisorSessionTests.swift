import Base
import Testing
import Wire

@testable import SupervisorCore

/// Sessions of 2025-03-26 to 2025-11-25: how they begin, whose they are, what ends them.
@Suite struct SupervisorSessionTests {
    @Test func `a session begins only when the worker's handshake is known`() throws {
        let cold = try Rig(starting: false)
        cold.handshakes = false
        cold.start()
        let client = try cold.send(RigText.initialize())
        #expect(!client.hasReply)
        #expect(cold.machine.sessions.count == 0)
        try cold.worker.answerHandshake(cold.worker.next())
        cold.settle()
        #expect(try client.reply()["mcp-session-id"] != nil)
        #expect(cold.machine.sessions.count == 1)
    }

    @Test func `a client that gave up while the worker started leaves no session`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let client = try rig.send(RigText.initialize())
        client.reset()
        try rig.worker.answerHandshake(rig.worker.next())
        rig.settle()
        #expect(rig.machine.sessions.count == 0)
        #expect(rig.callCount == 0)
    }

    @Test func `initialize is never answered by a stream, however long the worker takes`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let initialize = try rig.send(RigText.initialize())
        let discover = try rig.send(RigText.modern("server/discover"))
        rig.advance(.seconds(29))
        #expect(!initialize.hasReply && !discover.hasReply)
        try rig.worker.answerHandshake(rig.worker.next())
        rig.settle()
        #expect(try initialize.reply()["content-type"] == "application/json")
        #expect(try discover.reply()["content-type"] == "application/json")
    }

    @Test func `initialize and discover wait no longer than a worker may take to start`() throws {
        let rig = try Rig(.legacy, workers: #""startTimeout":"3s""#, starting: false)
        rig.spawning = .byHand
        rig.start()
        let initialize = try rig.send(RigText.initialize(id: "9"))
        let discover = try rig.send(RigText.modern("server/discover"))
        rig.advance(.seconds(3))
        #expect(try initialize.reply().code == -32603)
        #expect(try discover.reply().code == -32603)
        #expect(rig.callCount == 0 && rig.machine.servers[0].awaitingHandshake.isEmpty)
    }

    @Test func `a known handshake answers while there is no worker`() throws {
        let rig = try Rig()
        rig.spawning = .failing(2)
        for _ in 0..<3 {
            try? rig.worker.die()
            rig.advance(.seconds(1))
        }
        #expect(rig.machine.servers[0].restart.refusesCalls)
        #expect(try rig.ask(RigText.initialize()).status == 200)
        #expect(try rig.ask(RigText.modern("server/discover")).status == 200)
        #expect(try rig.ask(RigText.modernCall()).status == 503)
    }

    @Test func `calls that wait for a place do not keep others from being told who answers`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1"#, starting: false)
        rig.handshakes = false
        rig.start()
        for id in 1...3 { _ = try rig.send(RigText.modernCall(id: "\(id)")) }
        let initialize = try rig.send(RigText.initialize())
        try rig.worker.answerHandshake(rig.worker.next())
        rig.settle()
        #expect(try initialize.reply().status == 200)
    }

    @Test func `a session ends after its idle time, and use prolongs it`() throws {
        let rig = try Rig(.legacy, #""limits":{"sessionIdle":"10s"}"#)
        let session = try rig.session()
        rig.advance(.seconds(8))
        #expect(try rig.ask(RigText.legacy("ping", session: session)).status == 200)
        rig.advance(.seconds(9))
        #expect(try rig.ask(RigText.legacy("ping", session: session)).status == 200)
        rig.advance(.seconds(11))
        #expect(try rig.ask(RigText.legacy("ping", session: session)).status == 404)
        #expect(rig.machine.sessions.count == 0)
    }

    @Test func `an open stream and a running call are use`() throws {
        let rig = try Rig(.legacy, #""limits":{"sessionIdle":"10s"}"#)
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        rig.advance(.seconds(60))
        stream.end()
        let call = try rig.send(RigText.legacyCall(session: session))
        rig.advance(.seconds(60))
        try rig.worker.answer(try rig.worker.request())
        #expect(try call.reply().events.last?["result"] == [:])
        #expect(try rig.ask(RigText.legacy("ping", session: session)).status == 200)
    }

    @Test func `no session lives longer than sessionAge`() throws {
        let rig = try Rig(.legacy, #""limits":{"sessionAge":"1m"}"#)
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        rig.advance(.seconds(61))
        #expect(try stream.reply().isComplete)
        #expect(try rig.ask(RigText.legacy("ping", session: session)).status == 404)
    }

    @Test func `sessions that come and go leave no timers behind`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        for _ in 0..<300 {
            client.send(RigText.initialize())
            let session = try #require(try client.reply()["mcp-session-id"])
            client.send(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", session)]))
            #expect(try client.reply().status == 200)
        }
        #expect(rig.machine.timers.count < 20)
    }

    @Test func `a full table is 503 with Retry-After`() throws {
        let rig = try Rig(.legacy, #""limits":{"sessions":2}"#)
        _ = try rig.session()
        let second = try rig.session()
        let refused = try rig.ask(RigText.initialize(id: #""i""#))
        #expect(refused.status == 503)
        #expect(refused["retry-after"] == "30")
        #expect(refused.code == -32603 && refused.json["id"] == "i")
        _ = try rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", second)]))
        #expect(try rig.ask(RigText.initialize()).status == 200)
    }

    @Test func `a session is its principal's and its server's`() throws {
        let file = #"""
            {"listen":["0.0.0.0:8000"],"auth":{"keys":"file:/k"},"hosts":["127.0.0.1"],
             "mcpServers":{"a":{"command":"/bin/a"},"b":{"command":"/bin/b"}}}
            """#
        let rig = try Rig(file: file, keys: [FakeDigests.key("one", "s"), FakeDigests.key("two", "s")])
        let one: (String, String?) = ("Authorization", "Bearer msk_one_s")
        let two: (String, String?) = ("Authorization", "Bearer msk_two_s")
        let initialize = try rig.connect(from: .distant, credential: true)
        let body = RigText.legacyBody("initialize", params: #"{"protocolVersion":"2025-11-25"}"#)
        initialize.send(RigText.post(body, [one]))
        let session = try #require(try initialize.reply()["mcp-session-id"])
        let ping = RigText.legacyBody("ping")
        func status(_ headers: RigText.Headers, path: String = "/mcp") throws -> Int {
            let client = try rig.connect(from: .distant, credential: true)
            client.send(RigText.post(ping, [("Mcp-Session-Id", session)] + headers, path: path))
            return try client.reply().status
        }
        #expect(try status([one]) == 200)
        #expect(try status([two]) == 404)
        #expect(try status([]) == 401)
        #expect(try status([one], path: "/servers/a/mcp") == 200)
        #expect(try status([one], path: "/servers/b/mcp") == 404)
    }

    @Test func `DELETE ends the session, its stream and its calls`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        let call = try rig.send(RigText.legacyCall(session: session))
        let request = try rig.worker.request()
        let reply = try rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", session)]))
        #expect(reply.status == 200 && reply.body.isEmpty && reply["content-length"] == "0")
        #expect(try stream.reply().isComplete)
        let ended = try call.reply()
        #expect(ended.isStream && ended.isComplete && ended.events.isEmpty)
        let cancelled = try rig.worker.next()
        #expect(cancelled["method"] == "notifications/cancelled")
        #expect(cancelled["params"]?["requestId"] == request["id"])
        #expect(try rig.ask(RigText.legacy("ping", session: session)).status == 404)
        #expect(try rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", session)])).status == 404)
        try rig.worker.answer(request)
        #expect(rig.machine.counters.strayAnswers == 1)
    }

    @Test func `an id may run once in a session, with its type`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let other = try rig.session()
        _ = try rig.send(RigText.legacyCall(session: session, id: "1"))
        let twice = try rig.ask(RigText.legacyCall(session: session, id: "1"))
        #expect(twice.status == 400 && twice.code == -32600 && twice.json["id"] == 1)
        let text = try rig.send(RigText.legacyCall(session: session, id: #""1""#))
        let foreign = try rig.send(RigText.legacyCall(session: other, id: "1"))
        #expect(!text.hasReply && !foreign.hasReply)
        for _ in 0..<3 { try rig.worker.answer(try rig.worker.request()) }
        let again = try rig.send(RigText.legacyCall(session: session, id: "1"))
        #expect(!again.hasReply)
    }

    @Test func `a cancelled call ends its stream without an answer, and only in its own session`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let other = try rig.session()
        let call = try rig.send(RigText.legacyCall(session: session, id: #""c""#))
        let request = try rig.worker.request()
        func cancel(_ session: String, _ id: String) throws -> Int {
            try rig.ask(RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":\#(id)}"#))
                .status
        }
        #expect(try cancel(other, #""c""#) == 202)
        #expect(try cancel(session, #""d""#) == 202)
        #expect(try cancel(session, "5") == 202)
        #expect(!call.hasReply)
        #expect(try cancel(session, #""c""#) == 202)
        let reply = try call.reply()
        #expect(reply.status == 200 && reply.isStream && reply.isComplete && reply.events.isEmpty)
        #expect(call.isOpen)
        #expect(try rig.worker.next()["params"]?["requestId"] == request["id"])
        #expect(try cancel(session, #""c""#) == 202)
        #expect(try rig.worker.isSilent)
    }

    @Test func `a queued call that is cancelled never reaches the worker`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1"#)
        let session = try rig.session()
        _ = try rig.send(RigText.legacyCall(session: session, id: "1"))
        let waiting = try rig.send(RigText.legacyCall(session: session, id: "2"))
        _ = try rig.ask(RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":2}"#))
        #expect(try waiting.reply().events.isEmpty)
        let first = try rig.worker.request()
        try rig.worker.answer(first)
        #expect(try rig.worker.isSilent)
        #expect(rig.machine.servers[0].queuedBytes == 0)
    }

    @Test func `a legacy call goes on without its client and its answer is dropped`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let call = try rig.send(RigText.legacyCall(session: session))
        let request = try rig.worker.request()
        call.reset()
        #expect(try rig.worker.isSilent)
        #expect(rig.callCount == 1)
        try rig.worker.answer(request)
        #expect(rig.callCount == 0)
        #expect(rig.machine.counters.strayAnswers == 0)
    }

    @Test func `a legacy call without a client still has its time-out`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"20s""#)
        let session = try rig.session()
        let call = try rig.send(RigText.legacyCall(session: session))
        _ = try rig.worker.request()
        rig.advance(.seconds(1))
        call.reset()
        rig.advance(.seconds(20))
        #expect(rig.callCount == 0)
        #expect(try rig.worker.next()["method"] == "notifications/cancelled")
    }

    @Test func `a session has at most callsPerSession calls`() throws {
        let rig = try Rig(.legacy, #""limits":{"callsPerSession":2}"#)
        let session = try rig.session()
        for id in 1...2 { _ = try rig.send(RigText.legacyCall(session: session, id: "\(id)")) }
        let refused = try rig.ask(RigText.legacyCall(session: session, id: "3"))
        #expect(refused.status == 429 && refused["retry-after"] == "1" && refused.json["id"] == 3)
        #expect(try rig.ask(RigText.legacy("ping", session: session, id: "9")).status == 200)
        try rig.worker.answer(try rig.worker.request())
        let next = try rig.send(RigText.legacyCall(session: session, id: "3"))
        #expect(!next.hasReply)
    }

    @Test func `calls beyond streamsPerSession are answered as JSON`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamsPerSession":1}"#)
        let session = try rig.session()
        let first = try rig.send(RigText.legacyCall(session: session, id: "1", meta: #""progressToken":1"#))
        let second = try rig.send(RigText.legacyCall(session: session, id: "2", meta: #""progressToken":2"#))
        let requests = [try rig.worker.request(), try rig.worker.request()]
        for request in requests { try rig.worker.progress(request) }
        #expect(try first.reply().events.count == 1)
        #expect(!second.hasReply)
        rig.advance(.seconds(40))
        #expect(!second.hasReply)
        for request in requests { try rig.worker.answer(request) }
        #expect(try second.reply()["content-type"] == "application/json")
        #expect(try first.reply().events.count == 2)
    }
}
