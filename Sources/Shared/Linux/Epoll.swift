public import Base
import CLinux
import Glibc

/// The kernel's readiness queue, level-triggered: an event comes again until its cause is gone.
///
/// Each descriptor carries a 64-bit value of the caller's, which is all that an event brings back. It should hold more than the
/// descriptor's number (a slot key with its generation): an event that was already fetched may belong to a descriptor that was
/// closed a moment ago, and whose number lives again.
public struct Epoll: ~Copyable, Sendable {
    /// What is waited for, and what has happened. `hangup` and `error` are reported whether asked for or not.
    @frozen
    public struct Events: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static var readable: Self { Self(rawValue: EPOLLIN.rawValue) }
        public static var writable: Self { Self(rawValue: EPOLLOUT.rawValue) }
        /// The peer will send nothing more (EPOLLRDHUP): half closed, or gone.
        public static var readHangup: Self { Self(rawValue: EPOLLRDHUP.rawValue) }
        /// Both directions are closed; of a pipe: the other end is.
        public static var hangup: Self { Self(rawValue: EPOLLHUP.rawValue) }
        public static var error: Self { Self(rawValue: EPOLLERR.rawValue) }
    }

    /// Room for the events of one wait, allocated once.
    @safe public struct Buffer: ~Copyable {
        fileprivate let storage: UnsafeMutableBufferPointer<epoll_event>
        public fileprivate(set) var count = 0

        public init(capacity: Int) {
            precondition(capacity > 0 && capacity <= 65_536)
            unsafe self.storage = .allocate(capacity: capacity)
            unsafe self.storage.initialize(repeating: epoll_event())
        }

        deinit { unsafe self.storage.deallocate() }

        public var capacity: Int { unsafe self.storage.count }

        /// `index` is below `count`.
        public subscript(index: Int) -> (data: UInt64, events: Events) {
            precondition(index >= 0 && index < self.count)
            let event = unsafe self.storage[index]
            return unsafe (event.data.u64, Events(rawValue: event.events))
        }
    }

    private let queue: OwnedFD

    public init() throws(SystemError) {
        let result = SystemCall.raw { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        self.queue = OwnedFD(Int32(try SystemCall.check(result, "epoll_create1")))
    }

    /// For handing it to another epoll, or counting descriptors.
    public var descriptor: FileDescriptor { self.queue.descriptor }

    public func add(_ descriptor: FileDescriptor, _ events: Events, data: UInt64) throws(SystemError) {
        try self.control(EPOLL_CTL_ADD, descriptor, events, data)
    }

    /// Replaces both the events and the data.
    public func modify(_ descriptor: FileDescriptor, _ events: Events, data: UInt64) throws(SystemError) {
        try self.control(EPOLL_CTL_MOD, descriptor, events, data)
    }

    /// Needed before `close` whenever another process may hold a copy; otherwise events of a descriptor we no longer have keep
    /// coming.
    public func remove(_ descriptor: FileDescriptor) throws(SystemError) {
        try self.control(EPOLL_CTL_DEL, descriptor, [], 0)
    }

    /// Waits until something is ready or `deadline` has come; nil waits without end. A deadline that has passed only looks.
    /// A signal handler that runs meanwhile ends the wait with 0 events, like a timeout: the caller asks the clock either way.
    /// Never returns before the deadline because of rounding: the kernel gets whole milliseconds, rounded up.
    @discardableResult
    public func wait(into buffer: inout Buffer, until deadline: Instant?) throws(SystemError) -> Int {
        guard let deadline, deadline != .distantFuture else { return try self.wait(into: &buffer, milliseconds: -1) }
        let left = (deadline - SystemClock.now()).wholeMilliseconds
        return try self.wait(into: &buffer, milliseconds: Int32(min(max(left, 0), 86_400_000)))
    }

    /// The same for a caller that already knows how long.
    @discardableResult
    public func wait(into buffer: inout Buffer, timeout: Interval?) throws(SystemError) -> Int {
        guard let timeout else { return try self.wait(into: &buffer, milliseconds: -1) }
        return try self.wait(into: &buffer, milliseconds: Int32(min(max(timeout.wholeMilliseconds, 0), 86_400_000)))
    }

    private func wait(into buffer: inout Buffer, milliseconds: Int32) throws(SystemError) -> Int {
        let storage = unsafe buffer.storage
        let result = SystemCall.raw {
            unsafe epoll_wait(self.descriptor.rawValue, storage.baseAddress, Int32(storage.count), milliseconds)
        }
        buffer.count = result == -Int(EINTR) ? 0 : try SystemCall.check(result, "epoll_wait")
        return buffer.count
    }

    private func control(
        _ operation: Int32, _ descriptor: FileDescriptor, _ events: Events, _ data: UInt64
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = events.rawValue
        unsafe event.data.u64 = data
        let result = SystemCall.raw { unsafe epoll_ctl(self.descriptor.rawValue, operation, descriptor.rawValue, &event) }
        try SystemCall.check(result, "epoll_ctl")
    }
}
