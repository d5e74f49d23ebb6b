import CLinux
import Glibc

/// An error number of the kernel or the C library.
@frozen
public struct Errno: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    public static var permission: Self { Self(rawValue: EPERM) }
    public static var noEntry: Self { Self(rawValue: ENOENT) }
    public static var noProcess: Self { Self(rawValue: ESRCH) }
    public static var interrupted: Self { Self(rawValue: EINTR) }
    public static var wouldBlock: Self { Self(rawValue: EAGAIN) }
    public static var noMemory: Self { Self(rawValue: ENOMEM) }
    public static var accessDenied: Self { Self(rawValue: EACCES) }
    public static var exists: Self { Self(rawValue: EEXIST) }
    public static var invalid: Self { Self(rawValue: EINVAL) }
    public static var isDirectory: Self { Self(rawValue: EISDIR) }
    public static var fileTooBig: Self { Self(rawValue: EFBIG) }
    public static var processDescriptorsExhausted: Self { Self(rawValue: EMFILE) }
    public static var systemDescriptorsExhausted: Self { Self(rawValue: ENFILE) }
    public static var brokenPipe: Self { Self(rawValue: EPIPE) }
    public static var connectionReset: Self { Self(rawValue: ECONNRESET) }
    public static var connectionRefused: Self { Self(rawValue: ECONNREFUSED) }
    public static var connectionAborted: Self { Self(rawValue: ECONNABORTED) }
    public static var addressInUse: Self { Self(rawValue: EADDRINUSE) }
    public static var addressNotAvailable: Self { Self(rawValue: EADDRNOTAVAIL) }
    public static var noChild: Self { Self(rawValue: ECHILD) }
    public static var notSupported: Self { Self(rawValue: ENOSYS) }
    public static var readOnlyFileSystem: Self { Self(rawValue: EROFS) }
    public static var nameTooLong: Self { Self(rawValue: ENAMETOOLONG) }

    /// The symbol, as in `ENOENT`.
    public var name: String {
        guard let name = unsafe clinux_errno_name(self.rawValue) else { return "errno \(self.rawValue)" }
        return unsafe String(cString: name)
    }

    public var description: String {
        guard let text = unsafe clinux_errno_text(self.rawValue) else { return self.name }
        return "\(unsafe String(cString: text)) (\(self.name))"
    }
}

/// A system call that failed for a reason its caller has to know. `EINTR` and `EAGAIN` never get here.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    public let errno: Errno
    /// The call's name in section 2 or 3 of the manual.
    public let call: StaticString

    public init(_ errno: Errno, _ call: StaticString) {
        self.errno = errno
        self.call = call
    }

    public static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.errno == rhs.errno && lhs.call.description == rhs.call.description
    }

    public var description: String { "\(self.call): \(self.errno)" }
}
