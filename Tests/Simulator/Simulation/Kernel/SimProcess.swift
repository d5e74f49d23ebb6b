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
    /// The worker closed its end of `input`.
    var inputClosed = false
    /// Input and output are one socket, as with the built-in worker.
    let isSocket: Bool
    /// The worker closed its end of `output`, or is gone.
    var outputClosed = false
    var exit: WorkerExit?
    // What the driver keeps beside the descriptors; as in the reactor's `WorkerProcess`.
    var isReaped = false
    var outputIsWatched = true
    var waitsForInput = false
    var closesInput = false

    init(key: WorkerKey, server: Int, pid: Int32, isSocket: Bool, capacity: Int) {
        self.key = key
        self.server = server
        self.pid = pid
        self.isSocket = isSocket
        self.input = ByteQueue(capacity: capacity)
        self.output = ByteQueue(capacity: capacity)
    }

    var isAlive: Bool { self.exit == nil }
    /// Somebody is at the other end of `input`.
    var isInputRead: Bool { self.isAlive && !self.inputClosed }

    func die(_ exit: WorkerExit) {
        guard self.exit == nil else { return }
        self.exit = exit
        self.outputClosed = true
    }
}
