import Base
import SupervisorCore

/// One worker process as the kernel sees it: two pipes, a life and an exit status.
final class SimProcess {
    let key: WorkerKey
    let server: Int
    let pid: Int32
    /// To the worker.
    var input: ByteQueue
    /// From the worker.
    var output: ByteQueue
    /// The supervisor closed its end of `input`.
    var inputEnded = false
    /// The worker closed its end of `output`, or is gone.
    var outputClosed = false
    var exit: WorkerExit?
    // What the driver keeps beside the descriptors; as in the reactor's `WorkerProcess`.
    var isReaped = false
    var outputIsWatched = true
    var waitsForInput = false
    var closesInput = false

    init(key: WorkerKey, server: Int, pid: Int32, capacity: Int) {
        self.key = key
        self.server = server
        self.pid = pid
        self.input = ByteQueue(capacity: capacity)
        self.output = ByteQueue(capacity: capacity)
    }

    var isAlive: Bool { self.exit == nil }

    func die(_ exit: WorkerExit) {
        guard self.exit == nil else { return }
        self.exit = exit
        self.outputClosed = true
    }
}
