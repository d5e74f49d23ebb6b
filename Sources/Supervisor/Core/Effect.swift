public import Base

/// What the machine asks its driver to do, in the order it must be done.
///
/// Bytes are not effects: they wait in the machine's output buffers, and `dirtyConnections` / `dirtyWorkers` say whose.
public enum Effect: Equatable, Sendable {
    /// Nothing more will be read from or written to this connection.
    case closeConnection(ConnectionKey)
    /// Ends the write side; the connection is closed when the peer has ended its own, or later by `closeConnection`.
    case shutdownConnection(ConnectionKey)
    /// The peer is ahead of us: leave its bytes in the kernel until `resumeReading`.
    case pauseReading(ConnectionKey)
    case resumeReading(ConnectionKey)
    /// `connections` are all in use: leave new ones in the backlog.
    case pauseAccepting
    case resumeAccepting
    /// Closes every listener for good: a drain began.
    case stopListening

    case spawnWorker(WorkerKey, server: Int)
    /// End of input for the worker, after all queued bytes.
    case closeWorkerInput(WorkerKey)
    case signalWorker(WorkerKey, WorkerSignal)
    /// The worker's record is gone: nothing of its process or channel is needed any more.
    case closeWorker(WorkerKey)
    /// For the next supervisor: what is known of the era of this server from now on, or nothing any more.
    case rememberEra(server: Int, RememberedEra?)

    /// The first worker of the default server can answer, or need not: clients may come.
    case ready
    /// A drain began; the argument is the longest time it may take.
    case stopping(Interval)
    case log(LogEvent)
    /// The drain is over. No connection and no worker is left.
    case exit(status: Int32)
}

public enum WorkerSignal: Equatable, Sendable {
    /// SIGTERM: please end.
    case terminate
    /// SIGKILL to the worker and everything it started.
    case kill
}

public typealias ConnectionKey = SlotKey
public typealias CallKey = SlotKey
public typealias SessionKey = SlotKey
public typealias WorkerKey = SlotKey

/// How a worker process ended.
public enum WorkerExit: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
    /// It was never started: the program is missing, not executable, or a limit was reached. The errno.
    case notStarted(Int32)

    /// It could not be started because the machine or our own limits were short of something that comes back: EAGAIN (processes),
    /// ENOMEM, ENFILE, EMFILE.
    public var isShortage: Bool {
        switch self {
        case .notStarted(11), .notStarted(12), .notStarted(23), .notStarted(24): true
        case .notStarted, .exited, .signalled: false
        }
    }
}
