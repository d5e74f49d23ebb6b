import Base
import Linux
import SupervisorCore

/// The kernel's side of one worker: its process and the descriptors of its channel. Nil once closed.
struct WorkerProcess {
    let key: WorkerKey
    /// The name of its server.
    let server: String
    var pid: Int32 = 0
    var pidFD: PidFD?
    /// Its stdin. For our own worker the same socket as `output`.
    var input: FileDescriptor?
    var output: FileDescriptor?
    var errors: FileDescriptor?
    /// Never read or written: the guard of a third-party server ends everything when our end of it is gone, however we ended.
    var lifeline: FileDescriptor?
    let isSocket: Bool
    /// Whether the input is registered for writability.
    var waitsForInput = false
    /// `closeWorkerInput` came while bytes were queued.
    var closesInput = false
    /// stderr, up to the next end of line. Bound: `limits.stderrLineBytesMax`.
    var errorLine: [UInt8] = []
    /// Bytes of stderr that may still be logged in this second.
    var errorAllowance = 0
    var errorSecond: Int64 = 0
    var errorBytesDropped = 0

    init(key: WorkerKey, server: String, isSocket: Bool) {
        self.key = key
        self.server = server
        self.isSocket = isSocket
    }
}
