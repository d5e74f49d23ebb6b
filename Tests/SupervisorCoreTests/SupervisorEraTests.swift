import Base
import MCP
import Testing
import Wire

@testable import SupervisorCore

/// Servers whose era is found out, and what clients notice of it.
@Suite struct SupervisorEraTests {
    private static func rig(_ members: String = "", settings: String = "") throws -> Rig {
        let rig = try Rig(
            file: #"{"mcpServers":{"only":{"command":"/bin/server"\#(members)}}\#(settings)}"#, starting: false)
        rig.handshakes = false
        rig.start()
        return rig
    }

    private static func remembered(_ rig: Rig) -> [RememberedEra?] {
        rig.effects.compactMap { if case .rememberEra(_, let era) = $0 { .some(era) } else { nil } }
    }

    private static func error(_ code: Int, _ data: String = "") -> String {
        #"{"jsonrpc":"2.0","id":0,"error":{"code":\#(code),"message":"no"\#(data)}}"#
    }

    /// Ends the probe and answers the `initialize` of the worker after it.
    private static func becomeLegacy(_ rig: Rig) throws {
        try rig.worker.exit()
        try rig.worker.endOutput()
        let worker = try rig.worker
        let initialize = try worker.next()
        #expect(initialize["method"] == "initialize")
        worker.answerHandshake(initialize)
        rig.settle()
        #expect(try worker.next()["method"] == "notifications/initialized")
    }

    @Test func `a modern probe becomes the worker, and its verdict is remembered`() throws {
        let rig = try Self.rig()
        let discover = try rig.worker.next()
        #expect(discover["method"] == "server/discover" && discover["id"] == 0)
        let client = try rig.send(RigText.modernCall())
        #expect(rig.workers.count == 1 && !client.hasReply)
        try rig.worker.answerHandshake(discover)
        rig.settle()
        #expect(rig.workers.count == 1 && rig.effects.contains(.ready))
        #expect(Self.remembered(rig) == [RememberedEra(era: .modern, until: 1_000_000_000 + 7 * 86_400)])
        let lines = [try rig.worker.next(), try rig.worker.next()]
        #expect(lines.map { $0["method"] } == ["subscriptions/listen", "tools/call"])
        #expect(lines[1]["params"]?["_meta"]?["io.modelcontextprotocol/protocolVersion"] == "2026-07-28")
        try rig.worker.answer(lines[1])
        #expect(try client.reply().status == 200)
    }

    @Test func `a legacy answer ends the probe, and the calls wait for the worker after it`() throws {
        let rig = try Self.rig()
        _ = try rig.worker.next()
        let client = try rig.send(RigText.modernCall())
        try rig.worker.write(Self.error(-32601))
        #expect(try rig.worker.isInputClosed && rig.workers.count == 1, "never two processes at once")
        try Self.becomeLegacy(rig)
        #expect(Self.remembered(rig) == [RememberedEra(era: .legacy, until: 1_000_000_000 + 7 * 86_400)])
        let call = try rig.worker.request()
        #expect(call["method"] == "tools/call" && call["params"]?["_meta"] == nil)
        try rig.worker.answer(call)
        #expect(try client.reply().status == 200)
    }

    @Test func `a server that dies of the question is a legacy one, and its death counts for nothing`() throws {
        let rig = try Self.rig()
        try rig.worker.die(.exited(1))
        #expect(rig.workers.count == 2)
        let initialize = try rig.worker.next()
        #expect(initialize["method"] == "initialize")
        #expect(Self.remembered(rig).isEmpty, "nothing has shown it right yet")
        try rig.worker.answerHandshake(initialize)
        rig.settle()
        #expect(Self.remembered(rig).count == 1 && rig.machine.servers[0].deaths == 0)
    }

    @Test func `a server that says nothing is waited for ten seconds and then ended`() throws {
        let rig = try Self.rig()
        rig.advance(.milliseconds(9_999))
        #expect(try !rig.worker.isInputClosed)
        rig.advance(.milliseconds(1))
        #expect(try rig.worker.isInputClosed)
        rig.advance(.milliseconds(500))
        #expect(try rig.worker.signals == [.terminate])
        rig.advance(.milliseconds(500))
        #expect(try rig.worker.signals == [.terminate, .kill])
        try Self.becomeLegacy(rig)
    }

    @Test func `an answer that is no valid one is no modern one`() throws {
        let rig = try Self.rig()
        _ = try rig.worker.next()
        try rig.worker.write(#"{"jsonrpc":"2.0","id":0,"error":"no"}"#)
        try Self.becomeLegacy(rig)
    }

    @Test func `a call that a worker of the wrong era refused is answered, and the worker replaced by a probe`() throws {
        let rig = try Self.rig()
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        rig.handshakes = true
        let client = try rig.send(RigText.modern("tools/list"))
        rig.handshakes = false
        let listen = try rig.worker.next()
        #expect(listen["method"] == "subscriptions/listen")
        try rig.worker.refuse(try rig.worker.next(), code: -32022, data: #"{"supported":["2025-11-25"]}"#)
        #expect(try rig.worker.isInputClosed && !client.hasReply && Self.remembered(rig).last == .some(nil))
        try rig.worker.die(.exited(0))
        rig.advance(.seconds(1))
        #expect(try rig.worker.next()["method"] == "server/discover")
        try rig.worker.write(Self.error(-32601))
        try Self.becomeLegacy(rig)
        let list = try rig.worker.request()
        #expect(list["method"] == "tools/list" && list["params"]?["_meta"] == nil)
        try rig.worker.answer(list, #"{"tools":[]}"#)
        #expect(try client.reply().json["result"]?["resultType"] == "complete")
    }

    @Test func `lines beside the answer and another's answer decide nothing`() throws {
        let rig = try Self.rig()
        let discover = try rig.worker.next()
        for line in ["Starting", #"{"jsonrpc":"2.0","id":9,"result":{}}"#, #"{"jsonrpc":"2.0","id":"p","method":"ping"}"#] {
            try rig.worker.write(line)
        }
        #expect(try !rig.worker.isInputClosed && rig.worker.isSilent)
        try rig.worker.answerHandshake(discover)
        rig.settle()
        #expect(rig.effects.contains(.ready))
    }

    @Test func `a modern server that was too slow is probed again when it refuses initialize`() throws {
        let rig = try Self.rig()
        rig.advance(.seconds(11))
        try rig.worker.die(.signalled(9))
        #expect(try rig.worker.next()["method"] == "initialize")
        try rig.worker.write(Self.error(-32022, #","data":{"supported":["2026-07-28"]}"#))
        #expect(try rig.worker.isInputClosed)
        #expect(Self.remembered(rig) == [nil])
        try rig.worker.die(.exited(0))
        let discover = try rig.worker.next()
        #expect(discover["method"] == "server/discover" && rig.workers.count == 3)
        try rig.worker.answerHandshake(discover)
        rig.settle()
        #expect(rig.effects.contains(.ready))
    }

    @Test func `a server that refuses everything is probed twice and then left to the restart policy`() throws {
        let rig = try Self.rig()
        for expected in ["server/discover", "initialize", "server/discover", "initialize"] {
            #expect(try rig.worker.next()["method"] == .string(expected))
            try rig.worker.write(Self.error(-32000))
            try rig.worker.die(.exited(0))
        }
        #expect(rig.logged("a worker cannot be used"))
        rig.advance(.seconds(1))
        #expect(try rig.worker.next()["method"] == "initialize")
    }

    @Test func `a configured era is not asked for`() throws {
        #expect(try Self.rig(#","era":"legacy""#).worker.next()["method"] == "initialize")
        let rig = try Self.rig(#","era":"modern""#)
        try rig.worker.write(Self.error(-32601))
        #expect(rig.logged("a worker cannot be used") && Self.remembered(rig).isEmpty)
    }

    @Test func `a drain ends a probe`() throws {
        let rig = try Self.rig()
        let client = try rig.send(RigText.modernCall())
        rig.drain()
        rig.advance(.seconds(20))
        let reply = try client.reply()
        #expect((reply.events.last ?? reply.json)["error"]?["code"] == -32603)
        try rig.worker.die(.signalled(15))
        #expect(rig.exitStatus == 0 && rig.workers.count == 1)
    }

    @Test func `a call that waits is moved to a worker that was told what its client can do`() throws {
        let rig = try Self.rig()
        let meta =
            #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}"#
        let body = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{},"_meta":{\#(meta)}}}"#
        let client = try rig.send(RigText.post(body, RigText.modernHeaders("tools/call", name: "t")))
        try rig.worker.write(Self.error(-32601))
        try Self.becomeLegacy(rig)
        #expect(rig.workers.count == 3)
        let initialize = try rig.worker.next()
        #expect(initialize["params"]?["capabilities"]?["sampling"] != nil)
        try rig.worker.answerHandshake(initialize)
        rig.settle()
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().status == 200)
    }

    @Test func `a session that waited for the verdict gets a worker that was told what its client can do`() throws {
        let rig = try Self.rig()
        let client = try rig.send(RigText.initialize(capabilities: #"{"sampling":{}}"#))
        try rig.worker.write(Self.error(-32601))
        try Self.becomeLegacy(rig)
        #expect(rig.workers.count == 3 && !client.hasReply)
        let initialize = try rig.worker.next()
        #expect(initialize["params"]?["capabilities"] == ["sampling": [:]])
        try rig.worker.answerHandshake(initialize)
        rig.settle()
        #expect(try client.reply().status == 200)
    }

    @Test(arguments: [nil, "error"])
    func `a session that set no level hears a modern server all the same`(level: String?) throws {
        let rig = try Self.rig(#","era":"modern""#)
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        try rig.worker.forgetLines()
        let session = try rig.session()
        if let level {
            _ = try rig.ask(RigText.legacy("logging/setLevel", session: session, params: #"{"level":"\#(level)"}"#))
        }
        _ = try rig.send(RigText.legacyCall(session: session))
        let meta = try rig.worker.request()["params"]?["_meta"]
        #expect(meta?["io.modelcontextprotocol/logLevel"] == .string(level ?? "info"))
    }

    // MARK: List changes

    @Test func `changes come on a subscription of our own, which is renewed`() throws {
        let rig = try Self.rig(#","era":"modern""#)
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        let listen = try rig.worker.next()
        #expect(listen["id"] == "changes-1" && listen["params"]?["notifications"]?["toolsListChanged"] == true)
        let client = try rig.send(
            RigText.modern("subscriptions/listen", params: #""notifications":{"toolsListChanged":true},"#))
        func acknowledge(_ id: String) throws {
            try rig.worker.write(
                #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{},"_meta":{"io.modelcontextprotocol/subscriptionId":"\#(id)"}}}"#
            )
        }
        try acknowledge("changes-1")
        #expect(try client.reply().events.count == 1)
        try rig.worker.write(
            #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"changes-1"}}}"#
        )
        #expect(try client.reply().events.count == 2)
        try rig.worker.write(#"{"jsonrpc":"2.0","id":"changes-1","result":{"resultType":"complete"}}"#)
        rig.advance(.milliseconds(500))
        #expect(try rig.worker.next()["id"] == "changes-2")
        try acknowledge("changes-2")
        #expect(try client.reply().events.count == 3, "what changed in between nobody knows")
        #expect(rig.machine.counters.strayAnswers == 0)
    }
}
