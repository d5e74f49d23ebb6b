import CLinux
import Glibc

/// A signal's number.
@frozen
public struct Signal: Hashable, Sendable {
    public let rawValue: Int32

    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    public static var hangup: Self { Self(rawValue: SIGHUP) }
    public static var interrupt: Self { Self(rawValue: SIGINT) }
    public static var quit: Self { Self(rawValue: SIGQUIT) }
    public static var abort: Self { Self(rawValue: SIGABRT) }
    public static var kill: Self { Self(rawValue: SIGKILL) }
    public static var user1: Self { Self(rawValue: SIGUSR1) }
    public static var user2: Self { Self(rawValue: SIGUSR2) }
    public static var brokenPipe: Self { Self(rawValue: SIGPIPE) }
    public static var alarm: Self { Self(rawValue: SIGALRM) }
    public static var terminate: Self { Self(rawValue: SIGTERM) }
    public static var child: Self { Self(rawValue: SIGCHLD) }
    public static var `continue`: Self { Self(rawValue: SIGCONT) }
    public static var stop: Self { Self(rawValue: SIGSTOP) }

    /// Kept over exec: `Spawn` resets it in the child, but `execve` of ourselves does not.
    public func ignore() throws(SystemError) {
        try SystemCall.check(clinux_signal_ignore(self.rawValue), "sigaction")
    }

    /// Undoes what whoever started us may have done: with SIGCHLD ignored, which is kept over exec, the kernel reaps our children and
    /// nobody learns how they ended.
    public func restoreDefault() throws(SystemError) {
        try SystemCall.check(clinux_signal_default(self.rawValue), "sigaction")
    }
}

/// A set of signals, as the mask that /proc/PID/status shows.
@frozen
public struct SignalSet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    public init(_ signal: Signal) { self.rawValue = 1 << UInt64(signal.rawValue - 1) }
    public init(_ signals: [Signal]) { self.rawValue = signals.reduce(0) { $0 | Self($1).rawValue } }

    public func contains(_ signal: Signal) -> Bool { self.contains(Self(signal)) }

    /// What the calling thread blocks now. Threads inherit it from their creator.
    public static var blocked: Self { Self(rawValue: clinux_signal_mask()) }

    /// Replaces what the calling thread blocks. Before an `execve` of ourselves it must be emptied.
    public func becomeBlocked() throws(SystemError) {
        try SystemCall.check(clinux_signal_set_mask(self.rawValue), "pthread_sigmask")
    }
}
