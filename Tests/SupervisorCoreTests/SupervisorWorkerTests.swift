import Base
import Testing
import Wire

@testable import SupervisorCore

/// The lives of workers as clients and operators see them.
@Suite struct SupervisorWorkerTests {
    // MARK: Death

    @Test func `every call of a dead worker gets one error that says whether it was delivered`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":4"#)
        let whole = try rig.send(RigText.modernCall(id: "1"))
        _ = try rig.worker.request()
        try rig.worker.window = 20
        let partly = try rig.send(RigText.modernCall(id: "2"))
        let unsent = try rig.send(RigText.modernCall(id: "3"))
        let streaming = try rig.send(RigText.modernCall(id: "4"))
        let queued = try rig.send(RigText.modernCall(id: "5"))
        try rig.worker.endOutput()
        #expect(!whole.hasReply, "a worker without output is not dead yet")
        #expect(rig.effects.contains(.signalWorker(try rig.worker.key, .terminate)))
        let old = try rig.worker
        old.exit(.signalled(9))
        #expect(old.isClosed)
        func delivered(_ client: RigClient) throws -> JSONValue? {
            let reply = try client.reply()
            #expect(reply.status == 200 && reply.code == -32603)
            #expect(reply.json["error"]?["data"]?["workerExit"] == "signal 9")
            #expect(!client.hasReply)
            return reply.json["error"]?["data"]?["delivered"]
        }
        #expect(try delivered(whole) == true)
        #expect(try delivered(partly) == "partly")
        #expect(try delivered(unsent) == false)
        #expect(try delivered(streaming) == false)
        #expect(!queued.hasReply)
        rig.advance(.seconds(1))
        #expect(rig.workers.count == 2)
        try rig.worker.answer(try rig.worker.request())
        #expect(try queued.reply().json["id"] == 5)
    }

    @Test func `a stream gets the error as its last event, and a client that left gets nothing`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let stream = try rig.send(RigText.modernCall(id: "1", meta: #""progressToken":1,"#))
        try rig.worker.progress(try rig.worker.request())
        let gone = try rig.send(RigText.legacyCall(session: session))
        gone.reset()
        try rig.worker.die(.exited(1))
        let reply = try stream.reply()
        #expect(reply.isComplete && reply.events.last?["error"]?["data"] == ["delivered": true, "workerExit": "exit status 1"])
        #expect(rig.callCount == 0)
    }

    @Test func `answers that were written before the death still count`() throws {
        let rig = try Rig()
        let clients = [try rig.send(RigText.modernCall(id: "1")), try rig.send(RigText.modernCall(id: "2"))]
        let requests = [try rig.worker.request(), try rig.worker.request()]
        try rig.worker.exit(.signalled(11))
        try rig.worker.answer(requests[0])
        try rig.worker.endOutput()
        #expect(try clients[0].reply().json["result"] != nil)
        #expect(try clients[1].reply().code == -32603)
    }

    @Test func `output that a descendant holds open is waited for one second`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall())
        try rig.worker.exit()
        rig.advance(.milliseconds(999))
        #expect(!client.hasReply)
        rig.advance(.milliseconds(1))
        #expect(try client.reply().code == -32603)
        #expect(rig.workers[0].isClosed)
        rig.advance(.seconds(1))
        #expect(rig.workers.count == 2)
        rig.workers[0].write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        rig.workers[0].endOutput()
        rig.workers[0].exit()
        #expect(rig.workerCount == 1)
    }

    @Test func `a worker that only closes its output is ended`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall())
        try rig.worker.endOutput()
        #expect(try rig.worker.isInputClosed && rig.worker.signals == [.terminate])
        rig.advance(.seconds(2))
        #expect(try rig.worker.signals == [.terminate, .kill])
        rig.advance(.seconds(2))
        #expect(try rig.worker.signals == [.terminate, .kill, .kill])
        try rig.worker.exit(.signalled(9))
        #expect(try client.reply().code == -32603)
    }

    @Test func `the first death of a worker that has served costs no delay`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall())
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().status == 200)
        try rig.worker.die()
        #expect(rig.workers.count == 2)
        let next = try rig.send(RigText.modernCall())
        try rig.worker.answer(try rig.worker.request())
        #expect(try next.reply().status == 200)
    }

    // MARK: Circuit

    @Test func `an open circuit answers at once and says when to come back`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let waiting = try rig.send(RigText.modernCall(id: "1"))
        let initialize = try rig.send(RigText.initialize(id: "2"))
        for _ in 0..<3 {
            #expect(!waiting.hasReply && !initialize.hasReply)
            try rig.worker.die(.exited(1))
            rig.advance(.milliseconds(500))
        }
        #expect(rig.workers.count == 3)
        for (client, id) in [(waiting, 1), (initialize, 2)] as [(RigClient, JSONValue)] {
            let reply = try client.reply()
            #expect(reply.status == 503 && reply["retry-after"] == "30" && reply.code == -32603 && reply.json["id"] == id)
            #expect(reply.json["error"]?["data"] == ["delivered": false])
        }
        rig.advance(.seconds(9))
        let refused = try rig.ask(RigText.modernCall(id: #""x""#))
        #expect(refused.status == 503 && refused["retry-after"] == "21" && refused.json["id"] == "x" && refused.code == -32603)
        #expect(try rig.ask(RigText.initialize()).status == 503)
        rig.handshakes = true
        rig.advance(.seconds(22))
        #expect(rig.workers.count == 4)
        let probe = try rig.send(RigText.modernCall())
        try rig.worker.answer(try rig.worker.request())
        #expect(try probe.reply().status == 200)
    }

    @Test func `a status that no restart helps gives the server up`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        let waiting = try rig.send(RigText.modernCall())
        try rig.worker.die(.exited(78))
        #expect(try waiting.reply().status == 503)
        rig.advance(.minutes(60))
        #expect(rig.workers.count == 1)
        #expect(try rig.ask(RigText.modernCall())["retry-after"] == "300")
    }

    @Test func `a program that cannot be started opens the circuit`() throws {
        let rig = try Rig(starting: false)
        rig.spawning = .failing(2)
        rig.start()
        let waiting = try rig.send(RigText.modernCall())
        rig.advance(.seconds(2))
        #expect(try waiting.reply().status == 503)
        #expect(rig.workers.count == 3)
        #expect(rig.workerCount == 0)
    }

    @Test(arguments: [Int32(11), 12, 23, 24])
    func `a worker for which something was short is started as soon as there is enough`(errno: Int32) throws {
        let rig = try Rig()
        rig.spawning = .failing(errno)
        try rig.worker.die(.signalled(9))
        let waiting = try rig.send(RigText.modernCall())
        rig.advance(.seconds(10))
        #expect(!waiting.hasReply)
        rig.spawning = .atOnce
        rig.advance(.milliseconds(500))
        #expect(rig.workerCount == 1)
        #expect(try !rig.worker.isSilent)
    }

    @Test func `starts of all servers together have a budget`() throws {
        let servers = (0..<10).map { #""s\#($0)":{"command":"/bin/s"}"# }.joined(separator: ",")
        let rig = try Rig(file: #"{"mcpServers":{\#(servers)},"restart":{"spawnsPerSecond":2,"spawnBurst":4}}"#)
        #expect(rig.workers.count == 4)
        rig.advance(.seconds(1))
        #expect(rig.workers.count == 6)
        let client = try rig.connect()
        client.send(
            RigText.post(
                RigText.modernBody("tools/call", params: #""name":"t","#), RigText.modernHeaders("tools/call", name: "t"),
                path: "/servers/s9/mcp"))
        rig.advance(.seconds(2))
        #expect(rig.workers.count == 10)
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().status == 200)
    }

    // MARK: Handshake

    @Test(arguments: [
        #"{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"no"}}"#,
        #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2030-01-01","capabilities":{},"serverInfo":{}}}"#,
        #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":7,"capabilities":{},"serverInfo":{}}}"#,
        #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2026-07-28","capabilities":{},"serverInfo":{}}}"#,
        #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}"#,
        #"{"jsonrpc":"2.0","id":0,"result":{}}"#,
    ])
    func `a worker with an unusable handshake is ended and counts as dead`(answer: String) throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        try rig.worker.write(answer)
        #expect(try rig.worker.signals == [.terminate])
        #expect(rig.logged("a worker cannot be used"))
        try rig.worker.die(.exited(0))
        rig.advance(.seconds(1))
        #expect(rig.workers.count == 2)
    }

    @Test func `a worker that does not finish its handshake in time is ended`() throws {
        let rig = try Rig(.legacy, workers: #""startTimeout":"5s""#, starting: false)
        rig.handshakes = false
        rig.start()
        try rig.worker.write("Welcome to the server!")
        try rig.worker.write(#"{"jsonrpc":"2.0","id":5,"result":{}}"#)
        rig.advance(.milliseconds(4_999))
        #expect(try rig.worker.signals.isEmpty)
        rig.advance(.milliseconds(1))
        #expect(try rig.worker.signals == [.terminate])
        rig.advance(.seconds(2))
        #expect(try rig.worker.signals == [.terminate, .kill])
    }

    @Test func `a legacy worker is initialized once, and told so before any call`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        _ = try rig.send(RigText.modernCall())
        let initialize = try rig.worker.next()
        #expect(initialize["method"] == "initialize" && initialize["params"]?["protocolVersion"] == "2025-11-25")
        #expect(try rig.worker.isSilent)
        try rig.worker.answerHandshake(initialize)
        rig.settle()
        #expect(try rig.worker.next()["method"] == "notifications/initialized")
        #expect(try rig.worker.next()["method"] == "tools/call")
    }

    @Test func `a worker that was stopped while it was being started is told again`() throws {
        let rig = try Rig(starting: false)
        rig.spawning = .byHand
        rig.start()
        rig.drain()
        #expect(rig.count(.closeWorkerInput(try rig.worker.key)) == 1)
        try rig.worker.spawnedLate()
        #expect(rig.count(.closeWorkerInput(try rig.worker.key)) == 2)
        #expect(try rig.worker.isSilent)
        try rig.worker.die(.exited(0))
        #expect(rig.exitStatus == 0)
    }

    // MARK: Queue

    @Test func `calls beyond the concurrency wait their turn, beyond the queue they are refused`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1,"queue":2"#)
        let clients = try (1...3).map { try rig.send(RigText.modernCall(id: "\($0)")) }
        let refused = try rig.ask(RigText.modernCall(id: "4"))
        #expect(refused.status == 503 && refused["retry-after"] == "1" && refused.code == -32603 && refused.json["id"] == 4)
        #expect(refused.keepsAlive)
        for (index, client) in clients.enumerated() {
            let request = try rig.worker.request()
            #expect(try rig.worker.isSilent)
            try rig.worker.answer(request)
            #expect(try client.reply().json["id"] == .integer(Int64(index + 1)))
        }
        #expect(rig.machine.servers[0].queuedBytes == 0)
    }

    @Test func `without a queue a free worker still takes calls`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":1,"queue":0"#)
        let first = try rig.send(RigText.modernCall())
        #expect(try rig.ask(RigText.modernCall()).status == 503)
        try rig.worker.answer(try rig.worker.request())
        #expect(try first.reply().status == 200)
        _ = try rig.send(RigText.modernCall())
        #expect(try !rig.worker.isSilent)
    }

    @Test func `the bytes that wait for a worker have a limit`() throws {
        let rig = try Rig(.legacy, workers: #""concurrency":2,"queueBytes":"30K""#)
        try rig.worker.forgetLines()
        try rig.worker.window = 0
        func call(_ count: Int) -> String { RigText.modernCall(arguments: #"{"a":"\#(String(repeating: "x", count: count))"}"#) }
        let straight = try rig.send(call(50_000))
        #expect(!straight.hasReply, "into an empty channel a call fits, however large")
        #expect(try rig.ask(RigText.modernCall()).status == 503)
        try rig.worker.read(100_000)
        let second = try rig.send(RigText.modernCall())
        #expect(try rig.worker.lines.count == 2)
        #expect(try rig.ask(call(50_000)).status == 503, "it would have to wait, and is too large for that")
        let waiting = try rig.send(call(20_000))
        #expect(!waiting.hasReply)
        #expect(rig.machine.servers[0].queuedBytes > 20_000)
        let refused = try rig.ask(call(20_000))
        #expect(refused.status == 503 && refused["retry-after"] == "1" && refused.code == -32603)
        waiting.reset()
        #expect(rig.machine.servers[0].queuedBytes == 0)
        let again = try rig.send(call(20_000))
        #expect(!again.hasReply && !second.hasReply)
    }

    @Test func `what is in the channel of a living worker counts as delivered`() throws {
        let rig = try Rig(.legacy, workers: #""callTimeout":"5s""#)
        rig.knowsTools()
        try rig.worker.window = 0
        let client = try rig.send(RigText.modernCall())
        rig.advance(.seconds(5))
        #expect(try client.reply().json["error"]?["data"] == ["delivered": true])
    }

    @Test func `a worker that does not read gets no more than its backlog, and the rest when it does`() throws {
        let rig = try Rig()
        rig.knowsTools()
        try rig.worker.forgetLines()
        try rig.worker.window = 0
        let body = String(repeating: "x", count: 600_000)
        for id in 1...4 { _ = try rig.send(RigText.modernCall(id: "\(id)", arguments: #"{"a":"\#(body)"}"#)) }
        let key = try rig.worker.key
        #expect(rig.machine.workers[key].unsentBytes < 1_300_000)
        #expect(rig.machine.servers[0].queue.count == 2)
        try rig.worker.read(10_000_000)
        #expect(try rig.worker.lines.count == 4)
    }

    @Test func `all calls together have a limit`() throws {
        let rig = try Rig(.legacy, #""limits":{"calls":2}"#)
        for _ in 0..<2 { _ = try rig.send(RigText.modernCall()) }
        let refused = try rig.ask(RigText.modernCall())
        #expect(refused.status == 503 && refused["retry-after"] == "1")
    }

    // MARK: Misbehaviour

    @Test func `garbage, foreign and repeated answers harm nobody`() throws {
        let rig = try Rig(.legacy, #""limits":{"message":"1K"}"#)
        let client = try rig.send(RigText.modernCall(id: "1"))
        let request = try rig.worker.request()
        for line in ["", "hello", "{", "[]", "5", "{}", #"{"jsonrpc":"2.0"}"#, String(repeating: "x", count: 5_000)] {
            try rig.worker.write(line)
        }
        for id in ["1", "0", "-1", #""x""#, "9007199254740991", "99999999"] {
            try rig.worker.write(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
        }
        try rig.worker.write(#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#)
        #expect(!client.hasReply)
        try rig.worker.answer(request, #"{"n":1}"#)
        try rig.worker.answer(request, #"{"n":2}"#)
        #expect(try client.reply().json["result"]?["n"] == 1)
        #expect(!client.hasReply)
        let next = try rig.send(RigText.modernCall(id: "2"))
        let second = try rig.worker.request()
        #expect(second["id"] != request["id"])
        try rig.worker.answer(request, #"{"n":3}"#)
        #expect(!next.hasReply)
        #expect(rig.machine.counters.strayAnswers == 9)
        try rig.worker.answer(second)
        #expect(try next.reply().status == 200)
    }

    @Test func `an answer that is too long fails its call at once when it is the only one`() throws {
        let rig = try Rig(.legacy, #""limits":{"message":"1K"}"#)
        let client = try rig.send(RigText.modernCall(id: "1"))
        let request = try rig.worker.request()
        try rig.worker.answer(request, #"{"a":"\#(String(repeating: "x", count: 2_000))"}"#)
        #expect(try client.reply().code == -32603)
        try rig.worker.answer(request)
        #expect(!client.hasReply && rig.callCount == 0)
        let several = try (1...2).map { try rig.send(RigText.modernCall(id: "\($0)")) }
        try rig.worker.answer(try rig.worker.request(), #"{"a":"\#(String(repeating: "x", count: 2_000))"}"#)
        try rig.worker.answer(try rig.worker.request())
        #expect(!several[0].hasReply)
        #expect(try several[1].reply().json["result"] != nil)
    }

    @Test func `lines may be torn and merged in any way`() throws {
        let rig = try Rig()
        let clients = try (1...3).map { try rig.send(RigText.modernCall(id: "\($0)")) }
        let text = try (1...3).map { _ in
            #"{"jsonrpc":"2.0","id":\#(try rig.worker.request()["id"] ?? .null),"result":{}}"# + "\r\n\n"
        }.joined()
        for byte in text.utf8.dropLast(60) { try rig.worker.writeRaw(String(UnicodeScalar(byte))) }
        try rig.worker.writeRaw(String(decoding: text.utf8.suffix(60), as: UTF8.self))
        for client in clients { #expect(try client.reply().status == 200) }
    }

    @Test func `a ping of a legacy worker is answered, other requests are refused`() throws {
        let rig = try Rig()
        try rig.worker.forgetLines()
        try rig.worker.write(#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#)
        #expect(try rig.worker.nextLine() == #"{"jsonrpc":"2.0","id":"p","result":{}}"#)
        for method in ["roots/list", "sampling/createMessage", "elicitation/create", "no/such"] {
            try rig.worker.write(#"{"jsonrpc":"2.0","id":7,"method":"\#(method)","params":{}}"#)
            let answer = try rig.worker.next()
            #expect(answer["id"] == 7 && answer["error"]?["code"] == -32601)
        }
    }

    @Test func `requests of a modern worker are not answered, for there are none`() throws {
        let rig = try Rig(.modern)
        try rig.worker.write(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
        #expect(try rig.worker.isSilent)
    }

    @Test func `a worker that asks without reading is not answered without limit`() throws {
        let rig = try Rig()
        try rig.worker.window = 0
        let flood = String(repeating: #"{"jsonrpc":"2.0","id":1,"method":"ping"}"# + "\n", count: 1_000)
        for _ in 0..<100 { try rig.worker.writeRaw(flood) }
        let key = try rig.worker.key
        #expect(rig.machine.workers[key].unsentBytes < 1_100_000)
    }

    // MARK: Logging

    private static func message(_ level: String, _ text: String = "m", meta: String = "") -> String {
        #"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"\#(level)","data":"\#(text)"\#(meta)}}"#
    }

    @Test func `a modern call gets the levels it asked for, and none without asking`() throws {
        let rig = try Rig()
        let silent = try rig.send(RigText.modernCall())
        let first = try rig.worker.request()
        try rig.worker.write(Self.message("emergency"))
        #expect(!silent.hasReply)
        try rig.worker.answer(first)
        let wants = try rig.send(RigText.modernCall(meta: #""io.modelcontextprotocol/logLevel":"warning","#))
        #expect(try rig.worker.next()["params"]?["level"] == "warning", "the worker is told before it gets the call")
        let request = try rig.worker.request()
        for level in ["debug", "notice", "warning", "error", "loud"] { try rig.worker.write(Self.message(level)) }
        try rig.worker.answer(request)
        #expect(try wants.reply().events.compactMap { $0["params"]?["level"] } == ["warning", "error"])
        let again = try rig.send(RigText.modernCall(meta: #""io.modelcontextprotocol/logLevel":"error","#))
        #expect(try rig.worker.next()["method"] == "tools/call")
        again.reset()
    }

    @Test func `a line is only passed on when its call is certain`() throws {
        let rig = try Rig()
        let meta = #""io.modelcontextprotocol/logLevel":"debug","#
        let clients = [
            try rig.send(RigText.modernCall(id: "1", meta: meta)), try rig.send(RigText.modernCall(id: "2", meta: meta)),
        ]
        let requests = [try rig.worker.request(), try rig.worker.request()]
        try rig.worker.write(Self.message("error", "whose"))
        for client in clients { #expect(!client.hasReply) }
        try rig.worker.write(
            Self.message("error", "named", meta: #","_meta":{"io.mcp-supervisor/relatedRequest":\#(requests[1]["id"] ?? .null)}"#)
        )
        #expect(!clients[0].hasReply)
        #expect(try clients[1].reply().text.contains(#""params":{"level":"error","data":"named"}"#))
        try rig.worker.write(Self.message("error", "lost", meta: #","_meta":{"io.mcp-supervisor/relatedRequest":77}"#))
        clients[0].reset()
        try rig.worker.write(Self.message("error", "late"))
        #expect(try clients[1].reply().events.count == 1, "it may be about the call that was taken away")
        try rig.worker.answer(requests[0])
        try rig.worker.write(Self.message("error", "mine"))
        #expect(try clients[1].reply().events.count == 2)
    }

    @Test func `a legacy worker has the most verbose level that any session wants, also after its restart`() throws {
        let rig = try Rig()
        let sessions = [try rig.session(), try rig.session()]
        try rig.worker.forgetLines()
        func set(_ session: String, _ level: String) throws {
            #expect(
                try rig.ask(RigText.legacy("logging/setLevel", session: session, params: #"{"level":"\#(level)"}"#)).text
                    == #"{"jsonrpc":"2.0","id":1,"result":{}}"#)
        }
        try set(sessions[0], "error")
        #expect(try rig.worker.next()["params"]?["level"] == "error")
        try set(sessions[1], "info")
        #expect(try rig.worker.next()["params"]?["level"] == "info")
        try set(sessions[0], "warning")
        #expect(try rig.worker.isSilent)
        _ = try rig.ask(RigText.request("DELETE", "/mcp", [("Mcp-Session-Id", sessions[1])]))
        #expect(try rig.worker.next()["params"]?["level"] == "warning")
        try rig.worker.die()
        rig.advance(.seconds(1))
        #expect(try rig.worker.next()["method"] == "notifications/initialized")
        #expect(try rig.worker.next()["params"]?["level"] == "warning")
        let call = try rig.send(RigText.legacyCall(session: sessions[0]))
        let request = try rig.worker.request()
        for level in ["info", "warning"] { try rig.worker.write(Self.message(level)) }
        try rig.worker.answer(request)
        #expect(try call.reply().events.compactMap { $0["params"]?["level"] } == ["warning"])
    }
}
