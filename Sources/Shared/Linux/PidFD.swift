import CLinux
import Glibc

/// How a process ended.
@frozen
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    case exited(code: Int32)
    case killed(Signal, dumpedCore: Bool)

    public var isSuccess: Bool { self == .exited(code: 0) }

    public var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal, let dumpedCore): "signal \(signal.rawValue)\(dumpedCore ? " with a core file" : "")"
        }
    }

    init(_ result: clinux_exit) {
        if result.was_signalled != 0 {
            self = .killed(Signal(rawValue: result.status), dumpedCore: result.dumped_core != 0)
        } else {
            self = .exited(code: result.status)
        }
    }
}

/// A process by a descriptor, which unlike its number can never come to mean another process.
/// Readable in an `Epoll` once the process has ended. Plain like `FileDescriptor`: whoever holds it last calls `close`.
@frozen
public struct PidFD: Hashable, Sendable {
    public let descriptor: FileDescriptor

    @inlinable public init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    /// `pid` must be a child of ours that was not yet reaped, or the number may name a stranger.
    public static func open(_ pid: Int32) throws(SystemError) -> PidFD {
        PidFD(FileDescriptor(rawValue: try SystemCall.check(clinux_pidfd_open(pid), "pidfd_open")))
    }

    /// Reaps the process if it has ended; nil while it runs. `noChild` is thrown when it was reaped before.
    public func reap() throws(SystemError) -> ExitStatus? {
        var result = clinux_exit()
        let code = SystemCall.uninterrupted { Int(unsafe clinux_pidfd_wait(self.descriptor.rawValue, &result)) }
        try SystemCall.check(code, "waitid")
        return result.pid == 0 ? nil : ExitStatus(result)
    }

    /// False when the process has already ended.
    @discardableResult
    public func send(_ signal: Signal) throws(SystemError) -> Bool {
        let result = clinux_pidfd_signal(self.descriptor.rawValue, signal.rawValue)
        if result == -ESRCH { return false }
        try SystemCall.check(result, "pidfd_send_signal")
        return true
    }

    public func close() { self.descriptor.close() }
}

/// What concerns children and descendants as a whole.
public enum Processes {
    public static var current: Int32 { getpid() }
    public static var parent: Int32 { getppid() }
    public static var userID: UInt32 { geteuid() }

    /// Descendants whose parents die become our children, instead of those of process 1. Kept over `execve`.
    public static func becomeSubreaper() throws(SystemError) {
        try SystemCall.check(clinux_become_subreaper(), "prctl")
    }

    /// A child that has ended and waits to be reaped, left as it is. Ask who owns it before taking its status: children with a
    /// `PidFD` are reaped through that, everything else is an adopted orphan.
    public static func peekExited() throws(SystemError) -> Int32? {
        var result = clinux_exit()
        let code = SystemCall.uninterrupted { Int(unsafe clinux_peek_exited(&result)) }
        if code == -Int(ECHILD) { return nil }
        try SystemCall.check(code, "waitid")
        return result.pid == 0 ? nil : result.pid
    }

    /// Reaps the child `pid` if it has ended.
    public static func reap(_ pid: Int32) throws(SystemError) -> ExitStatus? {
        var result = clinux_exit()
        let code = SystemCall.uninterrupted { Int(unsafe clinux_reap(pid, &result)) }
        try SystemCall.check(code, "waitid")
        return result.pid == 0 ? nil : ExitStatus(result)
    }

    /// The children of the calling thread: what it started, and, for the main thread, what was adopted. Those that have ended and
    /// are not reaped are among them. One that ends meanwhile may hide others.
    public static func children() throws(SystemError) -> [Int32] {
        let path = "/proc/thread-self/children"
        return try Files.read(path, limit: 1 << 20).bytes.split(separator: 0x20).compactMap { word in
            Int32(String(decoding: word, as: UTF8.self))
        }
    }

    /// Signals a child that was not reaped yet, so that the number is certainly its own.
    public static func signalChild(_ pid: Int32, _ signal: Signal) throws(SystemError) {
        precondition(pid > 1, "not a child")
        try SystemCall.check(SystemCall.raw { Glibc.kill(pid, signal.rawValue) }, "kill")
    }

    /// Signals a process group. False when it has no member left. The group's number stays taken while its leader is not
    /// reaped, so this is safe only before that.
    @discardableResult
    public static func signalGroup(_ group: Int32, _ signal: Signal) throws(SystemError) -> Bool {
        precondition(group > 1, "not a process group of ours")
        let result = SystemCall.raw { Glibc.kill(-group, signal.rawValue) }
        if result == -Int(ESRCH) { return false }
        try SystemCall.check(result, "kill")
        return true
    }

    /// Signals every descendant of this process, whatever group or session it went to. The number found, or nil without /proc.
    @discardableResult
    public static func signalDescendants(_ signal: Signal) -> Int? {
        let found = clinux_tree_signal(signal.rawValue)
        return found < 0 ? nil : Int(found)
    }
}
