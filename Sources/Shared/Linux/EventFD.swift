import CLinux
import Glibc

/// A counter in the kernel that one thread raises to wake another's loop.
public struct EventFD: ~Copyable, Sendable {
    private let counter: OwnedFD

    public init() throws(SystemError) {
        let flags = Int32(EFD_CLOEXEC | EFD_NONBLOCK)
        self.counter = OwnedFD(Int32(try SystemCall.check(SystemCall.raw { eventfd(0, flags) }, "eventfd")))
    }

    public var descriptor: FileDescriptor { self.counter.descriptor }

    /// Raises the counter. May be called from any thread.
    public func signal() throws(SystemError) {
        var one: UInt64 = 1
        // Expected: `wouldBlock` means that the counter is full, and so the reader will wake anyway.
        _ = try unsafe withUnsafeBytes(of: &one) { (buffer) throws(SystemError) in try unsafe self.descriptor.write(buffer) }
    }

    /// The number of signals since the last call.
    public func drain() throws(SystemError) -> UInt64 {
        var count: UInt64 = 0
        let transfer = try unsafe withUnsafeMutableBytes(of: &count) { (buffer) throws(SystemError) in
            try unsafe self.descriptor.read(into: buffer)
        }
        return transfer == .moved(8) ? count : 0
    }
}
