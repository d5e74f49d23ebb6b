import Base
import Testing
import Wire

@testable import SupervisorCore

/// The end of the supervisor, and what it says of itself until then.
@Suite struct SupervisorDrainTests {
    private static func text(_ rig: Rig, _ path: String) throws -> (Int, String?, JSONValue) {
        let reply = try rig.ask(RigText.request("GET", path))
        return (reply.status, reply["retry-after"], reply.json)
    }

    @Test func `half a request does not hold up the end`() throws {
        let rig = try Rig()
        _ = try rig.send("POST /mcp HTTP/1.1\r\nHost: ")
        rig.drain()
        try rig.worker.die(.exited(0))
        #expect(rig.effects.contains(.exit(status: 0)))
    }

    @Test func `health and readiness follow the default server`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let starting = try Self.text(rig, "/health")
        #expect(starting.0 == 200 && starting.2["status"] == "starting")
        #expect(starting.2["workers"] == ["ready": 0, "total": 1])
        #expect(try Self.text(rig, "/ready").0 == 503)
        #expect(try Self.text(rig, "/ready").1 == "1")
        #expect(rig.count(.ready) == 0)
        try rig.worker.answerHandshake(rig.worker.next())
        rig.settle()
        #expect(rig.count(.ready) == 1)
        rig.advance(.seconds(5))
        _ = try rig.session()
        let healthy = try Self.text(rig, "/health").2
        #expect(healthy["status"] == "healthy" && healthy["uptimeSeconds"] == 5 && healthy["sessions"] == 1)
        #expect(healthy["connections"] == 1 && healthy["workers"] == ["ready": 1, "total": 1] && healthy["version"] != nil)
        #expect(try Self.text(rig, "/ready").0 == 200)
        try rig.worker.die()
        #expect(try Self.text(rig, "/health").2["status"] == "degraded")
        #expect(try Self.text(rig, "/ready").0 == 503)
        rig.handshakes = true
        rig.advance(.seconds(1))
        #expect(try Self.text(rig, "/ready").0 == 200)
        #expect(rig.count(.ready) == 1)
    }

    @Test func `a default server that cannot start does not keep the supervisor from serving`() throws {
        let rig = try Rig(starting: false)
        rig.spawning = .failing(2)
        rig.start()
        rig.advance(.seconds(2))
        #expect(rig.count(.ready) == 1)
        #expect(try Self.text(rig, "/health").2["status"] == "degraded")
        #expect(try Self.text(rig, "/ready").0 == 503)
    }

    @Test func `an idle supervisor stops at once: end of input, then the worker's own exit`() throws {
        let rig = try Rig()
        let idle = try rig.send(RigText.request("GET", "/health"))
        let untouched = try rig.connect()
        rig.drain()
        #expect(rig.effects.contains(.stopListening) && rig.effects.contains(.stopping(.seconds(26))))
        #expect(idle.isClosed && untouched.isClosed)
        #expect(rig.connectIfPossible() == nil)
        #expect(try rig.worker.isInputClosed && rig.worker.signals.isEmpty)
        #expect(rig.exitStatus == nil)
        try rig.worker.die(.exited(0))
        #expect(rig.exitStatus == 0)
        let hasStopped = rig.machine.hasStopped
        #expect(hasStopped)
        rig.drain()
        #expect(rig.count(.exit(status: 0)) == 1)
    }

    @Test func `a worker that does not leave is terminated and then killed`() throws {
        let rig = try Rig()
        rig.drain()
        rig.advance(.milliseconds(1_999))
        #expect(try rig.worker.signals.isEmpty)
        rig.advance(.milliseconds(1))
        #expect(try rig.worker.signals == [.terminate])
        rig.advance(.seconds(2))
        #expect(try rig.worker.signals == [.terminate, .kill])
        try rig.worker.die()
        #expect(rig.exitStatus == 0)
    }

    @Test func `running and queued calls finish, new ones are refused`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1"#)
        let session = try rig.session()
        let running = try rig.send(RigText.modernCall(id: "1"))
        let queued = try rig.send(RigText.modernCall(id: "2"))
        let half = try rig.send(RigText.modernCall(id: "3").dropLast(5).description)
        let stream = try rig.send(RigText.get(session: session))
        rig.drain()
        #expect(try stream.reply().isComplete)
        #expect(stream.isShut)
        half.send(RigText.modernCall(id: "3").suffix(5).description)
        let refused = try half.reply()
        #expect(refused.status == 503 && refused["retry-after"] == "1" && !refused.keepsAlive && refused.json["id"] == 3)
        #expect(try !rig.worker.isInputClosed)
        try rig.worker.answer(try rig.worker.request())
        let first = try running.reply()
        #expect(first.status == 200 && !first.keepsAlive)
        try rig.worker.answer(try rig.worker.request())
        #expect(try queued.reply().status == 200)
        #expect(try rig.worker.isInputClosed)
        try rig.worker.die(.exited(0))
        #expect(rig.exitStatus == 0)
    }

    @Test func `health says draining on a connection that is still open`() throws {
        let rig = try Rig()
        _ = try rig.send(RigText.modernCall())
        let client = try rig.send("GET /ready HTTP/1.1\r\n")
        rig.drain()
        client.send("Host: 127.0.0.1:8000\r\n\r\n")
        let reply = try client.reply()
        #expect(reply.status == 503 && reply.json["status"] == "draining" && !reply.keepsAlive)
    }

    @Test func `at the deadline every call is answered, and the answers are still written`() throws {
        let rig = try Rig(.legacy, #""drain":{"deadline":"5s"}"#)
        let call = try rig.send(RigText.modernCall(id: "1"))
        let slow = try rig.connect()
        slow.window = 10
        slow.send(RigText.modernCall(id: "2"))
        let half = try rig.send("POST /mcp HTTP/1.1\r\n")
        rig.drain()
        rig.advance(.milliseconds(4_999))
        #expect(!call.hasReply && !half.isClosed)
        rig.advance(.milliseconds(1))
        let reply = try call.reply()
        #expect(reply.code == -32603 && reply.json["id"] == 1 && reply.json["error"]?["data"] == ["delivered": true])
        #expect(half.isClosed)
        #expect(try rig.worker.isInputClosed && rig.worker.signals == [.terminate])
        try rig.worker.die()
        #expect(rig.exitStatus == nil, "an answer is still on its way")
        slow.take(10_000)
        #expect(try slow.reply().json["id"] == 2)
        #expect(rig.exitStatus == 0)
    }

    @Test func `after the deadline a worker has a quarter of a second for each step`() throws {
        let rig = try Rig(.legacy, #""drain":{"deadline":"5s"}"#)
        _ = try rig.send(RigText.modernCall(id: "1"))
        rig.drain()
        rig.advance(.seconds(5))
        #expect(try rig.worker.signals == [.terminate])
        rig.advance(.milliseconds(249))
        #expect(try rig.worker.signals == [.terminate])
        rig.advance(.milliseconds(1))
        #expect(try rig.worker.signals == [.terminate, .kill])
        rig.advance(.milliseconds(250))
        #expect(try rig.worker.signals == [.terminate, .kill, .kill], "should what kills it be stuck itself")
        try rig.worker.die()
        #expect(rig.exitStatus == 0)
    }

    @Test func `a step that began before the deadline is shortened by it`() throws {
        let rig = try Rig(.legacy, #""drain":{"deadline":"3s","hurried":"1s"}"#)
        rig.drain()
        rig.advance(.seconds(2))
        #expect(try rig.worker.signals == [.terminate])
        rig.advance(.milliseconds(1_249))
        #expect(try rig.worker.signals == [.terminate])
        rig.advance(.milliseconds(1))
        #expect(try rig.worker.signals == [.terminate, .kill])
    }

    @Test func `a worker that nothing can end does not keep the supervisor`() throws {
        let rig = try Rig(.legacy, #""drain":{"deadline":"5s"}"#)
        let call = try rig.send(RigText.modernCall(id: "1"))
        rig.drain()
        rig.advance(.seconds(5))
        #expect(try call.reply().code == -32603)
        rig.advance(.milliseconds(899))
        #expect(rig.exitStatus == nil)
        rig.advance(.milliseconds(1))
        #expect(rig.exitStatus == 0)
    }

    @Test func `an answer that nobody takes holds up the end for three quarters of a second`() throws {
        let rig = try Rig(.legacy, #""drain":{"deadline":"5s"}"#)
        let slow = try rig.connect()
        slow.window = 10
        slow.send(RigText.modernCall(id: "2"))
        rig.drain()
        rig.advance(.seconds(5))
        try rig.worker.die()
        rig.advance(.milliseconds(749))
        #expect(rig.exitStatus == nil)
        rig.advance(.milliseconds(1))
        #expect(rig.exitStatus == 0 && slow.isClosed)
    }

    @Test func `a second signal leaves two seconds and then kills, a third nothing`() throws {
        let rig = try Rig()
        let call = try rig.send(RigText.modernCall())
        rig.drain()
        rig.advance(.seconds(1))
        rig.drain()
        rig.advance(.milliseconds(1_999))
        #expect(!call.hasReply)
        rig.advance(.milliseconds(1))
        #expect(try call.reply().code == -32603)
        #expect(try rig.worker.signals == [.kill])
        let hasty = try Rig()
        let second = try hasty.connect()
        second.window = 0
        second.send(RigText.modernCall())
        for _ in 0..<3 { hasty.drain() }
        #expect(try hasty.worker.signals == [.kill])
        try hasty.worker.die()
        #expect(hasty.exitStatus == 0)
    }

    @Test func `a worker still starting may finish for the calls that wait for it`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let waiting = try rig.send(RigText.modernCall())
        let initialize = try rig.send(RigText.initialize())
        rig.drain()
        #expect(!waiting.hasReply)
        try rig.worker.answerHandshake(rig.worker.next())
        rig.settle()
        try rig.worker.answer(try rig.worker.request())
        #expect(try waiting.reply().status == 200)
        #expect(try initialize.reply().status == 200)
        try rig.worker.die(.exited(0))
        #expect(rig.exitStatus == 0)
    }

    @Test func `calls that wait for a worker that will not come are answered at once`() throws {
        let rig = try Rig()
        try rig.worker.die()
        let waiting = try rig.send(RigText.modernCall())
        rig.drain()
        let reply = try waiting.reply()
        #expect(reply.status == 503 && reply.json["error"]?["data"] == ["delivered": false])
        #expect(rig.exitStatus == 0)
        rig.advance(.seconds(10))
        #expect(rig.workers.count == 1)
    }

    @Test func `a worker that dies while draining is not replaced, and its queue is answered`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1"#)
        let clients = [try rig.send(RigText.modernCall(id: "1")), try rig.send(RigText.modernCall(id: "2"))]
        rig.drain()
        try rig.worker.die()
        for client in clients { #expect(try client.reply().code == -32603) }
        #expect(rig.workers.count == 1 && rig.exitStatus == 0)
    }

    @Test func `a call that ends in any way lets the drain go on`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"3s""#)
        let session = try rig.session()
        let orphan = try rig.send(RigText.legacyCall(session: session))
        orphan.reset()
        let modern = try rig.send(RigText.modernCall())
        rig.drain()
        modern.reset()
        #expect(try !rig.worker.isInputClosed)
        rig.advance(.seconds(3))
        #expect(try rig.worker.isInputClosed)
    }

    @Test func `an answer that is being read when the drain begins is the last one`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.window = 10
        client.send(RigText.request("GET", "/health"))
        rig.drain()
        #expect(!client.isClosed)
        client.take(10_000)
        #expect(try client.reply().status == 200)
        #expect(client.isShut)
    }
}
