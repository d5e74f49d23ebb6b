public import Base
import CLinux
import Glibc

/// One deadline as a readable event, for loops that wait in something else than `Epoll.wait(into:until:)`.
public struct TimerFD: ~Copyable, Sendable {
    private let timer: OwnedFD

    public init() throws(SystemError) {
        let flags = Int32(TFD_CLOEXEC | TFD_NONBLOCK)
        self.timer = OwnedFD(
            Int32(try SystemCall.check(SystemCall.raw { timerfd_create(CLOCK_MONOTONIC, flags) }, "timerfd_create")))
    }

    public var descriptor: FileDescriptor { self.timer.descriptor }

    /// Fires once at `deadline`, at once when that has passed. nil disarms.
    public func set(_ deadline: Instant?) throws(SystemError) {
        var value = itimerspec()
        if let deadline, deadline != .distantFuture {
            let nanoseconds = max(deadline.nanoseconds, 1)  // 0 would disarm.
            value.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
            value.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        }
        let flags = Int32(TFD_TIMER_ABSTIME)
        let result = SystemCall.raw { unsafe timerfd_settime(self.descriptor.rawValue, flags, &value, nil) }
        try SystemCall.check(result, "timerfd_settime")
    }

    /// Whether the timer has fired since the last call.
    public func read() throws(SystemError) -> Bool {
        var expirations: UInt64 = 0
        let transfer = try unsafe withUnsafeMutableBytes(of: &expirations) { (buffer) throws(SystemError) in
            try unsafe self.descriptor.read(into: buffer)
        }
        return transfer == .moved(8)
    }
}
