import CLinux
import Glibc

/// Signals as readable events instead of handlers.
public struct SignalFD: ~Copyable, Sendable {
    /// One delivery. Equal standard signals that arrive before it is read are merged into one by the kernel.
    public struct Delivery: Equatable, Sendable {
        public let signal: Signal
        /// Who sent it; 0 when the kernel did.
        public let pid: Int32
        public let uid: UInt32
    }

    private let queue: OwnedFD

    /// Blocks `signals` in the calling thread and receives them here. Must run before the process starts any thread, because
    /// threads inherit the mask: one that does not block a signal would take it instead.
    public init(blocking signals: SignalSet) throws(SystemError) {
        try SystemCall.check(clinux_signal_block(signals.rawValue), "pthread_sigmask")
        self.queue = OwnedFD(try SystemCall.check(clinux_signalfd(signals.rawValue), "signalfd"))
    }

    public var descriptor: FileDescriptor { self.queue.descriptor }

    /// The next delivery, or nil when none waits.
    public func read() throws(SystemError) -> Delivery? {
        var info = signalfd_siginfo()
        let transfer = try unsafe withUnsafeMutableBytes(of: &info) { (buffer) throws(SystemError) in
            try unsafe self.descriptor.read(into: buffer)
        }
        guard case .moved(MemoryLayout<signalfd_siginfo>.size) = transfer else { return nil }
        let signal = Signal(rawValue: Int32(truncatingIfNeeded: info.ssi_signo))
        return Delivery(signal: signal, pid: Int32(truncatingIfNeeded: info.ssi_pid), uid: info.ssi_uid)
    }
}
