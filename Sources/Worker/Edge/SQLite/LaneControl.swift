import Base
import CSQLite
import Synchronization

/// How another thread reaches the statement that a lane is running: to stop it, and to see how far it is.
@safe final class LaneControl: Sendable {
    /// The address of the connection in use, only while a call runs on it; else 0.
    private let running = Mutex<UInt>(0)
    /// Looked at by the progress handler.
    private let cancelled = Atomic<Bool>(false)
    /// Set when the engine was told to stop: the flag it keeps may outlive the call that was meant.
    private let interrupted = Atomic<Bool>(false)
    private let rowCount = Atomic<Int>(0)
    private let deadlineNanoseconds = Atomic<Int64>(.max)

    init() {}

    /// The call of this lane starts. Called by the lane's thread.
    func begin(deadline: Instant) {
        self.cancelled.store(false, ordering: .relaxed)
        self.rowCount.store(0, ordering: .relaxed)
        self.deadlineNanoseconds.store(deadline.nanoseconds, ordering: .relaxed)
    }

    /// From here until `leave`, `interrupt` reaches into `handle`.
    func enter(_ handle: OpaquePointer) {
        let address = UInt(bitPattern: handle)
        self.running.withLock { $0 = address }
    }

    /// After this no interrupt can hit the lane's next statement.
    func leave() { self.running.withLock { $0 = 0 } }

    /// Whether an interrupt was sent since the last time. After it every statement of the connection must be reset: the engine
    /// drops its flag only when none is active.
    func takeInterrupted() -> Bool { self.interrupted.exchange(false, ordering: .relaxed) }

    func rowRead() { self.rowCount.wrappingAdd(1, ordering: .relaxed) }

    /// Rows read so far, for progress notifications.
    var rows: Int { self.rowCount.load(ordering: .relaxed) }
    var isCancelled: Bool { self.cancelled.load(ordering: .relaxed) }
    var deadline: Instant { Instant(nanoseconds: self.deadlineNanoseconds.load(ordering: .relaxed)) }

    /// Stops the running call: at the next check of the progress handler, or inside the engine's few long instructions that look
    /// at the interrupt flag themselves (a count over a whole table).
    func cancel() {
        self.cancelled.store(true, ordering: .relaxed)
        self.interrupt()
    }

    /// Called by any thread when the deadline has passed but the progress handler has not seen it.
    func interrupt() {
        // The lock keeps the connection in its call, and so open, while it is interrupted.
        self.running.withLock { address in
            guard let handle = unsafe OpaquePointer(bitPattern: address) else { return }
            self.interrupted.store(true, ordering: .relaxed)
            unsafe sqlite3_interrupt(handle)
        }
    }
}
