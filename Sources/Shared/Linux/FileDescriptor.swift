import CLinux
import Glibc

/// An open descriptor as a plain number, for tables and events. Does not own it: see `OwnedFD`.
@frozen
public struct FileDescriptor: Hashable, Sendable {
    public let rawValue: Int32

    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    public static var standardInput: Self { Self(rawValue: 0) }
    public static var standardOutput: Self { Self(rawValue: 1) }
    public static var standardError: Self { Self(rawValue: 2) }

    /// Closes the descriptor. Remove it from an `Epoll` first when a copy may live on in another process.
    /// After EINTR Linux has closed it all the same, and what a failed close says about earlier writes is asked with
    /// `synchronize`.
    public func close() {
        let result = SystemCall.raw { Glibc.close(self.rawValue) }
        precondition(result != -Int(EBADF), "close: descriptor \(self.rawValue) is not open")
    }

    /// Makes this number stand for /dev/null; what it stood for is closed. For a standard stream that has ended: no later descriptor
    /// may get its number.
    public func becomeNull() throws(SystemError) {
        let null = try Files.null()
        try SystemCall.check(Glibc.dup2(null.descriptor.rawValue, self.rawValue), "dup2")
    }

    public func setCloseOnExec(_ enabled: Bool) throws(SystemError) {
        try SystemCall.check(clinux_set_close_on_exec(self.rawValue, enabled ? 1 : 0), "fcntl")
    }

    public func isCloseOnExec() throws(SystemError) -> Bool {
        try SystemCall.check(clinux_is_close_on_exec(self.rawValue), "fcntl") != 0
    }

    /// The flag belongs to the open file description: every process that shares it is affected.
    public func setNonblocking(_ enabled: Bool) throws(SystemError) {
        try SystemCall.check(clinux_set_nonblocking(self.rawValue, enabled ? 1 : 0), "fcntl")
    }

    public func isNonblocking() throws(SystemError) -> Bool {
        try SystemCall.check(clinux_is_nonblocking(self.rawValue), "fcntl") != 0
    }

    /// Another number (at least `least`) for the same open file description, close-on-exec.
    public func duplicate(from least: Int32 = 3) throws(SystemError) -> OwnedFD {
        OwnedFD(try SystemCall.check(clinux_duplicate(self.rawValue, least), "fcntl"))
    }

    /// Whether a write of up to PIPE_BUF bytes would not wait now: there is room, or nobody reads any more and it fails at once.
    /// Files always can.
    public var isWritableNow: Bool {
        var entry = pollfd(fd: self.rawValue, events: Int16(POLLOUT), revents: 0)
        return unsafe Glibc.poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLOUT | POLLERR | POLLHUP) != 0
    }

    public var isTerminal: Bool { Glibc.isatty(self.rawValue) == 1 }
    /// For a descriptor inherited by number: whether it is open at all.
    public var isOpen: Bool { clinux_is_close_on_exec(self.rawValue) >= 0 }
}

/// A descriptor with one owner, closed when the owner ends: at the end of the scope of the variable that holds it.
///
/// Bind it to a variable before using `descriptor`. In `try Files.open(path, .read).descriptor.status()` the owner is a
/// temporary that ends, and closes, before `status` runs.
@frozen
public struct OwnedFD: ~Copyable, Sendable {
    public let descriptor: FileDescriptor

    /// Takes over `descriptor`.
    @inlinable public init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }
    @inlinable init(_ rawValue: Int32) { self.descriptor = FileDescriptor(rawValue: rawValue) }

    deinit { self.descriptor.close() }

    /// Ends the ownership now.
    public consuming func close() {}

    /// Gives the ownership to the caller, who must close the descriptor.
    @inlinable public consuming func release() -> FileDescriptor {
        let descriptor = self.descriptor
        discard self
        return descriptor
    }
}

/// Two connected descriptors.
public struct DescriptorPair: ~Copyable, Sendable {
    /// The reading end of a pipe.
    public let first: OwnedFD
    /// The writing end of a pipe.
    public let second: OwnedFD

    init(first: consuming OwnedFD, second: consuming OwnedFD) {
        self.first = first
        self.second = second
    }

    /// Gives the ownership of both to the caller.
    public consuming func release() -> (first: FileDescriptor, second: FileDescriptor) {
        (self.first.release(), self.second.release())
    }

    /// Both ends close-on-exec. `nonblocking` holds for both.
    public static func pipe(nonblocking: Bool) throws(SystemError) -> DescriptorPair {
        try unsafe self.make("pipe2") { ends in unsafe clinux_pipe(ends, nonblocking ? 1 : 0) }
    }

    /// Two connected Unix stream sockets, close-on-exec.
    public static func sockets(nonblocking: Bool) throws(SystemError) -> DescriptorPair {
        try unsafe self.make("socketpair") { ends in unsafe clinux_socketpair(ends, nonblocking ? 1 : 0) }
    }

    private static func make(
        _ call: StaticString, _ body: (UnsafeMutablePointer<Int32>) -> Int32
    ) throws(SystemError) -> DescriptorPair {
        var ends: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutablePointer(to: &ends) { pointer in
            unsafe pointer.withMemoryRebound(to: Int32.self, capacity: 2) { unsafe body($0) }
        }
        try SystemCall.check(result, call)
        return DescriptorPair(first: OwnedFD(ends.0), second: OwnedFD(ends.1))
    }
}
