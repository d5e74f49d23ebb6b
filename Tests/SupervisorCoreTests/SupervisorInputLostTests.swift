import Base
import Testing
import Wire

@testable import SupervisorCore

/// A worker that closes its stdin, or answers nobody any more.
@Suite struct SupervisorInputLostTests {
    @Test func `it gets no more calls, may answer those that it has, and is replaced`() throws {
        let rig = try Rig(.legacy)
        let first = try rig.send(RigText.modernCall(id: "1"))
        let request = try rig.worker.request()
        let deaf = try rig.worker
        rig.machine.workerInputLost(deaf.key, at: rig.now)
        rig.settle()
        #expect(deaf.isInputClosed)
        let second = try rig.send(RigText.modernCall(id: "2"))
        deaf.answer(request)
        #expect(try first.reply().status == 200)
        #expect(deaf.signals == [])
        rig.advance(.seconds(2))
        #expect(deaf.signals == [.terminate])
        deaf.exit(.signalled(15))
        rig.advance(.seconds(1))
        #expect(rig.workers.count == 2)
        try rig.worker.answer(try rig.worker.request())
        #expect(try second.reply().json["id"] == 2)
    }

    @Test func `news of that which comes late, or twice, changes nothing`() throws {
        let rig = try Rig()
        let worker = try rig.worker
        rig.machine.workerInputLost(worker.key, at: rig.now)
        rig.machine.workerInputLost(worker.key, at: rig.now)
        rig.settle()
        #expect(rig.count(.closeWorkerInput(worker.key)) == 1)
        worker.exit(.exited(0))
        rig.machine.workerInputLost(worker.key, at: rig.now)
        rig.settle()
        rig.advance(.minutes(1))
        #expect(rig.workers.count == 2)
    }

    @Test func `clients are told when a server failed for good`() throws {
        let rig = try Rig(starting: false)
        rig.handshakes = false
        rig.start()
        try rig.worker.die(.exited(78))
        let reply = try rig.send(RigText.modernCall(id: "1")).reply()
        #expect(reply.status == 503)
        #expect(reply.json["error"]?["message"]?.stringValue?.contains("failed for good") == true)
    }
}
