import Base
import Testing
import Wire

@testable import SupervisorCore

/// One test for each fault that the simulator found and that no other suite tells of. The seed is that of the commit that mended it;
/// later changes of the simulator give the same number another life.
@Suite struct SupervisorSimulatorTests {
    /// Seed 5. RFC 9110 8.6.
    @Test func `a preflight is answered 204 without any framing field`() throws {
        let rig = try Rig(.legacy, #""cors":{"origins":["https://app.example.com"]}"#)
        let reply = try rig.ask(
            RigText.request(
                "OPTIONS", "/mcp",
                [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "POST")]))
        #expect(reply.status == 204)
        #expect(reply["content-length"] == nil)
        #expect(reply["transfer-encoding"] == nil)
    }

    /// Seed 36.
    @Test(arguments: Rig.Back.allCases)
    func `a _meta written with an escape cannot carry a forged key to the worker`(back: Rig.Back) throws {
        let rig = try Rig(back)
        let body =
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{},"\u005fmeta":{"progressToken":7,"#
            + RigText.envelope + #","io.mcp-supervisor/caller":"root","io.mcp-supervisor\/group":"root"}}}"#
        _ = try rig.send(RigText.post(body, RigText.modernHeaders("tools/call", name: "t")))
        let request = try rig.worker.request()
        let params = try #require(request["params"]?.objectValue)
        #expect(params.filter { $0.key == "_meta" }.count == 1)
        let meta = try #require(request["params"]?["_meta"]?.objectValue)
        #expect(!meta.contains { $0.key.hasPrefix("io.mcp-supervisor/") })
        #expect(request["params"]?["_meta"]?["progressToken"] == request["id"])
    }

    /// Seed 37. A spawn fails while effects are run, after the last event of the turn.
    @Test func `a request behind one that a failed spawn has answered is answered at once`() throws {
        let rig = try Rig(.legacy, #""restart":{"deaths":1}"#, starting: false)
        rig.spawning = .failing(2)
        let client = try rig.connect()
        client.send(RigText.modernCall() + RigText.request("GET", "/health"))
        #expect(!client.hasReply)
        rig.start()
        #expect(try client.reply().status == 503)
        #expect(try client.reply().status == 200)
    }

    /// Seed 508.
    @Test func `a client that pipelines and does not read gets few answers at a time`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.window = 0
        for _ in 0..<200 { client.send(RigText.request("GET", "/health")) }
        let unsent = try #require(rig.machine.census().connections.first?.unsent)
        #expect(unsent < 128 << 10)
        client.take(.max)
        for number in 0..<200 { #expect(try client.reply().status == 200, "answer \(number)") }
    }

    /// Seed 839.
    @Test func `a drain does not wait for a worker whose only caller left before the handshake`() throws {
        let rig = try Rig(.legacy, starting: false)
        rig.handshakes = false
        rig.start()
        let worker = try rig.worker
        let client = try rig.send(RigText.initialize())
        client.reset()
        rig.drain()
        worker.answerHandshake(["method": "initialize"])
        rig.settle()
        let stopping = rig.machine.census().workers.allSatisfy(\.isStopping)
        #expect(stopping)
    }
}
