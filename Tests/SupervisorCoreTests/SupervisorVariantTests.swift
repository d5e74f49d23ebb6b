import Base
import Testing
import Wire

@testable import SupervisorCore

/// Workers for clients that differ in what they can do.
@Suite struct SupervisorVariantTests {
    private static let some = [
        #"{"roots":{}}"#, #"{"sampling":{}}"#, #"{"elicitation":{"form":{}}}"#, #"{"elicitation":{"url":{}}}"#,
        #"{"roots":{},"sampling":{}}"#, #"{"roots":{},"elicitation":{}}"#, #"{"sampling":{},"elicitation":{}}"#,
    ]

    @Test func `clients that can do the same share a worker, which is told exactly that`() throws {
        let rig = try Rig()
        rig.handshakes = false
        let client = try rig.send(RigText.initialize(capabilities: #"{"roots":{}}"#))
        #expect(rig.workers.count == 2)
        let message = try rig.worker.next()
        #expect(message["params"]?["capabilities"] == ["roots": [:]])
        #expect(!client.hasReply, "who answers is not known yet")
        try rig.worker.answerHandshake(message)
        rig.settle()
        #expect(try client.reply().status == 200)
        rig.handshakes = true
        _ = try rig.session(capabilities: #"{"roots":{"listChanged":true}}"#)
        _ = try rig.send(RigText.askable(capabilities: #"{"roots":{}}"#))
        #expect(rig.workers.count == 2)
        _ = try rig.session()
        #expect(rig.workers.count == 2)
    }

    @Test func `a client is told what its own variant offers`() throws {
        let rig = try Rig()
        rig.capabilities = #"{"tools":{},"prompts":{}}"#
        let reply = try rig.ask(RigText.initialize(capabilities: RigInput.all))
        #expect(reply.json["result"]?["capabilities"]?["logging"] == nil)
        #expect(try rig.ask(RigText.initialize()).json["result"]?["capabilities"]?["logging"] == [:])
    }

    @Test func `there are only so many, and who comes later shares one that was told less`() throws {
        let rig = try Rig()
        for capabilities in Self.some { _ = try rig.session(capabilities: capabilities) }
        #expect(rig.workers.count == Server.variantsMax)
        let session = try rig.session(capabilities: RigInput.all)
        #expect(rig.workers.count == Server.variantsMax)
        for worker in rig.workers { worker.forgetLines() }
        _ = try rig.send(RigText.legacyCall(session: session))
        let used = try #require(rig.workers.first { !$0.isSilent })
        #expect([4, 5, 6].contains(rig.machine.workers[used.key].server - 1), "one that was told most of what it can do")
    }

    @Test func `a modern worker needs no variants`() throws {
        let rig = try Rig(.modern)
        _ = try rig.session(capabilities: RigInput.all)
        _ = try rig.send(RigText.askable())
        #expect(rig.workers.count == 1)
    }

    @Test func `one that nobody has needed for a while is ended, and started when somebody does`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.askable())
        let worker = try rig.worker
        worker.answer(try worker.request(), #"{"content":[]}"#)
        _ = try client.reply()
        rig.advance(.seconds(601))
        #expect(worker.isInputClosed && worker.signals.isEmpty)
        worker.die(.exited(0))
        #expect(rig.workers.count == 2 && rig.workerCount == 1, "it is not started again")
        let health = try rig.ask(RigText.request("GET", "/health"))
        #expect(health.json["workers"]?["total"] == 1 && health.json["status"] == "healthy")
        let again = try rig.send(RigText.askable())
        #expect(rig.workers.count == 3)
        try rig.worker.answer(try rig.worker.request(), #"{"content":[]}"#)
        #expect(try again.reply().status == 200)
        rig.advance(.seconds(1_300))
        #expect(try rig.worker.isInputClosed)
    }

    @Test func `one with a session, a running call or a parked one stays`() throws {
        let rig = try Rig(workers: #""callTimeout":"1h""#, #""limits":{"inputTimeout":"1h","sessionIdle":"1h"}"#)
        _ = try rig.session(capabilities: #"{"roots":{}}"#)
        let first = try rig.worker
        _ = try rig.send(RigText.askable(capabilities: #"{"sampling":{}}"#))
        let second = try rig.worker
        _ = try rig.parked()
        let third = try rig.worker
        rig.advance(.seconds(2_000))
        for worker in [first, second, third] { #expect(!worker.isInputClosed) }
    }

    @Test func `a client that comes while one is ending waits for the next`() throws {
        let rig = try Rig()
        _ = try rig.ask(RigText.askable(params: #""requestState":"none","#))
        let client = try rig.send(RigText.askable())
        let worker = try rig.worker
        worker.answer(try worker.request(), #"{"content":[]}"#)
        _ = try client.reply()
        rig.advance(.seconds(601))
        let late = try rig.send(RigText.askable())
        #expect(worker.lines.isEmpty)
        worker.die(.exited(0))
        try rig.worker.answer(try rig.worker.request(), #"{"content":[]}"#)
        #expect(try late.reply().status == 200)
    }

    @Test func `the place of one that is not needed goes to other clients`() throws {
        let rig = try Rig()
        for capabilities in Self.some {
            let client = try rig.send(RigText.askable(capabilities: capabilities))
            try rig.worker.answer(try rig.worker.request(), #"{"content":[]}"#)
            _ = try client.reply()
        }
        rig.advance(.seconds(601))
        for worker in rig.workers.dropFirst() { worker.die(.exited(0)) }
        let client = try rig.send(RigText.askable())
        #expect(rig.workers.count == Server.variantsMax + 1)
        try rig.worker.answer(try rig.worker.request(), #"{"content":[]}"#)
        #expect(try client.reply().status == 200)
        #expect(rig.machine.servers.count == Server.variantsMax)
    }

    @Test func `a change of lists of any variant is told to the clients of all`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let stream = try rig.send(RigText.get(session: session))
        _ = try rig.session(capabilities: RigInput.all)
        try rig.worker.write(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        #expect(try stream.reply().events.last?["method"] == "notifications/tools/list_changed")
    }
}
