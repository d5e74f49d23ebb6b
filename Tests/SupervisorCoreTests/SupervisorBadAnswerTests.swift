import Base
import Testing
import Wire

@testable import SupervisorCore

/// Answers of workers that no client can be given.
@Suite struct SupervisorBadAnswerTests {
    @Test(arguments: [
        #""result":null"#, #""result":1"#, #""result":{},"error":{"code":1,"message":"x"}"#, #""error":{}"#,
        #""error":{"code":1.5,"message":"x"}"#,
    ])
    func `an answer that is not valid fails its call at once`(answer: String) throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(id: "\"a\""))
        let id = try #require(try rig.worker.request()["id"])
        try rig.worker.write(#"{"jsonrpc":"2.0","id":\#(id),\#(answer)}"#)
        let reply = try client.reply()
        #expect(reply.status == 200 && reply.code == -32603 && reply.json["id"] == "a")
        #expect(rig.callCount == 0)
        try rig.worker.write(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
        #expect(!client.hasReply, "the call has had its answer")
    }

    private static let told: StaticString = "a worker gave too many answers that nobody had asked for and is replaced"

    @Test func `a worker that answers what nobody asked is replaced, and what it runs it may answer`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall())
        let worker = try rig.worker
        let request = try worker.request()
        for id in 0..<99 { worker.write(#"{"jsonrpc":"2.0","id":\#(900_000 + id),"result":{}}"#) }
        #expect(!worker.isInputClosed && !rig.logged(Self.told))
        for _ in 0..<50 { worker.write(#"{"jsonrpc":"2.0","id":"x","result":{}}"#) }
        #expect(worker.isInputClosed && rig.logged(Self.told))
        let late = try rig.send(RigText.modernCall(id: "2"))
        #expect(worker.isSilent, "it gets no more calls")
        worker.answer(request)
        #expect(try client.reply().status == 200)
        worker.die(.exited(0))
        #expect(rig.workers.count == 2)
        try rig.worker.answer(try rig.worker.request())
        #expect(try late.reply().status == 200)
    }

    @Test func `late answers to calls that were taken back are no fault`() throws {
        let rig = try Rig()
        let worker = try rig.worker
        for _ in 0..<150 {
            let client = try rig.send(RigText.modernCall())
            let request = try worker.request()
            client.end()
            _ = try worker.next()
            worker.answer(request)
        }
        #expect(!worker.isInputClosed && rig.machine.counters.strayAnswers == 150)
        #expect(rig.machine.workers[worker.key].strayAnswers == 0)
    }
}
